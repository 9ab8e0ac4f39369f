"""A batch of records of one stream on its way through the hooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Record = dict[str, Any]
Fate = Literal["held", "excluded", "merged"]
DEFERRED = "deferred"
"""The code of a record that is held only until every stream has been read."""


class Claims(Protocol):
    """What hooks remember across batches and runs: one text per value, by kind; kept in the ledger."""

    def claim(self, kind: str, wanted: Mapping[str, str]) -> dict[str, str]:
        """Claim values for keys (`wanted` maps value to key); return the owner's key per value."""

    def owners(self, kind: str, values: Iterable[str]) -> dict[str, str]:
        """Return the owner's key per value that was claimed or put; claim nothing."""

    def put(self, kind: str, held: Mapping[str, str]) -> None:
        """Keep a text per value, in place of what was there."""

    def take(self, kind: str) -> Iterator[dict[str, str]]:
        """Yield all that a kind holds, page by page; a page is dropped once the next is asked for."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What a hook decided about one record, for the ledger: its fate, a code to group by, and why.

    `turn` is the place of a deferred record among all of them: the lowest comes first, none before all.
    """

    item: Item
    fate: Fate
    code: str
    reason: str
    turn: int | None = None


class Item:
    """One record with its place in the input and the key that the source gave it.

    `into` is the key of the record whose row takes this one in, once it is merged. What is `weak` fills
    only what its row does not hold yet.
    """

    __slots__ = ("into", "key", "record", "seq", "weak")

    def __init__(self, record: Record, key: str, seq: int) -> None:
        self.record = record
        self.key = key
        self.seq = seq
        self.into: str | None = None
        self.weak = False

    @property
    def merged(self) -> bool:
        """Whether another record's row takes this one in."""
        return self.into is not None


class Batch:
    """Records of one stream; `key_properties` are the stream's.

    Iterating gives the items still to be loaded. `claims` remembers values across batches and runs.
    `last` is true once every stream has been read: then a record can be deferred no more.
    """

    def __init__(
        self,
        stream: str,
        items: Sequence[Item],
        key_properties: Sequence[str],
        claims: Claims,
        *,
        last: bool = False,
    ) -> None:
        self.stream = stream
        self.items = list(items)
        self.key_properties = tuple(key_properties)
        self.claims = claims
        self.last = last
        self.letters: list[Letter] = []
        self._counts: list[tuple[str, int, Item | None]] = []
        self._emitted: dict[tuple[str, tuple[str, ...]], list[tuple[Item, Item]]] = {}

    def __iter__(self) -> Iterator[Item]:
        return iter(list(self.items))

    def hold(self, item: Item, reason: str, *, code: str = "held") -> None:
        """Keep a record out of the CRM until a person decides; it stays in the ledger."""
        self._remove(item, "held", code, reason)

    def defer(self, item: Item, reason: str, *, turn: int | None = None) -> None:
        """Hold a record until every stream has been read; then it goes the whole way again, in its `turn`."""
        if self.last:
            raise ValueError("every stream has been read: a record can be deferred no more")
        self._remove(item, "held", DEFERRED, reason, turn)

    def exclude(self, item: Item, reason: str, *, code: str = "excluded") -> None:
        """Leave a record out for good; it is counted with its reason."""
        self._remove(item, "excluded", code, reason)

    def leave(self, item: Item) -> None:
        """Leave out a record that hangs on an excluded one: it is counted as excluded, and not kept."""
        self.items.remove(item)
        self.count("excluded", item=item)

    def merge(self, item: Item, into: str, *, code: str = "merged", wins: bool = False) -> None:
        """Let a record join the row of the record with the key `into`.

        It fills only what is empty there; where it `wins`, its values replace those that are there.
        """
        item.into = into
        item.weak = not wins
        for name, part in zip(self.key_properties, split_key(into), strict=True):
            item.record[name] = part
        self.letters.append(Letter(item, "merged", code, f"joined {into}"))

    def count(self, what: str, number: int = 1, *, item: Item | None = None) -> None:
        """Count something else that happened, to `item` if given; the run's counts show it for the stream."""
        self._counts.append((what, number, item))

    @property
    def counts(self) -> Counter[str]:
        """What hooks counted, without that of deferred records: it is counted when they are decided."""
        later = {id(letter.item) for letter in self.letters if letter.code == DEFERRED}
        counts: Counter[str] = Counter()
        for what, number, item in self._counts:
            if id(item) not in later:
                counts[what] += number
        return counts

    def emit(self, stream: str, key_properties: Sequence[str], record: Record, *, after: Item) -> None:
        """Add a record to a stream of the hook's own, to go the whole way after this batch.

        It goes with the record that it was made of, `after`: where that is held or excluded, so is this.
        """
        child = Item(record, join_key([record[name] for name in key_properties]), after.seq)
        self._emitted.setdefault((stream, tuple(key_properties)), []).append((after, child))

    def decided(self) -> list[Letter]:
        """Return the letters that hold: of a record that was left out, not that it was merged before."""
        staying = set(map(id, self.items))
        return [letter for letter in self.letters if letter.fate != "merged" or id(letter.item) in staying]

    def emitted(self) -> Iterator[tuple[str, tuple[str, ...], list[Item]]]:
        """Yield stream, key properties and records that hooks made of records still to be loaded."""
        staying = set(map(id, self.items))
        for (stream, key_properties), pairs in self._emitted.items():
            if items := [child for parent, child in pairs if id(parent) in staying]:
                yield stream, key_properties, items

    def _remove(self, item: Item, fate: Fate, code: str, reason: str, turn: int | None = None) -> None:
        self.items.remove(item)
        self.letters.append(Letter(item, fate, code, reason, turn))


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
