"""What one stream has read and others need too: kept on disk for the length of a run.

A list of parents is asked for once, however many streams hang on it; and the whole consent of a
workspace is joined in flat memory. The file has no name (SQLite's temporary database): it ends with
the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from tap_customerio.values import Record

T = TypeVar("T")


def _no_key(_record: Record) -> object:
    return ""


class Shelf:
    """Records by name of their list. A list counts only once it was read to its end."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE records (n INTEGER PRIMARY KEY, list TEXT, key TEXT, body BLOB);"
            "CREATE INDEX records_list ON records (list); CREATE INDEX records_key ON records (list, key);"
        )
        self._whole: set[str] = set()

    def read(
        self, name: str, source: Callable[[], Iterable[Record]], key: Callable[[Record], object] = _no_key
    ) -> Iterator[Record]:
        """A list: from its source the first time, from here after that."""
        if name in self._whole:
            return self._kept(name)
        return self.keep(name, source(), short=lambda record: record, key=key)

    def keep(
        self,
        name: str,
        records: Iterable[T],
        *,
        short: Callable[[T], Record | None],
        key: Callable[[Record], object] = _no_key,
    ) -> Iterator[T]:
        """Pass records on, and keep a short form of each under a key; none of those where it is None."""
        self._whole.discard(name)
        self._db.execute("DELETE FROM records WHERE list = ?", (name,))
        for record in records:
            kept = short(record)
            if kept is not None:
                self._db.execute(
                    "INSERT INTO records (list, key, body) VALUES (?, ?, ?)",
                    (name, str(key(kept)), msgspec.json.encode(kept)),
                )
            yield record
        self._whole.add(name)

    def in_order(self, name: str) -> Iterator[Record]:
        """A list that was read, in the order of its keys, each of which it has once."""
        last = ""
        while rows := self._db.execute(
            "SELECT key, body FROM records WHERE list = ? AND key > ? ORDER BY key LIMIT 1000", (name, last)
        ).fetchall():
            last = rows[-1][0]
            yield from (msgspec.json.decode(body) for _, body in rows)

    def find(self, name: str, key: object) -> list[Record]:
        """What a list holds under a key."""
        rows = self._db.execute("SELECT body FROM records WHERE list = ? AND key = ?", (name, str(key)))
        return [msgspec.json.decode(body) for (body,) in rows]

    def has(self, name: str) -> bool:
        """Whether a list was read to its end."""
        return name in self._whole

    def _kept(self, name: str) -> Iterator[Record]:
        # Rows of one list are read in pieces: a cursor that stays open would see later writes.
        last = 0
        while True:
            rows = self._db.execute(
                "SELECT n, body FROM records INDEXED BY records_list WHERE list = ? AND n > ?"
                " ORDER BY n LIMIT 1000",
                (name, last),
            ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield from (msgspec.json.decode(body) for _, body in rows)

    def close(self) -> None:
        """Forget everything."""
        self._db.close()
