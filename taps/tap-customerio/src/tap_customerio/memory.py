"""What earlier runs have read, as content hashes in a side file: finds what changed and what vanished.

The API can say neither for most streams. A run writes its hashes as a new generation and names it in the
STATE. The next run goes by the generation that its state names and drops what came after: rows of a run
whose state never came back from the target count as unread, and are sent again. Without a state that fits (a
full refresh, a state that was lost, a file that another pipeline went on with), everything is sent again, and
what was ever there and is no more as gone.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec

from tap_customerio.values import Record

_MARKS = 100
"""Generations that a state may still name: reads without a state, such as a profile's, come in between."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS file (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rows (
  stream TEXT, key TEXT, generation INTEGER, hash BLOB, PRIMARY KEY (stream, key, generation)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (
  stream TEXT, generation INTEGER, mark TEXT, PRIMARY KEY (stream, generation)) WITHOUT ROWID;
CREATE TEMPORARY TABLE seen (key TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class Memory:
    """The side file, readable by its owner only. It holds keys and hashes, no values."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.executescript(_SCHEMA)
        found = self.db.execute("SELECT id FROM file").fetchone()
        self.id: str = found[0] if found else secrets.token_hex(8)
        if not found:
            self.db.execute("INSERT INTO file VALUES (?)", (self.id,))

    def scan(self, stream: str, keys: Sequence[str], state: Record) -> Scan:
        """Begin to compare a stream with what its state says was read."""
        return Scan(self, stream, keys, state)


class Scan:
    """One stream in one run; nothing is kept unless `finish` is reached. `known`: there is a before."""

    def __init__(self, memory: Memory, stream: str, keys: Sequence[str], state: Record) -> None:
        self._memory = memory
        self._db = memory.db
        self._stream = stream
        self._keys = keys
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("DELETE FROM seen")
        self.known = state.get("file") == memory.id and self._is_mine(state)
        self._generation = (int(state["generation"]) if self.known else self._last()) + 1
        for table in ("rows", "marks"):
            after = f"DELETE FROM {table} WHERE stream = ? AND generation >= ?"
            self._db.execute(after, (stream, self._generation))

    def is_new(self, record: Record) -> bool:
        """Whether a record is not what it was before; it counts as there either way."""
        key, hash = self._key(record), _hash(record)
        self._db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (key,))
        if self.known and self._latest(key) == hash:
            return False
        self._write(key, hash)
        return True

    def gone(self, record: Record) -> bool:
        """Note that a record, given by its keys, is deleted; whether it was there before."""
        key = self._key(record)
        if self._latest(key) is None:
            return False
        self._write(key, None)
        return True

    def vanished(self) -> Iterator[Record]:
        """The keys of what was there before and has not come in this run, which read everything."""
        last = ""
        while keys := self._unseen(last):
            last = keys[-1]
            for key in keys:
                record = dict(zip(self._keys, msgspec.json.decode(key), strict=True))
                if self.gone(record):
                    yield record

    def finish(self) -> Record:
        """Keep all this; what to put into the state."""
        # Of each key, only its latest row can be asked for again; a deletion needs none.
        self._db.execute(
            "DELETE FROM rows AS old WHERE stream = ? AND EXISTS (SELECT 1 FROM rows WHERE"
            " stream = old.stream AND key = old.key AND generation > old.generation AND generation < ?)",
            (self._stream, self._generation),
        )
        mark = secrets.token_hex(8)
        self._db.execute("INSERT INTO marks VALUES (?, ?, ?)", (self._stream, self._generation, mark))
        old = self._generation - _MARKS
        self._db.execute("DELETE FROM marks WHERE stream = ? AND generation < ?", (self._stream, old))
        self._db.execute("COMMIT")
        return {"file": self._memory.id, "generation": self._generation, "mark": mark}

    def give_up(self) -> None:
        """Keep nothing of this run."""
        with suppress(sqlite3.OperationalError):  # no transaction: it was finished
            self._db.execute("ROLLBACK")

    def _is_mine(self, state: Record) -> bool:
        """Whether the generation is the one that this state's run wrote; states of old say nothing of it."""
        query = "SELECT mark FROM marks WHERE stream = ? AND generation = ?"
        found = self._db.execute(query, (self._stream, state["generation"])).fetchone()
        return (found[0] if found else None) == state.get("mark")

    def _last(self) -> int:
        query = "SELECT max(generation) FROM rows WHERE stream = ?"
        return int(self._db.execute(query, (self._stream,)).fetchone()[0] or 0)

    def _unseen(self, after: str) -> list[str]:
        """Some keys, in order: all at once would fill the memory where a workspace was emptied."""
        rows = self._db.execute(
            "SELECT DISTINCT key FROM rows WHERE stream = ? AND key > ? AND key NOT IN (SELECT key FROM seen)"
            " ORDER BY key LIMIT 1000",
            (self._stream, after),
        )
        return [key for (key,) in rows]

    def _key(self, record: Record) -> str:
        return msgspec.json.encode([record[key] for key in self._keys]).decode()

    def _latest(self, key: str) -> bytes | None:
        row = self._db.execute(
            "SELECT hash FROM rows WHERE stream = ? AND key = ? ORDER BY generation DESC LIMIT 1",
            (self._stream, key),
        ).fetchone()
        return row[0] if row else None

    def _write(self, key: str, hash: bytes | None) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", (self._stream, key, self._generation, hash)
        )


def _hash(record: Record) -> bytes:
    return blake2b(msgspec.json.encode(record, order="deterministic"), digest_size=16).digest()
