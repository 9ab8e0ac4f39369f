"""Collect rows per entity and flush them, parents first, in batches as large as the API takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from crmlift.destination import Destination
from crmlift.ledger import Ledger
from crmlift.loader.counts import Counts
from crmlift.loader.graph import parents
from crmlift.loader.settle import Settler
from crmlift.mapping.engine import Row

BATCHES_PER_FLUSH = 10
"""Rows of one flush fall apart into creates and updates; several batches at once keep their calls full."""


class Loader:
    """Takes rows in any order and settles them in the right one.

    `on_flush` is called after each settled batch: that is when a state may have become true.
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
    ) -> None:
        self._specs = destination.entities
        self._parents = parents(entities, destination.entities, links)
        self._settler = Settler(destination, ledger, counts)
        self._pending: dict[str, list[Row]] = {entity: [] for entity in self._parents}
        self._on_flush = on_flush

    def add(self, row: Row) -> None:
        """Take a row; once there are enough for full calls, they are written."""
        rows = self._pending[row.entity]
        rows.append(row)
        if len(rows) >= self._specs[row.entity].batch_limit * BATCHES_PER_FLUSH:
            self.flush(row.entity)

    def flush(self, entity: str) -> None:
        """Settle what is pending for an entity, after what it depends on."""
        for parent in self._parents[entity]:
            if self._pending[parent]:
                self.flush(parent)
        rows, self._pending[entity] = self._pending[entity], []
        if not rows:
            return
        try:
            self._settler.settle(entity, rows)
        except BaseException:
            # Not settled: their state must not leave, and a flush at the end may try once more.
            self._pending[entity] = rows + self._pending[entity]
            raise
        self._on_flush()

    def flush_all(self) -> None:
        """Settle everything, parents first."""
        for entity in self._parents:
            self.flush(entity)

    def oldest_pending(self) -> int | None:
        """Return the lowest input position among the rows not yet settled."""
        firsts = [row.item.seq for rows in self._pending.values() if rows for row in rows[:1]]
        return min(firsts, default=None)
