"""Parked records: those whose row, or one link of it, waits for a row that has not arrived."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, delete, exists, func, or_, select

from crmlift.ledger import tables
from crmlift.ledger.store import PAGE, Store, dumps

EITHER = " or "
"""Joins the entities of which a row may be that a record waits for."""


@dataclass(slots=True)
class Parked:
    """A record that waits for a row that has not arrived; `waits_entity` may name several, see `EITHER`."""

    stream: str
    source: str
    entity: str
    waits_entity: str
    waits_key: str
    record: dict[str, Any]

    @property
    def where(self) -> tuple[str, str]:
        """The record: its stream and source key."""
        return self.stream, self.source


class Waiting:
    """The parked records."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def park(self, parked: Sequence[Parked]) -> None:
        """Keep records that wait for a row."""
        self._store.upsert(
            tables.parked,
            [asdict(item) | {"record": dumps(item.record)} for item in parked],
            keys=["scope", "entity", "source", "stream"],
        )

    def page(self, *, ready: bool = False) -> list[Parked]:
        """Return the first page of what waits; with `ready`, of what waits for a row that has arrived."""
        t, r = tables.parked.c, tables.records.c
        columns = t.stream, t.source, t.entity, t.waits_entity, t.waits_key, t.record
        query = select(*columns).where(t.scope == self._store.scope).order_by(t.stream, t.source, t.entity)
        if ready:
            row = exists().where(
                r.scope == t.scope, self._awaited(), r.source == t.waits_key, r.crm_id.is_not(None)
            )
            query = query.where(row)
        with self._store.transaction() as db:
            rows = db.execute(query.limit(PAGE)).all()
        return [Parked(**{**row._mapping, "record": orjson.loads(row.record)}) for row in rows]

    def _awaited(self) -> ColumnElement[bool]:
        """Say of which entities the awaited row may be: spelled out, so that the records' index is used."""
        t, r = tables.parked.c, tables.records.c
        names = select(t.waits_entity).where(t.scope == self._store.scope).distinct()
        with self._store.transaction() as db:
            several = [name for (name,) in db.execute(names) if EITHER in name]
        either = [(t.waits_entity == name) & r.entity.in_(name.split(EITHER)) for name in several]
        return or_(r.entity == t.waits_entity, *either)

    def counts(self) -> dict[str, int]:
        """Return how many records wait, by the entity that they are to become."""
        t = tables.parked.c
        query = select(t.entity, func.count()).where(t.scope == self._store.scope).group_by(t.entity)
        with self._store.transaction() as db:
            return {row[0]: row[1] for row in db.execute(query)}

    def causes(self) -> list[tuple[str, str, int]]:
        """Return how many records of which stream wait for which entity."""
        t = tables.parked.c
        query = (
            select(t.stream, t.waits_entity, func.count())
            .where(t.scope == self._store.scope)
            .group_by(t.stream, t.waits_entity)
            .order_by(t.stream, t.waits_entity)
        )
        with self._store.transaction() as db:
            return [(row[0], row[1], row[2]) for row in db.execute(query)]

    def settle(self, parked: Iterable[Parked]) -> None:
        """Drop records that were processed again, except those that now wait for another row."""
        t = tables.parked.c
        with self._store.transaction() as db:
            for item in parked:
                where = t.scope == self._store.scope, t.stream == item.stream, t.source == item.source
                waits = t.waits_entity == item.waits_entity, t.waits_key == item.waits_key
                db.execute(delete(tables.parked).where(*where, t.entity == item.entity, *waits))
