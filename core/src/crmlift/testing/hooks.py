"""What a test of a hook needs: a batch without a run, and a memory for what the hook remembers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from crmlift.batch import Batch, Item, Record, join_key
from crmlift.testing.workspace import KEYS


class MemoryClaims:
    """What hooks remember, without a ledger."""

    def __init__(self) -> None:
        self.kinds: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def claim(self, kind: str, wanted: Mapping[str, str]) -> dict[str, str]:
        """Claim values; the first one keeps them."""
        return {value: self.kinds[kind].setdefault(value, key) for value, key in wanted.items()}

    def owners(self, kind: str, values: Iterable[str]) -> dict[str, str]:
        """Return who claimed."""
        return {value: self.kinds[kind][value] for value in values if value in self.kinds[kind]}

    def put(self, kind: str, held: Mapping[str, str]) -> None:
        """Keep, in place of what was there."""
        self.kinds[kind] |= held

    def take(self, kind: str) -> Iterator[dict[str, str]]:
        """Yield all at once, then drop it."""
        if page := dict(self.kinds[kind]):
            yield page
            del self.kinds[kind]


def batch_of(
    stream: str,
    *records: Record,
    key_properties: Sequence[str] = (),
    claims: MemoryClaims | None = None,
    last: bool = False,
) -> Batch:
    """Return a batch as a run makes it; the keys of tap-customerio's streams are known."""
    keys = key_properties or KEYS[stream]
    items = [
        Item(record, join_key([record[name] for name in keys]), seq) for seq, record in enumerate(records, 1)
    ]
    return Batch(stream, items, keys, claims or MemoryClaims(), last=last)
