"""Records in SQLite: one JSON document each, links of many2many fields in a table of pairs.

Empty values are left out of the documents. One call of the API is one transaction.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

Doc = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (model TEXT, id INTEGER, doc TEXT, PRIMARY KEY (model, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequence (model TEXT PRIMARY KEY, last INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pair (tbl TEXT, a INTEGER, b INTEGER, PRIMARY KEY (tbl, a, b)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pair_back ON pair (tbl, b, a);
CREATE UNIQUE INDEX IF NOT EXISTS xmlid ON record (json_extract(doc, '$.module'), json_extract(doc, '$.name'))
    WHERE model = 'ir.model.data';
CREATE INDEX IF NOT EXISTS xmlid_record
    ON record (json_extract(doc, '$.model'), json_extract(doc, '$.res_id')) WHERE model = 'ir.model.data';
CREATE INDEX IF NOT EXISTS partner_email ON record (json_extract(doc, '$.email_normalized'))
    WHERE model = 'res.partner';
CREATE INDEX IF NOT EXISTS partner_parent ON record (json_extract(doc, '$.parent_id'))
    WHERE model = 'res.partner';
"""


class Store:
    """The database of one sandbox; `path` may be `:memory:`."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.executescript(_SCHEMA)
        self.db.create_function("odoo_like", 3, _like, deterministic=True)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside, or none of it."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what is done inside if it fails."""
        self.db.execute("SAVEPOINT sp")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK TO sp")
            raise
        finally:
            self.db.execute("RELEASE sp")

    def rollback_to_start(self) -> None:
        """Undo the transaction and begin it anew."""
        self.db.execute("ROLLBACK")
        self.db.execute("BEGIN IMMEDIATE")

    def next_ids(self, model: str, count: int) -> range:
        """Take ids from the model's sequence; like PostgreSQL's, they are not given out again."""
        row = self.db.execute(
            "INSERT INTO sequence VALUES (?, ?) "
            "ON CONFLICT DO UPDATE SET last = last + excluded.last RETURNING last",
            (model, count),
        ).fetchone()
        return range(row[0] - count + 1, row[0] + 1)

    def put(self, model: str, docs: Iterable[tuple[int, Doc]]) -> None:
        """Write whole documents."""
        rows = [(model, id_, json.dumps(doc, ensure_ascii=False)) for id_, doc in docs]
        self.db.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", rows)

    def get(self, model: str, ids: Sequence[int]) -> dict[int, Doc]:
        """Return the documents that are there, by id."""
        sql = "SELECT id, doc FROM record WHERE model = ? AND id IN (SELECT value FROM json_each(?))"
        return {id_: json.loads(doc) for id_, doc in self.db.execute(sql, (model, json.dumps(list(ids))))}

    def ids(self, model: str, where: str, params: Sequence[Any], tail: str = "") -> list[int]:
        """Return ids of a model by a condition in SQL."""
        sql = f"SELECT id FROM record WHERE model = '{model}' AND ({where}) {tail}"
        return [row[0] for row in self.db.execute(sql, params)]

    def delete(self, model: str, ids: Sequence[int]) -> None:
        """Remove documents."""
        sql = "DELETE FROM record WHERE model = ? AND id IN (SELECT value FROM json_each(?))"
        self.db.execute(sql, (model, json.dumps(list(ids))))

    def index(self, model: str, field: str) -> None:
        """Index one field of a model."""
        self.db.execute(
            f"CREATE INDEX IF NOT EXISTS \"{model}.{field}\" ON record (json_extract(doc, '$.{field}')) "
            f"WHERE model = '{model}'"
        )

    def pairs(self, table: str, flip: bool, ids: Sequence[int]) -> dict[int, list[int]]:
        """Return the other side of a many2many for each id that has any."""
        mine, other = ("b", "a") if flip else ("a", "b")
        sql = (
            f"SELECT {mine}, {other} FROM pair WHERE tbl = ? "
            f"AND {mine} IN (SELECT value FROM json_each(?)) ORDER BY {other}"
        )
        found: dict[int, list[int]] = {}
        for id_, to in self.db.execute(sql, (table, json.dumps(list(ids)))):
            found.setdefault(id_, []).append(to)
        return found

    def link(self, table: str, flip: bool, id_: int, others: Iterable[int]) -> None:
        """Add pairs; those that are there stay."""
        rows = [(table, o, id_) if flip else (table, id_, o) for o in others]
        self.db.executemany("INSERT OR IGNORE INTO pair VALUES (?, ?, ?)", rows)

    def unlink(self, table: str, flip: bool, ids: Sequence[int], others: Sequence[int] | None = None) -> None:
        """Remove pairs of these ids, all of them or those with `others`."""
        mine, other = ("b", "a") if flip else ("a", "b")
        sql = f"DELETE FROM pair WHERE tbl = ? AND {mine} IN (SELECT value FROM json_each(?))"
        params = [table, json.dumps(list(ids))]
        if others is not None:
            sql += f" AND {other} IN (SELECT value FROM json_each(?))"
            params.append(json.dumps(list(others)))
        self.db.execute(sql, params)


@lru_cache(maxsize=64)
def _pattern(pattern: str, ignore_case: int) -> re.Pattern[str]:
    parts = re.split(r"(\\.|%|_)", pattern)
    wild = {"%": ".*", "_": "."}
    text = "".join(wild.get(p) or re.escape(p[1:] if p.startswith("\\") and len(p) > 1 else p) for p in parts)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _like(pattern: str, text: object, ignore_case: int) -> bool:
    return text is not None and _pattern(pattern, ignore_case).fullmatch(str(text)) is not None
