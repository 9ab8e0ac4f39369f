"""Compare what the source says with what the CRM holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import orjson
from xxhash import xxh3_64_digest

from crmlift.destination import Values
from crmlift.ledger import Known, Ledger

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
_SIZE = 8


def digest(names: Iterable[str], values: Values) -> bytes:
    """Return 8 bytes per name: enough to see which field differs, without keeping its value."""
    return b"".join([_hash(values.get(name)) for name in names])


def _hash(value: Any) -> bytes:
    # Text is most of all values; its own seed keeps "1" apart from 1.
    if type(value) is str:
        return xxh3_64_digest(value.encode(), 1)
    return xxh3_64_digest(orjson.dumps(value, default=str, option=_OPTIONS))


def differing(names: tuple[str, ...], left: bytes, right: bytes) -> list[str]:
    """Return the names whose digests differ."""
    return [
        name
        for position, name in enumerate(names)
        if left[position * _SIZE : (position + 1) * _SIZE] != right[position * _SIZE : (position + 1) * _SIZE]
    ]


def same(left: Any, right: Any) -> bool:
    """Tell whether two canonical values are equal, whatever the order of their keys."""
    if left == right:
        return (type(left) is bool) == (type(right) is bool)
    return _hash(left) == _hash(right)


def survives(value: Any, expected: Any) -> bool:
    """Tell whether a value is in the CRM as it came: in its own form, or as JSON in a text."""
    if isinstance(value, dict | list) and isinstance(expected, str):
        try:
            return bool(orjson.loads(expected) == value)
        except orjson.JSONDecodeError:
            return False
    return bool(value == expected)


def changes(
    wanted: Values,
    current: Values,
    *,
    fill_empty: Collection[str],
    sticky: Mapping[str, bool] | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Return what to write, and the fields whose own value the CRM keeps.

    A field of `fill_empty` is written only where the CRM has nothing. A field of `sticky` never leaves
    the value named there, and takes it over any other.
    """
    write: dict[str, Any] = {}
    kept: list[str] = []
    for name, value in wanted.items():
        present = current.get(name)
        if same(present, value):
            continue
        if sticky and name in sticky:
            keeps = present is sticky[name] or (value is not sticky[name] and present is not None)
        else:
            keeps = present is not None and name in fill_empty
        if keeps:
            kept.append(name)
        else:
            write[name] = value
    return write, kept


def said_by_one(ledger: Ledger, rows: Iterable[Known], name: str, current: Mapping[str, Any]) -> bool:
    """Tell whether a field holds what one of some rows says."""
    now = digest((name,), current)
    for row in rows:
        if not row.shape or not row.digest:
            continue
        names = ledger.records.shape_names(row.shape)
        if name in names:
            place = names.index(name) * len(now)
            if row.digest[place : place + len(now)] == now:
                return True
    return False
