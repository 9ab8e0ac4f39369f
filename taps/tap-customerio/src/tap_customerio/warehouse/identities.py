"""Who is behind a `cio_id`, for rows that name nobody else: on disk for the length of a run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

Identity = tuple[str | None, str | None, str | None]


class Identities:
    """`(cio_id, id, email)` by `cio_id`. The file has no name: it ends with the process."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE people (cio_id TEXT PRIMARY KEY, id TEXT, email TEXT, suppressed) WITHOUT ROWID;"
        )

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Rows of the table `people` (see `warehouse.people.PEOPLE`); later ones win."""
        known = (
            (cio_id, None, None, bool(suppressed))
            if deleted or suppressed
            else (cio_id, id or None, email or None, False)
            for cio_id, id, email, deleted, suppressed, *_ in rows
        )
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?)", known)
        self._db.execute("COMMIT")

    def find(self, cio_ids: Iterable[str]) -> dict[str, Identity]:
        """Who they are: the deleted keep their `cio_id` only, the suppressed not even that."""
        asked = msgspec.json.encode(list(cio_ids)).decode()
        found = self._db.execute(
            "SELECT cio_id, id, email, suppressed FROM people"
            " WHERE cio_id IN (SELECT value FROM json_each(?))",
            (asked,),
        )
        return {
            cio_id: (None if suppressed else cio_id, id, email) for cio_id, id, email, suppressed in found
        }

    def close(self) -> None:
        """Forget everybody."""
        self._db.close()
