"""Records in SQLite: one JSON document each. One call of the API is one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

Doc = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (id TEXT PRIMARY KEY, object TEXT, deleted INTEGER DEFAULT 0, doc TEXT)
    WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_object ON record (object, id);
CREATE TABLE IF NOT EXISTS sequence (prefix TEXT PRIMARY KEY, last INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def long_id(short: str) -> str:
    """Return the 18-character form of an id of 15: three characters tell which letters are capitals."""
    groups = (short[start : start + 5] for start in (0, 5, 10))
    return short + "".join(
        _SUFFIX[sum(char.isupper() << n for n, char in enumerate(part))] for part in groups
    )


def make_id(prefix: str, number: int) -> str:
    """Return the id of the record with this number."""
    text = ""
    while number:
        number, rest = divmod(number, 62)
        text = _DIGITS[rest] + text
    return long_id(f"{prefix}5g{text.rjust(15 - len(prefix) - 2, '0')}")


class Store:
    """The database of one sandbox; `path` may be `:memory:`."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside, or none of it; inside another one, only that part is undone."""
        inside = self.db.in_transaction
        self.db.execute("SAVEPOINT part" if inside else "BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK TO part" if inside else "ROLLBACK")
            if inside:
                self.db.execute("RELEASE part")
            raise
        self.db.execute("RELEASE part" if inside else "COMMIT")

    def new_ids(self, prefix: str, count: int) -> list[str]:
        """Take ids; they are not given out again."""
        (last,) = self.db.execute(
            "INSERT INTO sequence VALUES (?, ?) "
            "ON CONFLICT DO UPDATE SET last = last + excluded.last RETURNING last",
            (prefix, count),
        ).fetchone()
        return [make_id(prefix, number) for number in range(last - count + 1, last + 1)]

    def put(self, object_name: str, docs: Iterable[Doc]) -> None:
        """Write whole documents; each holds its Id."""
        rows = [(doc["Id"], object_name, int(doc["IsDeleted"]), orjson.dumps(doc).decode()) for doc in docs]
        self.db.executemany(
            "INSERT OR REPLACE INTO record (id, object, deleted, doc) VALUES (?, ?, ?, ?)", rows
        )

    def get(self, ids: Sequence[str]) -> dict[str, Doc]:
        """Return the documents that are there by id of 18, deleted ones included."""
        sql = "SELECT id, doc FROM record WHERE id IN (SELECT value FROM json_each(?))"
        return {id_: orjson.loads(doc) for id_, doc in self.db.execute(sql, (json.dumps(list(ids)),))}

    def one(self, id_: str) -> Doc | None:
        """Return one document."""
        row = self.db.execute("SELECT doc FROM record WHERE id = ?", (id_,)).fetchone()
        return orjson.loads(row[0]) if row else None

    def object_of(self, id_: str) -> str | None:
        """Return the object of a record that is there and not deleted."""
        row = self.db.execute("SELECT object FROM record WHERE id = ? AND deleted = 0", (id_,)).fetchone()
        return row[0] if row else None

    def by_value(self, object_name: str, name: str, value: Any, *, exact: bool) -> list[str]:
        """Return the ids of records whose field holds this value."""
        collate = "BINARY" if exact else "NOCASE"
        sql = (
            f"SELECT id FROM record WHERE object = '{object_name}' AND deleted = 0 "
            f"AND json_extract(doc, '$.{name}') COLLATE {collate} = ?"
        )
        return [row[0] for row in self.db.execute(sql, (value,))]

    def index(self, object_name: str, name: str, *, exact: bool = True) -> None:
        """Index one field."""
        collate = "BINARY" if exact else "NOCASE"
        self.db.execute(
            f'CREATE INDEX IF NOT EXISTS "{object_name}.{name}" '
            f"ON record (json_extract(doc, '$.{name}') COLLATE {collate}) "
            f"WHERE object = '{object_name}' AND deleted = 0"
        )

    def delete(self, ids: Sequence[str]) -> None:
        """Remove documents for good."""
        self.db.execute(
            "DELETE FROM record WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
        )

    def remember(self, name: str, value: Any) -> None:
        """Keep a value beside the records."""
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))

    def recall(self, name: str) -> Any:
        """Return a value that was kept, or None."""
        row = self.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None
