"""How often the proposer is right, on the set that it was tuned on and on two others (see labelled.py)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from labelled import HELD_OUT, TUNING, WILD, read_labelled
from tables import print_table

from crmlift.propose import meaning
from crmlift.propose.evidence import NONE
from crmlift.propose.proposer import judge
from crmlift.propose.weigh import Verdict

HEADINGS = ("set", "traits", "right", "sure", "sure right", "top 3", "false maps", "missed")


def figures(labels: Sequence[str], verdicts: Sequence[Verdict]) -> list[str]:
    """Return shares: right; sure, and right among these; right among the best three; false maps; missed.

    A false map is a field where `none` is right, a miss the other way round.
    """
    pairs = list(zip(labels, verdicts, strict=True))
    sure = [(label, verdict) for label, verdict in pairs if verdict.band == "sure"]
    nothing = [verdict for label, verdict in pairs if label == NONE]
    something = [verdict for label, verdict in pairs if label != NONE]

    def share(hits: int, of: int) -> str:
        return f"{hits / of:.1%} ({hits})" if of else "-"

    return [
        str(len(pairs)),
        share(sum(label == verdict.best for label, verdict in pairs), len(pairs)),
        share(len(sure), len(pairs)),
        share(sum(label == verdict.best for label, verdict in sure), len(sure)),
        share(
            sum(label in [c.field for c in verdict.candidates[:3]] for label, verdict in pairs), len(pairs)
        ),
        share(sum(verdict.best != NONE for verdict in nothing), len(nothing)),
        share(sum(verdict.best == NONE for verdict in something), len(something)),
    ]


def main(*more: Path) -> None:
    rows = []
    for path in (TUNING, HELD_OUT, WILD, *more):
        labelled = read_labelled(path)
        traits, labels = [trait for trait, _ in labelled], [label for _, label in labelled]
        for name, use_meaning in (("", False), (" + meaning", True)):
            if not use_meaning or meaning.available():
                rows.append([path.stem + name, *figures(labels, judge(traits, use_meaning=use_meaning))])
    print_table("Fields proposed for labelled attributes", HEADINGS, rows)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
