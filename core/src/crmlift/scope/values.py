"""What values look like, and how to show them without showing them."""

from __future__ import annotations

import re
from collections.abc import Iterable

PATTERNS: dict[str, re.Pattern[str]] = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}"),
    "url": re.compile(r"(https?://|www\.)\S+", re.I),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./](19|20)\d{2}"),
    "datetime": re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})?"),
    "unix_seconds": re.compile(r"1[0-9]{9}"),
    "number": re.compile(r"[+-]?\d+([.,]\d+)?"),
    "boolean": re.compile(r"true|false|yes|no|on|off", re.I),
    "phone": re.compile(r"(?=(\D*\d){7,15}\D*$)(\+|00|\()[\d\s()./-]+"),
    "uuid": re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.I),
    "language": re.compile(r"[a-z]{2,3}[-_]([A-Z][a-z]{3}[-_])?[A-Z]{2}"),
    "timezone": re.compile(
        r"(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[\w/+-]+|UTC"
    ),
    "json": re.compile(r"\s*[\[{].*[\]}]\s*", re.S),
    "html": re.compile(r".*</?[a-z][^>]*>.*", re.I | re.S),
}


def patterns(values: Iterable[str]) -> dict[str, float]:
    """Return the share of the values that fully match each pattern; those that none matches are left out."""
    values = list(values)
    found = {
        name: round(sum(1 for value in values if pattern.fullmatch(value)) / len(values), 3)
        for name, pattern in PATTERNS.items()
        if values
    }
    return {name: share for name, share in found.items() if share}


def mask(value: str) -> str:
    """Keep the form of a value only: `Zoë 42` becomes `Xxx 99`."""
    return "".join(map(_mask, value))


def _mask(character: str) -> str:
    if character.isdigit():
        return "9"
    if character.isupper():
        return "X"
    # Letters without case, and marks and emoji that may tell who it was.
    return "x" if character.isalpha() or not character.isascii() else character
