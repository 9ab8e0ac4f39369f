"""A batch of records of one stream on its way through the hooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Record = dict[str, Any]
Fate = Literal["held", "excluded"]


class Claims(Protocol):
    """Who was first to claim a value, kept across batches and runs."""

    def claim(self, kind: str, wanted: Mapping[str, str]) -> dict[str, str]:
        """Claim values for keys (`wanted` maps value to key); return the owner's key per value."""

    def owners(self, kind: str, values: Iterable[str]) -> dict[str, str]:
        """Return the owner's key per value, for those that somebody has claimed."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A record that a hook took out of the load, and why."""

    item: Item
    fate: Fate
    reason: str


class Item:
    """One record with its place in the input and the key that the source gave it.

    `into` is the key of the record whose row takes this one in, once it is merged.
    """

    __slots__ = ("into", "key", "record", "seq")

    def __init__(self, record: Record, key: str, seq: int) -> None:
        self.record = record
        self.key = key
        self.seq = seq
        self.into: str | None = None

    @property
    def merged(self) -> bool:
        """Whether another record's row takes this one in."""
        return self.into is not None


class Batch:
    """Records of one stream; `key_properties` are the stream's.

    Iterating gives the items still to be loaded. `claims` remembers values across batches.
    """

    def __init__(
        self, stream: str, items: Sequence[Item], key_properties: Sequence[str], claims: Claims
    ) -> None:
        self.stream = stream
        self.items = list(items)
        self.key_properties = tuple(key_properties)
        self.claims = claims
        self.removed: list[Removed] = []

    def __iter__(self) -> Iterator[Item]:
        return iter(list(self.items))

    def hold(self, item: Item, reason: str) -> None:
        """Keep a record out of the CRM until a person decides; it stays in the ledger."""
        self._remove(item, "held", reason)

    def exclude(self, item: Item, reason: str) -> None:
        """Leave a record out for good; it is counted with its reason."""
        self._remove(item, "excluded", reason)

    def merge(self, item: Item, into: str) -> None:
        """Let a record join the row of the record with the key `into`: it fills only what is empty there."""
        item.into = into
        for name, part in zip(self.key_properties, split_key(into), strict=True):
            item.record[name] = part

    def _remove(self, item: Item, fate: Fate, reason: str) -> None:
        self.items.remove(item)
        self.removed.append(Removed(item, fate, reason))


def join_key(parts: Sequence[object]) -> str:
    """Make one key of several parts; `:` and `%` inside a part are percent-encoded."""
    if len(parts) == 1:
        (part,) = parts
        return part if type(part) is str else str(part)
    return ":".join(str(part).replace("%", "%25").replace(":", "%3A") for part in parts)


def split_key(key: str) -> list[str]:
    """Undo `join_key` for several parts, or give back a single one."""
    if ":" not in key:
        return [key]
    return [part.replace("%3A", ":").replace("%25", "%") for part in key.split(":")]
