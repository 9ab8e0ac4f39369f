"""Dead letters: records that were rejected, held or excluded, whole, with the reason; and who was merged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import orjson
from sqlalchemy import ColumnElement, delete, select

from crmlift.batch import Item
from crmlift.chunks import chunks
from crmlift.errors import Refusal
from crmlift.ledger import tables
from crmlift.ledger.store import PAGE, Store, dumps


@dataclass(slots=True)
class DeadLetter:
    """A record that was not loaded, whole, with the reason; `fate` is rejected, held or excluded.

    Of a record that joined another's row (`fate` merged), `record` holds the key of that row alone.
    """

    stream: str
    source: str
    entity: str
    fate: str
    code: str
    field: str | None
    detail: str
    record: dict[str, Any]
    turn: int | None = None

    @classmethod
    def rejected(cls, stream: str, item: Item, entity: str, refusal: Refusal) -> DeadLetter:
        """Make the letter of a record that the mapping or the CRM refused."""
        code, field, detail = refusal.code, refusal.field, refusal.detail
        return cls(stream, item.key, entity, "rejected", code, field, detail, item.record)


class Letters:
    """The dead letters, and the key properties of the streams that they came from."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reject(self, letters: Sequence[DeadLetter]) -> None:
        """Keep records that were not loaded; a newer letter replaces the older one."""
        self._store.upsert(
            tables.dead_letters,
            [
                # Not `asdict`, which would copy the whole record.
                {f.name: getattr(letter, f.name) for f in fields(letter)} | {"record": dumps(letter.record)}
                for letter in letters
            ],
            keys=["scope", "stream", "source", "entity"],
        )

    def all(self, *, fate: str | None = None) -> list[DeadLetter]:
        """Return what was not loaded, by stream and source."""
        t = tables.dead_letters.c
        return self._read(t.fate == fate) if fate else self._read()

    def first(self, *, code: str, limit: int) -> list[DeadLetter]:
        """Return the first of the letters with a code: those without a turn, then those with the lowest."""
        t = tables.dead_letters.c
        return self._read(t.code == code, order=(t.turn.asc().nulls_first(),), limit=limit)

    def _read(
        self,
        *where: ColumnElement[bool],
        order: tuple[ColumnElement[Any], ...] = (),
        limit: int | None = None,
    ) -> list[DeadLetter]:
        t = tables.dead_letters.c
        columns = t.stream, t.source, t.entity, t.fate, t.code, t.field, t.detail, t.record, t.turn
        query = select(*columns).where(t.scope == self._store.scope, *where)
        query = query.order_by(*order, t.stream, t.source, t.entity).limit(limit)
        with self._store.transaction() as db:
            rows = db.execute(query).all()
        return [DeadLetter(**{**row._mapping, "record": orjson.loads(row.record)}) for row in rows]

    def drop(self, stream: str, sources: Iterable[str], *, code: str) -> None:
        """Drop the letters of records that still have a code after they were judged again."""
        t = tables.dead_letters.c
        mine = t.scope == self._store.scope, t.stream == stream, t.code == code
        with self._store.transaction() as db:
            for page in chunks(sources, PAGE):
                db.execute(delete(tables.dead_letters).where(*mine, t.source.in_(page)))

    def sources(self) -> set[tuple[str, str]]:
        """Return stream and source of every record in the dead letters."""
        t = tables.dead_letters.c
        with self._store.transaction() as db:
            query = select(t.stream, t.source).where(t.scope == self._store.scope)
            return {(row[0], row[1]) for row in db.execute(query)}

    def fates(self, stream: str, sources: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Return fate and code of the records that a hook held or excluded, by source."""
        t = tables.dead_letters.c
        mine = t.scope == self._store.scope, t.stream == stream, t.fate.in_(("held", "excluded"))
        found: dict[str, tuple[str, str]] = {}
        with self._store.transaction() as db:
            for page in chunks(sources, PAGE):
                query = select(t.source, t.fate, t.code).where(*mine, t.source.in_(page))
                found |= {row[0]: (row[1], row[2]) for row in db.execute(query)}
        return found

    def settle(self, stream: str, sources: Iterable[str]) -> None:
        """Drop the letters of records that were processed again in this run and not rejected anew."""
        t = tables.dead_letters.c
        mine = t.scope == self._store.scope, t.stream == stream, t.run != self._store.run
        with self._store.transaction() as db:
            for page in chunks(sources, PAGE):
                db.execute(delete(tables.dead_letters).where(*mine, t.source.in_(page)))

    def note_stream(self, stream: str, key_properties: Sequence[str]) -> None:
        """Keep the key properties of a stream, for records that are tried again later."""
        statement = self._store.insert(tables.streams).values(
            scope=self._store.scope, stream=stream, key_properties=orjson.dumps(list(key_properties)).decode()
        )
        with self._store.transaction() as db:
            db.execute(
                statement.on_conflict_do_update(
                    index_elements=["scope", "stream"],
                    set_={"key_properties": statement.excluded.key_properties},
                )
            )

    def key_properties(self, stream: str) -> list[str]:
        """Return the key properties of a stream that was loaded before."""
        t = tables.streams.c
        with self._store.transaction() as db:
            text = db.execute(
                select(t.key_properties).where(t.scope == self._store.scope, t.stream == stream)
            ).scalar()
        return list(orjson.loads(text)) if text else []
