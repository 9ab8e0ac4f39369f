"""Flatten nested attributes: `{"plan": {"name": "pro"}}` becomes `{"plan.name": "pro"}`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from crmlift.batch import Batch
from crmlift.hookspecs import hookimpl


class Flatten(BaseModel):
    """Write a flat copy of a nested dict into another key of the record; the original stays.

    `streams` maps a stream to the key that holds its nested dict. Names are joined by `separator`.
    Lists and empty dicts are kept as they are. Where two paths give one flat name (a literal
    `a.b` beside `a: {b}`), the literal one keeps it and the nested one is found at `a.b.2`.
    """

    model_config = ConfigDict(extra="forbid")

    streams: dict[str, str]
    into: str = "traits"
    separator: str = "."

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Add the flat copy to every record of the configured streams."""
        source = self.streams.get(batch.stream)
        if source is None:
            return
        for item in batch.items:
            nested = item.record.get(source)
            item.record[self.into] = flatten(nested, self.separator) if isinstance(nested, dict) else {}


def flatten(nested: dict[str, Any], separator: str = ".") -> dict[str, Any]:
    """Return the leaves of a nested dict by their joined names, in a stable order."""
    flat = {name: value for name, value in nested.items() if not _branches(value)}
    for name, value in nested.items():
        if _branches(value):
            for inner, leaf in flatten(value, separator).items():
                flat[_free(f"{name}{separator}{inner}", flat, separator)] = leaf
    return flat


def _branches(value: Any) -> bool:
    return isinstance(value, dict) and bool(value)


def _free(name: str, taken: dict[str, Any], separator: str) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}{separator}{number}", number + 1
    return candidate
