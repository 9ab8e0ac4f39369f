"""A plain list of attributes as CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import orjson

from crmlift.errors import ConfigError
from crmlift.propose.evidence import Trait, as_text

NAME, VALUES = "trait", "sample_values_json"


def read_traits(path: Path) -> list[Trait]:
    """Read a CSV file with the columns `trait` and `sample_values_json` (a JSON list); others are ignored.

    Raises `ConfigError` that names the line.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        lacking = [name for name in (NAME, VALUES) if name not in (reader.fieldnames or ())]
        if lacking:
            raise ConfigError(
                f"{path.name}: the column '{lacking[0]}' is missing.",
                hint=f"Its first line must name {NAME} and {VALUES}.",
            )
        return [Trait(row[NAME] or "", _values(path, reader.line_num, row[VALUES])) for row in reader]


def _values(path: Path, line: int, text: str | None) -> list[str]:
    try:
        values = orjson.loads(text or "[]")
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, list):
        raise ConfigError(f"{path.name}:{line}: '{VALUES}' is no JSON list.")
    return [found for value in values if (found := as_text(value)) is not None]
