"""Fit the proposer's weights on the tuning set and print them as `weights.toml`.

`python benchmarks/propose_fit.py > core/src/crmlift/propose/weights.toml` replaces the file. A
conditional logit by plain gradient steps: one weight per kind of evidence, pulled towards 0; a weight never
takes the sign that its kind rules out. So that names outside our lists are known as a case, every
attribute is seen again, as a quarter, without what its name says about the right field; and those whose
name changes by it, as halves, with one and the other half of the words hidden that say what else it is
about, or nothing: our lists know those of the tuning set far better than those of the world.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from unittest.mock import patch
from zlib import crc32

from labelled import TUNING, read_labelled

from crmlift.propose import names
from crmlift.propose.evidence import NONE, Evidence, Trait
from crmlift.propose.lists import data
from crmlift.propose.proposer import gather
from crmlift.propose.text import entries
from crmlift.propose.weigh import confidences

STEPS, RATE, PULL = 250, 0.6, 0.0004
AGAINST = ("name_turned", "value_odd", "value_never", "value_unlisted_closed", "value_unlisted_open")
HIDDEN = ("turning", "place", "system", "neutral", "person")
OF_THE_NAME = (
    "name",
    "name_weak",
    "name_qualified",
    "name_close",
    "other_name",
    "other_name_weak",
    "other_name_qualified",
)
BANDS = """
# From which confidence on a line is `sure` or worth a `look`, and by how much it must lead. `agreed` lists
# the kinds of evidence of which a `sure` line has one.
[bands]
sure = {sure}
look = 0.6
look_none = 0.4
margin = 0.2
agreed = ["name", "value_certain", "other_name", "other_name_qualified"]
"""

Case = tuple[str, list[Evidence], float]


def cases(*, use_meaning: bool) -> list[Case]:
    labelled = read_labelled(TUNING)
    evidence = list(gather([trait for trait, _ in labelled], use_meaning=use_meaning))
    found = [(label, items, 1.0) for (_, label), items in zip(labelled, evidence, strict=True)]
    unnamed = [(label, _without_name(label, items), 0.25) for label, items, _ in found if label != NONE]
    return [*found, *unnamed, *_with_words_hidden(labelled, evidence, use_meaning=use_meaning)]


def _with_words_hidden(
    labelled: Sequence[tuple[Trait, str]], usual: Sequence[list[Evidence]], *, use_meaning: bool
) -> Iterator[Case]:
    lists = data("names.toml")["words"]
    for half in (0, 1):
        kept = {
            name: ", ".join(w for w in entries(text) if crc32(w.encode()) % 2 == half)
            for name, text in lists.items()
            if name in HIDDEN
        }
        with patch.dict(lists, kept):
            names.word_list.cache_clear()
            found = list(gather([trait for trait, _ in labelled], use_meaning=use_meaning))
        names.word_list.cache_clear()
        for (_, label), items, before in zip(labelled, found, usual, strict=True):
            if items != before:
                yield label, items, 0.5


def _without_name(label: str, items: Sequence[Evidence]) -> list[Evidence]:
    kept = [item for item in items if not (item.field == label and item.kind in OF_THE_NAME)]
    return [*kept, Evidence(NONE, "other_word", 1.0, "")]


def fit(found: Sequence[Case]) -> dict[str, float]:
    kinds = sorted({item.kind for _, items, _ in found for item in items} | {"other_bias"})
    weight = {kind: (-1.0 if kind in AGAINST else 1.0) for kind in kinds}
    squares = dict.fromkeys(kinds, 1e-8)
    total = sum(share for *_, share in found)
    for _ in range(STEPS):
        slope = {kind: PULL * weight[kind] for kind in kinds}
        for label, items, share in found:
            likely = confidences(items, weight)
            for item in (*items, Evidence(NONE, "other_bias", 1.0, "")):
                slope[item.kind] += (
                    (likely[item.field] - (item.field == label)) * item.strength * share / total
                )
        for kind in kinds:
            squares[kind] += slope[kind] ** 2
            weight[kind] = _bound(kind, weight[kind] - RATE * slope[kind] / sqrt(squares[kind]))
    return weight


def _bound(kind: str, value: float) -> float:
    if kind == "other_bias":
        return value
    return min(value, 0.0) if kind in AGAINST else max(value, 0.0)


def main() -> None:
    print("# Log odds per kind of evidence. Written by benchmarks/propose_fit.py.")
    for name, use_meaning in (("plain", False), ("meaning", True)):
        print(f"\n[{name}]")
        for kind, value in sorted(fit(cases(use_meaning=use_meaning)).items()):
            print(f"{kind} = {value:.2f}")
        print("plugin = 6.0")
    print(BANDS.format(sure=0.9).rstrip())


if __name__ == "__main__":
    main()
