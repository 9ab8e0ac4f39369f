"""Labelled attributes: the set that the weights are fitted on, and the one that is only ever measured."""

from __future__ import annotations

import csv
from pathlib import Path

from crmlift.propose.attributes import read_traits
from crmlift.propose.evidence import Trait

FOLDER = Path(__file__).parent / "data"
TUNING, HELD_OUT = FOLDER / "fields-tuning.csv", FOLDER / "fields-held-out.csv"


def read_labelled(path: Path) -> list[tuple[Trait, str]]:
    """Return attributes with the field that is right for them."""
    with path.open(encoding="utf-8", newline="") as file:
        labels = [row["expected"] for row in csv.DictReader(file)]
    return list(zip(read_traits(path), labels, strict=True))
