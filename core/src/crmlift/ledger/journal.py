"""What is written down before it is sent: creates on their way, and what was there before each change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from time import time
from typing import Any, cast

import orjson
from sqlalchemy import delete, func, insert, select

from crmlift.chunks import chunks
from crmlift.ledger import tables
from crmlift.ledger.runs import last_complete
from crmlift.ledger.store import PAGE, Store, dumps


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """Creates that were sent and of which no outcome is known; `sent_at` is in unix seconds."""

    id: int
    run: int
    keys: list[str]
    sent_at: float


@dataclass(slots=True)
class JournalEntry:
    """One change to a CRM record: `before` holds the values that were there.

    `after` and `shape` are the digest of what we wrote, to see later changes by others. `was_shape`
    and `was_digest` are what `records` held for `source` before; of a deletion, also `was_origin` and
    `was_run`.
    """

    action: str
    entity: str
    key: str
    crm_id: str
    before: dict[str, Any]
    after: bytes | None = None
    shape: int | None = None
    source: str | None = None
    was_shape: int | None = None
    was_digest: bytes | None = None
    was_origin: str | None = None
    was_run: int | None = None
    id: int = 0


class Journal:
    """Open batches, and the changes of each run."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open_batch(self, entity: str, keys: Sequence[str]) -> int:
        """Note, before sending, which keys are about to be created."""
        values = {
            "scope": self._store.scope,
            "run": self._store.run,
            "entity": entity,
            "sent_keys": orjson.dumps(keys).decode(),
            "sent_at": time(),
        }
        with self._store.transaction() as db:
            result = db.execute(insert(tables.batches).values(values))
            return int(cast("tuple[int]", result.inserted_primary_key)[0])

    def close_batch(self, number: int) -> None:
        """Note that the fate of a batch is known."""
        with self._store.transaction() as db:
            db.execute(delete(tables.batches).where(tables.batches.c.id == number))

    def open_batches(self, entity: str) -> list[OpenBatch]:
        """Return the batches whose fate is unknown."""
        t = tables.batches.c
        query = select(t.id, t.run, t.sent_keys, t.sent_at).where(
            t.scope == self._store.scope, t.entity == entity
        )
        with self._store.transaction() as db:
            rows = db.execute(query.order_by(t.id)).all()
        return [OpenBatch(row.id, row.run, orjson.loads(row.sent_keys), row.sent_at) for row in rows]

    def write(self, entries: Sequence[JournalEntry]) -> None:
        """Write down changes before they are sent."""
        if entries:
            with self._store.transaction() as db:
                db.execute(insert(tables.journal), [self._journal_row(entry) for entry in entries])

    def _journal_row(self, entry: JournalEntry) -> dict[str, Any]:
        row = {"scope": self._store.scope, "run": self._store.run} | asdict(entry)
        row["before"] = dumps(entry.before)
        del row["id"]
        return row

    def backwards(self, run: int, entity: str) -> Iterator[JournalEntry]:
        """Yield the changes that a run made to an entity, latest first."""
        t = tables.journal.c
        columns = (
            t.action, t.entity, t.key, t.crm_id, t.before, t.after, t.shape,
            t.source, t.was_shape, t.was_digest, t.was_origin, t.was_run, t.id,
        )  # fmt: skip
        query = (
            select(*columns)
            .where(t.scope == self._store.scope, t.run == run, t.entity == entity)
            .order_by(t.id.desc())
        )
        with self._store.transaction() as db:
            rows = db.execute(query).all()
        for row in rows:
            yield JournalEntry(**{**row._mapping, "before": orjson.loads(row.before)})

    def taken_away(self, entity: str) -> Counter[str]:
        """Count, by action, what was archived or deleted since a run was complete, and not brought back."""
        t, scope = tables.journal.c, self._store.scope
        query = (
            select(t.action, func.count())
            .where(t.scope == scope, t.entity == entity, t.run > last_complete(scope))
            .where(t.action.in_(("archive", "delete")))
            .group_by(t.action)
        )
        with self._store.transaction() as db:
            return Counter({action: number for action, number in db.execute(query)})

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget changes that were undone."""
        with self._store.transaction() as db:
            for page in chunks(numbers, PAGE):
                db.execute(delete(tables.journal).where(tables.journal.c.id.in_(page)))
