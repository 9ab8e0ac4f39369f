"""The sandbox's workspace in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

Row = sqlite3.Row
JSON = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS people (
  n INTEGER PRIMARY KEY AUTOINCREMENT, cio_id TEXT UNIQUE, id TEXT UNIQUE, email TEXT, phone TEXT,
  attributes TEXT NOT NULL, timestamps TEXT NOT NULL, devices TEXT NOT NULL DEFAULT '[]');
CREATE INDEX IF NOT EXISTS people_email ON people (email);
CREATE INDEX IF NOT EXISTS people_phone ON people (phone);
CREATE TABLE IF NOT EXISTS suppressed (kind TEXT, value TEXT, PRIMARY KEY (kind, value));
CREATE TABLE IF NOT EXISTS objects (
  n INTEGER PRIMARY KEY AUTOINCREMENT, cio_object_id TEXT UNIQUE, type_id TEXT, object_id TEXT,
  attributes TEXT NOT NULL, timestamps TEXT NOT NULL, UNIQUE (type_id, object_id));
CREATE TABLE IF NOT EXISTS relationships (
  object INTEGER, person INTEGER, attributes TEXT NOT NULL, timestamps TEXT NOT NULL,
  PRIMARY KEY (object, person)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS relationships_person ON relationships (person);
CREATE TABLE IF NOT EXISTS members (
  segment INTEGER, cio_id TEXT, PRIMARY KEY (segment, cio_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS activities (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, type TEXT, timestamp INTEGER, name TEXT, url TEXT,
  cio_id TEXT, data TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS activities_time ON activities (timestamp, n);
CREATE INDEX IF NOT EXISTS activities_type ON activities (type, timestamp, n);
CREATE INDEX IF NOT EXISTS activities_person ON activities (cio_id, timestamp, n);
CREATE TABLE IF NOT EXISTS deliveries (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, created INTEGER, type TEXT, cio_id TEXT,
  campaign_id INTEGER, action_id INTEGER, newsletter_id INTEGER, broadcast_id INTEGER,
  transactional_message_id INTEGER, metrics TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_time ON deliveries (created, n);
CREATE INDEX IF NOT EXISTS deliveries_person ON deliveries (cio_id, created, n);
CREATE TABLE IF NOT EXISTS documents (
  kind TEXT, parent TEXT, id TEXT, position INTEGER, body TEXT NOT NULL, PRIMARY KEY (kind, parent, id));
"""


def dump(value: object) -> str:
    """A value as JSON text."""
    return msgspec.json.encode(value).decode()


def parse(text: str | bytes) -> Any:
    """JSON text as a value."""
    return msgspec.json.decode(text)


class Store:
    """One workspace. Not safe for use from several threads at once: the server has one."""

    def __init__(self, path: str = ":memory:") -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + _SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside, or nothing of it."""
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All rows of a query."""
        return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """The first row of a query, if any."""
        found: Row | None = self._db.execute(sql, values).fetchone()
        return found

    def write(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run a statement; the id of the row that it inserted."""
        return self._db.execute(sql, values).lastrowid or 0

    def write_all(self, sql: str, values: Iterable[Sequence[object]]) -> None:
        """Run a statement for each row of values."""
        self._db.executemany(sql, values)

    def documents(self, kind: str, parent: str = "") -> list[JSON]:
        """What was loaded of a kind, in the order of loading."""
        sql = "SELECT body FROM documents WHERE kind = ? AND parent = ? ORDER BY position"
        return [parse(row["body"]) for row in self.rows(sql, (kind, parent))]

    def document(self, kind: str, id: str, parent: str = "") -> JSON | None:
        """One document by its id."""
        row = self.row(
            "SELECT body FROM documents WHERE kind = ? AND parent = ? AND id = ?", (kind, parent, id)
        )
        return parse(row["body"]) if row else None

    def put_document(self, kind: str, id: str, body: object, parent: str = "") -> None:
        """Add a document, or replace it in its place."""
        self.write(
            "INSERT INTO documents (kind, parent, id, position, body) VALUES"
            " (?1, ?2, ?3, (SELECT count(*) FROM documents WHERE kind = ?1 AND parent = ?2), ?4)"
            " ON CONFLICT DO UPDATE SET body = excluded.body",
            (kind, parent, id, dump(body)),
        )

    def delete_document(self, kind: str, id: str) -> None:
        """Remove a document and what hangs on it."""
        self.write("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, id))
        self.write("DELETE FROM documents WHERE kind LIKE ? AND parent = ?", (kind.rstrip("s") + "\\_%", id))

    def close(self) -> None:
        """Close the database."""
        self._db.close()
