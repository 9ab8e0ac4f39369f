"""The pieces of SOQL that we send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from crmlift.chunks import chunks

MAX_URL = 14_000
"""Characters of a list in a query: a GET takes about 16 KB, and quotes and commas are percent-encoded."""

PER_LIST = 600
"""Values in a list at the most: so many ids fit."""


def quoted(text: str) -> str:
    """Return a string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def begins(field: str, start: str) -> str:
    """Return a condition: the field begins like this."""
    pattern = quoted(start).replace("_", "\\_").replace("%", "\\%")
    return f"{field} LIKE {pattern[:-1]}%'"


def one_of(field: str, values: Iterable[str]) -> str:
    """Return a condition: the field holds one of the values."""
    return f"{field} IN ({','.join(quoted(value) for value in values)})"


def lists(values: Iterable[str]) -> Iterator[list[str]]:
    """Cut values into lists that fit into the URL of a query."""
    for many in chunks(values, PER_LIST):
        part: list[str] = []
        size = 0
        for value in many:
            cost = len(value.encode()) * (1 if value.isalnum() else 3) + 9
            if part and size + cost > MAX_URL:
                yield part
                part, size = [], 0
            part.append(value)
            size += cost
        if part:
            yield part
