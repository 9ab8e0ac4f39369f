"""Collect rows per entity and settle them, parents first, in batches as large as the API takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from crmlift.destination import Destination
from crmlift.ledger import Ledger
from crmlift.loader.counts import Counts
from crmlift.loader.graph import parents
from crmlift.loader.settle import Settler
from crmlift.mapping.engine import Row

BATCHES_PER_FLUSH = 10
"""A flush makes part-filled calls for the parents, too; several batches at once keep these few."""


class Loader:
    """Takes rows in any order and settles them in the right one.

    Rows whose parents are settled are compared as soon as there is a batch of them, and what must be written
    is sent in full calls, each while the next batch is prepared. `on_flush` is called after each batch: that
    is when a state may have become true. `stop_above_percent` is the share of an entity's rows that may be
    removed at once.
    """

    def __init__(
        self,
        destination: Destination,
        ledger: Ledger,
        counts: Counts,
        entities: Iterable[str],
        *,
        links: Iterable[tuple[str, str]] = (),
        on_flush: Callable[[], None] = lambda: None,
        stop_above_percent: float = 100,
    ) -> None:
        self._specs = destination.entities
        self._parents = parents(entities, destination.entities, links)
        self._settler = Settler(destination, ledger, counts, stop_above_percent)
        self._pending: dict[str, list[Row]] = {entity: [] for entity in self._parents}
        self._due = {entity: self._specs[entity].batch_limit for entity in self._parents}
        self._oldest_pending: dict[str, int] = {}
        self._oldest_taken: int | None = None
        self._on_flush = on_flush

    def add(self, row: Row) -> None:
        """Take a row; once there are enough for full calls, they are written."""
        entity = row.entity
        rows = self._pending[entity]
        rows.append(row)
        seq = row.item.seq
        self._oldest_pending[entity] = min(seq, self._oldest_pending.get(entity, seq))
        if len(rows) < self._due[entity]:
            return
        if not any(map(self._waits, self._parents[entity])):
            self._take(entity)
        elif len(rows) >= self._specs[entity].batch_limit * BATCHES_PER_FLUSH:
            self.flush(entity)

    def flush(self, entity: str) -> None:
        """Settle what is there of an entity, after what it depends on."""
        for parent in self._parents[entity]:
            if self._waits(parent):
                self.flush(parent)
        while self._waits(entity):
            self._take(entity, whole=True)

    def flush_all(self) -> None:
        """Settle everything, parents first."""
        for entity in self._parents:
            self.flush(entity)

    def oldest_pending(self) -> int | None:
        """Return the lowest input position among the rows not yet settled."""
        oldest = list(self._oldest_pending.values())
        if self._oldest_taken is not None:
            oldest.append(self._oldest_taken)
        return min(oldest, default=None)

    def _waits(self, entity: str) -> bool:
        return bool(self._pending[entity]) or self._settler.unsettled(entity)

    def _take(self, entity: str, *, whole: bool = False) -> None:
        """Hand what is pending to the settler; with `whole`, nothing of it is left for a fuller call."""
        rows = self._pending[entity]
        try:
            later = self._settler.take(entity, rows)
            if whole:
                self._settler.finish(entity)
        except BaseException:
            # Not settled: their state must not leave, and a flush at the end may try once more.
            self._take_back()
            raise
        self._put(entity, later)
        self._oldest_taken = self._settler.oldest()
        self._on_flush()

    def _take_back(self) -> None:
        """Let all rows that are not settled be pending again."""
        for entity, rows in self._settler.give_back().items():
            back = {id(row): row for row in (*rows, *self._pending[entity])}
            self._put(entity, list(back.values()))
        self._oldest_taken = self._settler.oldest()

    def _put(self, entity: str, rows: list[Row]) -> None:
        self._pending[entity] = rows
        # Rows that wait for others of their key are no reason to try before there are as many new ones.
        self._due[entity] = len(rows) + self._specs[entity].batch_limit
        self._oldest_pending.pop(entity, None)
        if rows:
            self._oldest_pending[entity] = min(row.item.seq for row in rows)
