"""A set of texts that does not grow in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator


class DiskSet:
    """Kept in a file without a name (SQLite's temporary database) that ends with the process."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE texts (text TEXT PRIMARY KEY) WITHOUT ROWID;"
        )

    def add(self, text: str) -> bool:
        """Put a text in; whether it is new."""
        return self._db.execute("INSERT OR IGNORE INTO texts VALUES (?)", (text,)).rowcount == 1

    def discard(self, text: str) -> None:
        """Take a text out, if it is there."""
        self._db.execute("DELETE FROM texts WHERE text = ?", (text,))

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM texts").fetchone()[0])

    def __iter__(self) -> Iterator[str]:
        """In pieces: a cursor that stays open would see later changes."""
        last = ""
        while found := self._db.execute(
            "SELECT text FROM texts WHERE text > ? ORDER BY text LIMIT 1000", (last,)
        ).fetchall():
            last = found[-1][0]
            yield from (text for (text,) in found)
