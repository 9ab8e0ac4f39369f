"""One run at a time: a lock on the ledger that ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sqlalchemy import Connection, text

from crmlift.errors import RunStopped

# Any number serves, as long as no other program takes advisory locks with it in the same database.
_POSTGRES_CLASS = 0x63726D6C


class SoleWriter:
    """The right to write with a ledger.

    Two runs at once would each create what the other has not written down yet. Beside an SQLite ledger lies a
    file that is locked, for all that it holds; PostgreSQL locks one destination and workspace, so that
    several machines agree.
    """

    def __init__(self, connection: Connection, scope: int) -> None:
        self._connection = connection
        self._scope = scope
        self._file: int | None = None
        self._held = False

    def take(self) -> None:
        """Take the right, or keep it. Raises `RunStopped` where another process has it."""
        if not self._held and not (self._lock_row() if self._is_postgres else self._lock_file()):
            raise RunStopped(
                "Another run is at work with this ledger, so this one did nothing.",
                hint="Let it finish: the next run goes on from there. "
                "Where that happens often, let the schedule run less often.",
            )
        self._held = True

    def close(self) -> None:
        """Give the right back; in PostgreSQL the end of the connection does."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @property
    def _is_postgres(self) -> bool:
        return self._connection.dialect.name == "postgresql"

    def _lock_row(self) -> bool:
        query = text("SELECT pg_try_advisory_lock(:of, :scope)")
        names = {"of": _POSTGRES_CLASS, "scope": self._scope}
        with self._connection.begin():
            return bool(self._connection.execute(query, names).scalar())

    def _lock_file(self) -> bool:
        database = self._connection.engine.url.database
        if not database or database == ":memory:":
            return True
        # Not the database itself: to close any descriptor of it would take SQLite's own locks away.
        self._file = os.open(Path(f"{database}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            return False
        return True
