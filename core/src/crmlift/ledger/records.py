"""Which source record wrote which CRM record, and a digest of what it wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import ColumnElement, delete, func, select, update

from crmlift.chunks import chunks
from crmlift.ledger import tables
from crmlift.ledger.journal import JournalEntry
from crmlift.ledger.runs import last_complete
from crmlift.ledger.store import PAGE, Store


class Origin(StrEnum):
    """How a row of ours came to have its CRM record."""

    CREATED = "created"
    ADOPTED = "adopted"
    FOUND = "found"
    """It carried our key when a run with an empty ledger met it."""
    MERGED = "merged"
    """Another record owns the CRM record; this one joined it."""
    PATCHED = "patched"
    """A record of another stream that sets fields of the row."""


class Gone(StrEnum):
    """Where a row was deleted: its record in the source, or what became of it in the CRM."""

    SOURCE = "source"
    CRM = "crm"


@dataclass(slots=True)
class Known:
    """What the ledger knows of one source row; it is `gone` until its record comes back."""

    source: str
    key: str
    crm_id: str | None
    origin: str
    shape: int | None = None
    digest: bytes | None = None
    kept: str | None = None
    run: int = 0
    gone: Gone | None = None


_KNOWN = tuple(tables.records.c[field.name] for field in fields(Known))


class Records:
    """Source rows by entity and source."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shapes: dict[tuple[str, ...], int] = {}
        self._names: dict[int, tuple[str, ...]] = {}

    def known(self, entity: str, sources: Iterable[str]) -> dict[str, Known]:
        """Return what is known of source rows, by source."""
        t = tables.records.c
        found: dict[str, Known] = {}
        with self._store.transaction() as db:
            for page in chunks(sources, PAGE):
                query = select(*_KNOWN).where(
                    t.scope == self._store.scope, t.entity == entity, t.source.in_(page)
                )
                found |= {row[0]: Known(*row) for row in db.execute(query)}
        return found

    def ids(self, entity: str, keys: Iterable[str]) -> dict[str, str]:
        """Return the CRM id per key, for the keys that have one, and still have it."""
        t = tables.records.c
        found: dict[str, str] = {}
        with self._store.transaction() as db:
            for page in chunks(keys, PAGE):
                query = select(t.source, t.crm_id).where(
                    t.scope == self._store.scope,
                    t.entity == entity,
                    t.source.in_(page),
                    t.crm_id.is_not(None),
                    t.gone.is_distinct_from(Gone.CRM),
                )
                found |= {row[0]: row[1] for row in db.execute(query)}
        return found

    def remember(self, entity: str, rows: Sequence[Known]) -> None:
        """Insert or replace rows; the run that first made a record stays its run."""
        if not rows:
            return
        statement = self._store.insert(tables.records)
        kept = ("key", "crm_id", "origin", "shape", "digest", "kept", "gone")
        statement = statement.on_conflict_do_update(
            index_elements=["scope", "entity", "source"],
            set_={name: statement.excluded[name] for name in kept},
        )
        with self._store.transaction() as db:
            db.execute(
                statement,
                [
                    {
                        "scope": self._store.scope,
                        "entity": entity,
                        "source": row.source,
                        "key": row.key,
                        "crm_id": row.crm_id,
                        "origin": row.origin,
                        "run": row.run or self._store.run,
                        "shape": row.shape,
                        "digest": row.digest,
                        "kept": row.kept,
                        "gone": row.gone,
                    }
                    for row in rows
                ],
            )

    def accept_gone(self, entity: str, crm_ids: Iterable[str]) -> None:
        """Note that records were deleted in the CRM, and are to stay so."""
        t = tables.records.c
        with self._store.transaction() as db:
            for page in chunks(crm_ids, PAGE):
                mine = t.scope == self._store.scope, t.entity == entity, t.crm_id.in_(page)
                gone = {"gone": Gone.CRM, "shape": None, "digest": None, "kept": None}
                db.execute(update(tables.records).where(*mine).values(**gone))

    def forget(self, entity: str, sources: Iterable[str]) -> None:
        """Drop rows whose CRM record is gone."""
        t = tables.records.c
        with self._store.transaction() as db:
            for page in chunks(sources, PAGE):
                db.execute(
                    delete(tables.records).where(
                        t.scope == self._store.scope, t.entity == entity, t.source.in_(page)
                    )
                )

    def pages(self, entity: str, *, run: int | None = None, after: str = "") -> Iterator[list[Known]]:
        """Page through the rows of an entity in order of source; only those that a run made, if given."""
        t = tables.records.c
        while True:
            query = select(*_KNOWN).where(t.scope == self._store.scope, t.entity == entity, t.source > after)
            if run is not None:
                query = query.where(t.run == run)
            with self._store.transaction() as db:
                page = [Known(*row) for row in db.execute(query.order_by(t.source).limit(PAGE))]
            if not page:
                return
            after = page[-1].source
            yield page

    def count(self, entity: str, *, distinct: bool = False) -> int:
        """Return how many CRM records we hold for an entity: merged and patching rows share theirs.

        `distinct` counts ids, for natural entities: twins that became one person share memberships.
        """
        t = tables.records.c
        what = func.count(t.crm_id.distinct()) if distinct else func.count()
        query = (
            select(what)
            .select_from(tables.records)
            .where(
                t.scope == self._store.scope,
                t.entity == entity,
                t.origin.not_in((Origin.MERGED, Origin.PATCHED)),
                t.crm_id.is_not(None),
                t.gone.is_distinct_from(Gone.CRM),
            )
        )
        with self._store.transaction() as db:
            return int(db.execute(query).scalar_one())

    def still_held(self, entity: str, crm_ids: Iterable[str], *, besides: Iterable[str]) -> set[str]:
        """Return those of some CRM ids that rows other than the sources `besides` hold too."""
        t = tables.records.c
        found: set[str] = set()
        leaving = set(besides)
        with self._store.transaction() as db:
            for page in chunks(crm_ids, PAGE):
                query = select(t.source, t.crm_id).where(
                    t.scope == self._store.scope, t.entity == entity, t.crm_id.in_(page)
                )
                found |= {row[1] for row in db.execute(query) if row[0] not in leaving}
        return found

    def accepted_gone(self, entity: str, keys: Iterable[str]) -> set[str]:
        """Return those of some keys whose record was deleted in the CRM, and is to stay so."""
        t = tables.records.c
        found: set[str] = set()
        with self._store.transaction() as db:
            for page in chunks(keys, PAGE):
                mine = t.scope == self._store.scope, t.entity == entity, t.source.in_(page)
                found.update(db.execute(select(t.source).where(*mine, t.gone == Gone.CRM)).scalars())
        return found

    def living(self, entity: str, crm_ids: Iterable[str], *, besides: Iterable[str] = ()) -> set[str]:
        """Return those of some CRM ids that a record stands behind that was not deleted in the source.

        Patches do not count: they change what others made.
        """
        leaving = set(besides)
        return {
            crm_id
            for crm_id, rows in self.at(entity, crm_ids).items()
            for row in rows
            if not row.gone and row.origin != Origin.PATCHED and row.source not in leaving
        }

    def sharing(self, entity: str, keys: Iterable[str]) -> dict[str, list[Known]]:
        """Return, by key, the rows of other records that wrote onto the same CRM record."""
        t = tables.records.c
        return self._grouped(entity, t.key, keys, t.source != t.key)

    def before(self, entity: str, key: str) -> list[Known]:
        """Return the rows of other records that wrote onto the record of a key before the last complete run.

        A run that broke off is one with that which goes on: what comes of both must not depend on where.
        """
        t = tables.records.c
        earlier = t.source != t.key, t.run <= last_complete(self._store.scope)
        return self._grouped(entity, t.key, [key], *earlier).get(key, [])

    def at(self, entity: str, crm_ids: Iterable[str]) -> dict[str, list[Known]]:
        """Return, by CRM id, all rows that say what these records hold."""
        return self._grouped(entity, tables.records.c.crm_id, crm_ids)

    def _grouped(
        self, entity: str, by: ColumnElement[Any], values: Iterable[str], *where: ColumnElement[bool]
    ) -> dict[str, list[Known]]:
        t = tables.records.c
        found: dict[str, list[Known]] = {}
        with self._store.transaction() as db:
            for page in chunks(values, PAGE):
                query = select(by, *_KNOWN).where(
                    t.scope == self._store.scope, t.entity == entity, by.in_(page), *where
                )
                for value, *row in db.execute(query):
                    found.setdefault(value, []).append(Known(*row))
        return found

    def put_back(self, entity: str, entries: Sequence[JournalEntry]) -> None:
        """Give rows the digests that they had before some changes."""
        t = tables.records.c
        with self._store.transaction() as db:
            for entry in entries:
                mine = t.scope == self._store.scope, t.entity == entity, t.source == entry.source
                db.execute(
                    update(tables.records)
                    .where(*mine)
                    .values(digest=entry.was_digest, shape=entry.was_shape, kept=None, gone=None)
                )

    def entities(self) -> list[str]:
        """Return the entities that the ledger holds rows or changes of."""
        t, j = tables.records.c, tables.journal.c
        with self._store.transaction() as db:
            rows = db.execute(select(t.entity).where(t.scope == self._store.scope).distinct()).scalars().all()
            changed = (
                db.execute(select(j.entity).where(j.scope == self._store.scope).distinct()).scalars().all()
            )
        return sorted({*rows, *changed})

    def shape(self, names: tuple[str, ...]) -> int:
        """Return the number of a sorted tuple of field names."""
        if names not in self._shapes:
            text = orjson.dumps(names).decode()
            with self._store.transaction() as db:
                db.execute(self._store.insert(tables.shapes).values(names=text).on_conflict_do_nothing())
                number = db.execute(
                    select(tables.shapes.c.id).where(tables.shapes.c.names == text)
                ).scalar_one()
            self._shapes[names] = number
            self._names[number] = names
        return self._shapes[names]

    def shape_names(self, number: int) -> tuple[str, ...]:
        """Return the field names of a shape."""
        if number not in self._names:
            with self._store.transaction() as db:
                text = db.execute(
                    select(tables.shapes.c.names).where(tables.shapes.c.id == number)
                ).scalar_one()
            self._names[number] = tuple(orjson.loads(text))
        return self._names[number]
