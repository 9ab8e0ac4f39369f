"""Take one person out of the ledger: ids, digests, before-images, dead letters, waiting records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Table, delete, or_, select, update

from crmlift.batch import join_key
from crmlift.ledger import tables
from crmlift.ledger.store import Store


class Erasure:
    """Erases by the person's key; in an SQLite file what is erased is overwritten, not only unlinked."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def key_of(self, who: str) -> str | None:
        """Return the key of a person: the key itself, or a value such as an address that hooks keep for it.

        None where no row of theirs is known.
        """
        t = tables.claims.c
        query = select(t.key).where(t.scope == self._store.scope, t.value == who.strip().casefold())
        with self._store.transaction() as db:
            candidates = [who, *(row[0] for row in db.execute(query))]
            return next((key for key in candidates if self._is_known(db, key)), None)

    def _is_known(self, db: Connection, key: str) -> bool:
        """Whether any table has something of the key."""
        for table, named in _where_named(key).items():
            query = select(table.c.scope).where(table.c.scope == self._store.scope, named)
            if table is not tables.claims and db.execute(query.limit(1)).first():
                return True
        return False

    def erase(self, key: str, links: Mapping[str, Iterable[str]]) -> dict[str, int]:
        """Erase whatever names the person; return how many rows of each table went.

        `links` names, by entity, the fields that point at a person: what was noted of changes to such
        rows may quote what hangs on the person, and goes too.
        """
        scope = self._store.scope
        pointing = self._changes_pointing_at(self._crm_ids(key), links)
        counts: dict[str, int] = {}
        with self._store.erasing() as db:
            for number in pointing:
                db.execute(delete(tables.journal).where(tables.journal.c.id == number))
            for table, named in _where_named(key).items():
                done = db.execute(delete(table).where(table.c.scope == scope, named))
                counts[table.name] = done.rowcount
            # An index of the CRM's own people, read anew by the next run that needs it.
            db.execute(delete(tables.candidates).where(tables.candidates.c.scope == scope))
        counts["journal"] += len(pointing)
        return {name: number for name, number in counts.items() if number}

    def forget_in_flight(self, key: str) -> None:
        """Take the key out of creates whose fate is unknown; those of others stay."""
        t = tables.batches.c
        query = select(t.id, t.sent_keys).where(t.scope == self._store.scope, _mentions(t.sent_keys, key))
        with self._store.erasing() as db:
            for number, sent in db.execute(query).all():
                others = [one for one in orjson.loads(sent) if one != key]
                changed = update(tables.batches).where(t.id == number)
                db.execute(changed.values(sent_keys=orjson.dumps(others).decode()))

    def _crm_ids(self, key: str) -> set[str]:
        t = tables.records.c
        query = select(t.crm_id).where(t.scope == self._store.scope, t.source == key, t.crm_id.is_not(None))
        with self._store.transaction() as db:
            return {str(row[0]) for row in db.execute(query)}

    def _changes_pointing_at(self, ids: set[str], links: Mapping[str, Iterable[str]]) -> list[int]:
        t = tables.journal.c
        query = select(t.id, t.entity, t.before).where(
            t.scope == self._store.scope, t.entity.in_(list(links))
        )
        with self._store.transaction() as db:
            rows = db.execute(query).all()
        return [row.id for row in rows if _points_at(orjson.loads(row.before), links[row.entity], ids)]


def _where_named(key: str) -> dict[Table, ColumnElement[bool]]:
    records, journal, letters, parked = (
        tables.records.c,
        tables.journal.c,
        tables.dead_letters.c,
        tables.parked.c,
    )
    return {
        tables.records: or_(_is(records.source, key), _is(records.key, key)),
        tables.journal: or_(_is(journal.source, key), _is(journal.key, key)),
        tables.dead_letters: or_(_is(letters.source, key), _mentions(letters.record, key)),
        tables.parked: or_(_is(parked.source, key), _mentions(parked.record, key)),
        tables.claims: or_(
            tables.claims.c.key == key,
            _is(tables.claims.c.value, key),
            tables.claims.c.value == f"={key}",
        ),
    }


def _is(column: ColumnElement[str], key: str) -> ColumnElement[bool]:
    """Whether a key is the person's, or has it among its parts."""
    part = join_key([key, ""])[:-1]
    return or_(
        column == key,
        column.startswith(f"{part}:", autoescape=True),
        column.endswith(f":{part}", autoescape=True),
        column.endswith(f"#{key}", autoescape=True),
    )


def _mentions(column: ColumnElement[str], key: str) -> ColumnElement[bool]:
    """Whether JSON text holds the key as a value."""
    return column.contains(orjson.dumps(key).decode(), autoescape=True)


def _points_at(before: Mapping[str, Any], names: Iterable[str], ids: set[str]) -> bool:
    return any(str(before.get(name)) in ids for name in names)
