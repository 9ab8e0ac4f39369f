"""The database under the ledger: connection, transactions, and what its parts share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Table, create_engine, event, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from crmlift.errors import ConfigError
from crmlift.ledger import tables
from crmlift.ledger.sole_writer import SoleWriter
from crmlift.ledger.upgrade import upgrade

PAGE = 1000
"""Rows per query: well under the number of parameters that SQLite and PostgreSQL take."""


class Store:
    """One connection, for one destination and workspace (`scope`); `run` is the current run's number."""

    def __init__(self, url: str, *, destination: str, workspace: str) -> None:
        try:
            self._engine = create_engine(_private_file(url))
            self.insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
            if self._engine.dialect.name == "sqlite":
                event.listen(self._engine, "connect", _durable)
            upgrade(self._engine)
            self._connection: Connection = self._engine.connect()
        except (SQLAlchemyError, ImportError) as error:
            # Not the whole text: it may hold the URL, and that a password.
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise ConfigError(f"The ledger cannot be opened: {reason}.", hint="Look at ledger_url.") from None
        self.scope = self._scope_id(destination, workspace)
        self.sole_writer = SoleWriter(self._connection, self.scope)
        self.run = 0

    def close(self) -> None:
        """Close the connection; what was written stays."""
        self.sole_writer.close()
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

    @contextmanager
    def erasing(self) -> Iterator[Connection]:
        """A transaction after which nothing of what it deletes is left in an SQLite file."""
        sqlite_file = self._engine.dialect.name == "sqlite"
        if sqlite_file:
            self._pragma("secure_delete=ON")
        with self.transaction() as db:
            yield db
        if sqlite_file:
            self._pragma("wal_checkpoint(TRUNCATE)")
            self._pragma("secure_delete=OFF")

    def _pragma(self, text: str) -> None:
        driver = self._connection.connection.driver_connection
        assert driver is not None
        driver.execute(f"PRAGMA {text}")

    def upsert(self, table: Table, rows: Sequence[dict[str, Any]], *, keys: list[str]) -> None:
        """Insert rows of this scope and run; of those that are there, replace all but the keys."""
        if not rows:
            return
        statement = self.insert(table)
        others = {
            column.name: statement.excluded[column.name] for column in table.c if column.name not in keys
        }
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
        with self.transaction() as db:
            db.execute(statement, [{"scope": self.scope, "run": self.run} | row for row in rows])

    def copy_to(self, other: Store) -> None:
        """Copy the rows of this scope into an empty database, a page at a time."""
        with self.transaction() as source, other.transaction() as target:
            for table in tables.metadata.sorted_tables:
                if table is tables.scopes:
                    continue
                query = select(table)
                mine = {"scope": other.scope} if "scope" in table.c else {}
                if mine:
                    query = query.where(table.c.scope == self.scope)
                rows = source.execution_options(stream_results=True).execute(query).mappings()
                for page in rows.partitions(PAGE):
                    target.execute(insert(table), [dict(row) | mine for row in page])

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
