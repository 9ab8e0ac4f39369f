"""Reading and writing the ledger; the only module that speaks SQL.

One `Ledger` serves one destination and workspace, in one process. SQLite keeps it in a file that
only its owner can read, because before-images and dead letters hold personal data.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from time import time
from typing import Any, Self, cast

import orjson
from sqlalchemy import Connection, Table, create_engine, delete, event, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url

from crmlift.chunks import chunks
from crmlift.ledger import tables

_PAGE = 1000


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


@dataclass(slots=True)
class Known:
    """What the ledger knows of one source row."""

    source: str
    key: str
    crm_id: str | None
    origin: str
    shape: int | None = None
    digest: bytes | None = None
    kept: str | None = None
    run: int = 0


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
    and `was_digest` are what `records` held for `source` before.
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
    id: int = 0


@dataclass(slots=True)
class DeadLetter:
    """A record that was not loaded, whole, with the reason; `fate` is rejected, held or excluded."""

    stream: str
    source: str
    entity: str
    fate: str
    code: str
    field: str | None
    detail: str
    record: dict[str, Any]


@dataclass(slots=True)
class Parked:
    """A record that waits for a row that has not arrived."""

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


class Ledger:
    """The ledger of one destination and workspace; use it as a context manager."""

    def __init__(self, url: str, *, destination: str, workspace: str) -> None:
        self._engine = create_engine(_private_file(url))
        self._insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _durable)
        tables.metadata.create_all(self._engine)
        self._connection: Connection = self._engine.connect()
        self._shapes: dict[tuple[str, ...], int] = {}
        self._names: dict[int, tuple[str, ...]] = {}
        self._scope = self._scope_id(destination, workspace)
        self.run = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; what was written stays."""
        self._connection.close()
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All writes inside stand or fall together; nested ones join the outer."""
        if self._connection.in_transaction():
            yield self._connection
        else:
            with self._connection.begin():
                yield self._connection

    # Runs

    def start_run(self, mapping_digest: str) -> int:
        """Begin a run and return its number; a run that never finished is marked as broken off."""
        with self.transaction() as db:
            unfinished = tables.runs.c.scope == self._scope, tables.runs.c.status == "running"
            db.execute(update(tables.runs).where(*unfinished).values(status="broken_off"))
            result = db.execute(
                insert(tables.runs).values(
                    scope=self._scope,
                    status="running",
                    mapping_digest=mapping_digest,
                    started_at=_now(),
                    counts="{}",
                )
            )
            self.run = int(cast("tuple[int]", result.inserted_primary_key)[0])
        return self.run

    def finish_run(self, status: str, counts: Mapping[str, Any]) -> None:
        """Close the current run with its counts."""
        with self.transaction() as db:
            db.execute(
                update(tables.runs)
                .where(tables.runs.c.id == self.run)
                .values(status=status, finished_at=_now(), counts=orjson.dumps(counts).decode())
            )

    def note_progress(self, counts: Mapping[str, Any]) -> None:
        """Keep the counts so far, for whoever watches the run."""
        with self.transaction() as db:
            db.execute(
                update(tables.runs)
                .where(tables.runs.c.id == self.run)
                .values(counts=orjson.dumps(counts).decode())
            )

    def mark_rolled_back(self, run: int) -> None:
        """Note that a run was undone, and drop what it left waiting."""
        with self.transaction() as db:
            db.execute(update(tables.runs).where(tables.runs.c.id == run).values(status="rolled_back"))
            for table in (tables.parked, tables.dead_letters, tables.batches):
                db.execute(delete(table).where(table.c.scope == self._scope, table.c.run == run))

    def runs(self) -> list[dict[str, Any]]:
        """Return all runs, oldest first, with their counts as a dict."""
        query = select(tables.runs).where(tables.runs.c.scope == self._scope).order_by(tables.runs.c.id)
        with self.transaction() as db:
            return [
                dict(row) | {"counts": orjson.loads(row["counts"])} for row in db.execute(query).mappings()
            ]

    # Rows and their CRM ids

    def known(self, entity: str, sources: Iterable[str]) -> dict[str, Known]:
        """Return what is known of source rows, by source."""
        t = tables.records.c
        columns = t.source, t.key, t.crm_id, t.origin, t.shape, t.digest, t.kept, t.run
        found: dict[str, Known] = {}
        with self.transaction() as db:
            for page in chunks(sources, _PAGE):
                query = select(*columns).where(t.scope == self._scope, t.entity == entity, t.source.in_(page))
                found |= {row[0]: Known(*row) for row in db.execute(query)}
        return found

    def ids(self, entity: str, keys: Iterable[str]) -> dict[str, str]:
        """Return the CRM id per key, for the keys that have one."""
        t = tables.records.c
        found: dict[str, str] = {}
        with self.transaction() as db:
            for page in chunks(keys, _PAGE):
                query = select(t.source, t.crm_id).where(
                    t.scope == self._scope, t.entity == entity, t.source.in_(page), t.crm_id.is_not(None)
                )
                found |= {row[0]: row[1] for row in db.execute(query)}
        return found

    def remember(self, entity: str, rows: Sequence[Known]) -> None:
        """Insert or replace rows; the run that first made a record stays its run."""
        if not rows:
            return
        statement = self._insert(tables.records)
        kept = ("key", "crm_id", "origin", "shape", "digest", "kept")
        statement = statement.on_conflict_do_update(
            index_elements=["scope", "entity", "source"],
            set_={name: statement.excluded[name] for name in kept},
        )
        with self.transaction() as db:
            db.execute(
                statement,
                [
                    {
                        "scope": self._scope,
                        "entity": entity,
                        "source": row.source,
                        "key": row.key,
                        "crm_id": row.crm_id,
                        "origin": row.origin,
                        "run": row.run or self.run,
                        "shape": row.shape,
                        "digest": row.digest,
                        "kept": row.kept,
                    }
                    for row in rows
                ],
            )

    def forget(self, entity: str, sources: Iterable[str]) -> None:
        """Drop rows whose CRM record is gone."""
        t = tables.records.c
        with self.transaction() as db:
            for page in chunks(sources, _PAGE):
                db.execute(
                    delete(tables.records).where(
                        t.scope == self._scope, t.entity == entity, t.source.in_(page)
                    )
                )

    def records(self, entity: str, *, run: int | None = None, after: str = "") -> Iterator[list[Known]]:
        """Page through the rows of an entity in order of source; only those that a run made, if given."""
        t = tables.records.c
        columns = t.source, t.key, t.crm_id, t.origin, t.shape, t.digest, t.kept, t.run
        while True:
            query = select(*columns).where(t.scope == self._scope, t.entity == entity, t.source > after)
            if run is not None:
                query = query.where(t.run == run)
            with self.transaction() as db:
                page = [Known(*row) for row in db.execute(query.order_by(t.source).limit(_PAGE))]
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
                t.scope == self._scope,
                t.entity == entity,
                t.origin.not_in((Origin.MERGED, Origin.PATCHED)),
                t.crm_id.is_not(None),
            )
        )
        return self._scalar(query)

    def still_held(self, entity: str, crm_ids: Iterable[str], *, besides: Iterable[str]) -> set[str]:
        """Return those of some CRM ids that rows other than the sources `besides` hold too."""
        t = tables.records.c
        found: set[str] = set()
        leaving = set(besides)
        with self.transaction() as db:
            for page in chunks(crm_ids, _PAGE):
                query = select(t.source, t.crm_id).where(
                    t.scope == self._scope, t.entity == entity, t.crm_id.in_(page)
                )
                found |= {row[1] for row in db.execute(query) if row[0] not in leaving}
        return found

    def sharing(self, entity: str, keys: Iterable[str]) -> dict[str, list[Known]]:
        """Return, by key, the rows of other records that wrote onto the same CRM record."""
        t = tables.records.c
        columns = t.source, t.key, t.crm_id, t.origin, t.shape, t.digest, t.kept, t.run
        found: dict[str, list[Known]] = {}
        with self.transaction() as db:
            for page in chunks(keys, _PAGE):
                query = select(*columns).where(
                    t.scope == self._scope, t.entity == entity, t.key.in_(page), t.source != t.key
                )
                for row in db.execute(query):
                    found.setdefault(row[1], []).append(Known(*row))
        return found

    def put_back(self, entity: str, entries: Sequence[JournalEntry]) -> None:
        """Give rows the digests that they had before some changes."""
        t = tables.records.c
        with self.transaction() as db:
            for entry in entries:
                mine = t.scope == self._scope, t.entity == entity, t.source == entry.source
                db.execute(
                    update(tables.records)
                    .where(*mine)
                    .values(digest=entry.was_digest, shape=entry.was_shape, kept=None)
                )

    def entities(self) -> list[str]:
        """Return the entities that the ledger holds rows or changes of."""
        t, j = tables.records.c, tables.journal.c
        with self.transaction() as db:
            rows = db.execute(select(t.entity).where(t.scope == self._scope).distinct()).scalars().all()
            changed = db.execute(select(j.entity).where(j.scope == self._scope).distinct()).scalars().all()
        return sorted({*rows, *changed})

    # Streams

    def note_stream(self, stream: str, key_properties: Sequence[str]) -> None:
        """Keep the key properties of a stream, for records that are tried again later."""
        statement = self._insert(tables.streams).values(
            scope=self._scope, stream=stream, key_properties=orjson.dumps(list(key_properties)).decode()
        )
        with self.transaction() as db:
            db.execute(
                statement.on_conflict_do_update(
                    index_elements=["scope", "stream"],
                    set_={"key_properties": statement.excluded.key_properties},
                )
            )

    def key_properties(self, stream: str) -> list[str]:
        """Return the key properties of a stream that was loaded before."""
        t = tables.streams.c
        with self.transaction() as db:
            text = db.execute(
                select(t.key_properties).where(t.scope == self._scope, t.stream == stream)
            ).scalar()
        return list(orjson.loads(text)) if text else []

    # Digests

    def shape(self, names: tuple[str, ...]) -> int:
        """Return the number of a sorted tuple of field names."""
        if names not in self._shapes:
            text = orjson.dumps(names).decode()
            with self.transaction() as db:
                db.execute(self._insert(tables.shapes).values(names=text).on_conflict_do_nothing())
                number = db.execute(
                    select(tables.shapes.c.id).where(tables.shapes.c.names == text)
                ).scalar_one()
            self._shapes[names] = number
            self._names[number] = names
        return self._shapes[names]

    def shape_names(self, number: int) -> tuple[str, ...]:
        """Return the field names of a shape."""
        if number not in self._names:
            with self.transaction() as db:
                text = db.execute(
                    select(tables.shapes.c.names).where(tables.shapes.c.id == number)
                ).scalar_one()
            self._names[number] = tuple(orjson.loads(text))
        return self._names[number]

    # Creates on their way

    def open_batch(self, entity: str, keys: Sequence[str]) -> int:
        """Note, before sending, which keys are about to be created."""
        values = {
            "scope": self._scope,
            "run": self.run,
            "entity": entity,
            "sent_keys": orjson.dumps(keys).decode(),
            "sent_at": time(),
        }
        with self.transaction() as db:
            result = db.execute(insert(tables.batches).values(values))
            return int(cast("tuple[int]", result.inserted_primary_key)[0])

    def close_batch(self, number: int) -> None:
        """Note that the fate of a batch is known."""
        with self.transaction() as db:
            db.execute(delete(tables.batches).where(tables.batches.c.id == number))

    def open_batches(self, entity: str) -> list[OpenBatch]:
        """Return the batches whose fate is unknown."""
        t = tables.batches.c
        query = select(t.id, t.run, t.sent_keys, t.sent_at).where(t.scope == self._scope, t.entity == entity)
        with self.transaction() as db:
            rows = db.execute(query.order_by(t.id)).all()
        return [OpenBatch(row.id, row.run, orjson.loads(row.sent_keys), row.sent_at) for row in rows]

    # The journal

    def journal(self, entries: Sequence[JournalEntry]) -> None:
        """Write down changes before they are sent."""
        if entries:
            with self.transaction() as db:
                db.execute(insert(tables.journal), [self._journal_row(entry) for entry in entries])

    def _journal_row(self, entry: JournalEntry) -> dict[str, Any]:
        row = {"scope": self._scope, "run": self.run} | asdict(entry)
        row["before"] = dumps(entry.before)
        del row["id"]
        return row

    def journal_backwards(self, run: int, entity: str) -> Iterator[JournalEntry]:
        """Yield the changes that a run made to an entity, latest first."""
        t = tables.journal.c
        columns = (
            t.action, t.entity, t.key, t.crm_id, t.before, t.after, t.shape,
            t.source, t.was_shape, t.was_digest, t.id,
        )  # fmt: skip
        query = (
            select(*columns)
            .where(t.scope == self._scope, t.run == run, t.entity == entity)
            .order_by(t.id.desc())
        )
        with self.transaction() as db:
            rows = db.execute(query).all()
        for row in rows:
            yield JournalEntry(**{**row._mapping, "before": orjson.loads(row.before)})

    def drop_journal(self, numbers: Iterable[int]) -> None:
        """Forget changes that were undone."""
        with self.transaction() as db:
            for page in chunks(numbers, _PAGE):
                db.execute(delete(tables.journal).where(tables.journal.c.id.in_(page)))

    # Dead letters and parked records

    def reject(self, letters: Sequence[DeadLetter]) -> None:
        """Keep records that were not loaded; a newer letter replaces the older one."""
        self._upsert(
            tables.dead_letters,
            [asdict(letter) | {"record": dumps(letter.record)} for letter in letters],
            keys=["scope", "stream", "source", "entity"],
        )

    def dead_letters(self, *, fate: str | None = None) -> list[DeadLetter]:
        """Return what was not loaded, by stream and source."""
        t = tables.dead_letters.c
        columns = t.stream, t.source, t.entity, t.fate, t.code, t.field, t.detail, t.record
        query = select(*columns).where(t.scope == self._scope).order_by(t.stream, t.source, t.entity)
        if fate:
            query = query.where(t.fate == fate)
        with self.transaction() as db:
            rows = db.execute(query).all()
        return [DeadLetter(**{**row._mapping, "record": orjson.loads(row.record)}) for row in rows]

    def rejected_sources(self) -> set[tuple[str, str]]:
        """Return stream and source of every record in the dead letters."""
        t = tables.dead_letters.c
        with self.transaction() as db:
            query = select(t.stream, t.source).where(t.scope == self._scope)
            return {(row[0], row[1]) for row in db.execute(query)}

    def settle_letters(self, stream: str, sources: Iterable[str]) -> None:
        """Drop the dead letters of records that are about to be processed again."""
        self._drop(tables.dead_letters, stream, sources)

    def park(self, parked: Sequence[Parked]) -> None:
        """Keep records that wait for a row."""
        self._upsert(
            tables.parked,
            [asdict(item) | {"record": dumps(item.record)} for item in parked],
            keys=["scope", "entity", "source", "stream"],
        )

    def parked(self, *, ready: bool = False) -> list[Parked]:
        """Return the first page of what waits; with `ready`, of what waits for a row that has arrived."""
        t, r = tables.parked.c, tables.records.c
        columns = t.stream, t.source, t.entity, t.waits_entity, t.waits_key, t.record
        query = select(*columns).where(t.scope == self._scope).order_by(t.stream, t.source, t.entity)
        if ready:
            arrived = (r.scope == t.scope) & (r.entity == t.waits_entity) & (r.source == t.waits_key)
            query = query.join(tables.records, arrived & r.crm_id.is_not(None))
        with self.transaction() as db:
            rows = db.execute(query.limit(_PAGE)).all()
        return [Parked(**{**row._mapping, "record": orjson.loads(row.record)}) for row in rows]

    def waiting(self) -> dict[str, int]:
        """Return how many records wait, by the entity that they are to become."""
        t = tables.parked.c
        query = select(t.entity, func.count()).where(t.scope == self._scope).group_by(t.entity)
        with self.transaction() as db:
            return {row[0]: row[1] for row in db.execute(query)}

    def waits_for(self) -> list[tuple[str, str, int]]:
        """Return how many records of which stream wait for which entity."""
        t = tables.parked.c
        query = (
            select(t.stream, t.waits_entity, func.count())
            .where(t.scope == self._scope)
            .group_by(t.stream, t.waits_entity)
            .order_by(t.stream, t.waits_entity)
        )
        with self.transaction() as db:
            return [(row[0], row[1], row[2]) for row in db.execute(query)]

    def unpark(self, stream: str, sources: Iterable[str]) -> None:
        """Drop parked records that are about to be processed again."""
        self._drop(tables.parked, stream, sources)

    # Adoption and deduplication

    def replace_candidates(self, entity: str) -> None:
        """Empty the candidates of an entity before they are read anew."""
        t = tables.candidates.c
        with self.transaction() as db:
            db.execute(delete(tables.candidates).where(t.scope == self._scope, t.entity == entity))

    def add_candidates(self, entity: str, found: Iterable[tuple[str, str, str]]) -> None:
        """Add existing records as (field, value, CRM id)."""
        rows = [
            {"scope": self._scope, "entity": entity, "field": name, "value": value, "crm_id": crm_id}
            for name, value, crm_id in found
        ]
        if rows:
            with self.transaction() as db:
                db.execute(self._insert(tables.candidates).on_conflict_do_nothing(), rows)

    def candidates(self, entity: str, field: str, values: Iterable[str]) -> dict[str, list[str]]:
        """Return the ids of existing records per value."""
        t = tables.candidates.c
        found: dict[str, list[str]] = {}
        with self.transaction() as db:
            for page in chunks(values, _PAGE):
                query = select(t.value, t.crm_id).where(
                    t.scope == self._scope, t.entity == entity, t.field == field, t.value.in_(page)
                )
                for value, crm_id in db.execute(query):
                    found.setdefault(value, []).append(crm_id)
        return found

    def claim(self, kind: str, wanted: Mapping[str, str]) -> dict[str, str]:
        """Claim values for keys, first come first served; return the owner's key per value."""
        if not wanted:
            return {}
        t = tables.claims.c
        rows = [{"scope": self._scope, "kind": kind, "value": v, "key": k} for v, k in wanted.items()]
        owners: dict[str, str] = {}
        with self.transaction() as db:
            db.execute(self._insert(tables.claims).on_conflict_do_nothing(), rows)
            for page in chunks(wanted, _PAGE):
                query = select(t.value, t.key).where(
                    t.scope == self._scope, t.kind == kind, t.value.in_(page)
                )
                owners |= {row[0]: row[1] for row in db.execute(query)}
        return owners

    # Helpers

    def _upsert(self, table: Table, rows: list[dict[str, Any]], *, keys: list[str]) -> None:
        if not rows:
            return
        statement = self._insert(table)
        others = {
            column.name: statement.excluded[column.name] for column in table.c if column.name not in keys
        }
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
        with self.transaction() as db:
            db.execute(statement, [{"scope": self._scope, "run": self.run} | row for row in rows])

    def _drop(self, table: Table, stream: str, sources: Iterable[str]) -> None:
        with self.transaction() as db:
            for page in chunks(sources, _PAGE):
                db.execute(
                    delete(table).where(
                        table.c.scope == self._scope, table.c.stream == stream, table.c.source.in_(page)
                    )
                )

    def _scalar(self, query: Any) -> int:
        with self.transaction() as db:
            return int(db.execute(query).scalar_one())

    def _scope_id(self, destination: str, workspace: str) -> int:
        t = tables.scopes.c
        query = select(t.id).where(t.destination == destination, t.workspace == workspace)
        with self.transaction() as db:
            found = db.execute(query).scalar()
            if found is None:
                db.execute(insert(tables.scopes).values(destination=destination, workspace=workspace))
                found = db.execute(query).scalar_one()
        return int(found)


def dumps(value: Any) -> str:
    """JSON text of canonical values; dates become ISO 8601."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _private_file(url: str) -> str:
    """Create the file of an SQLite ledger before SQLite does, readable for its owner only."""
    database = make_url(url).database
    if url.startswith("sqlite") and database and database != ":memory:":
        path = Path(database)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    return url


def _durable(connection: Any, _record: object) -> None:
    # FULL: what a run noted before it sent a batch must survive a power cut, or events could double.
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
