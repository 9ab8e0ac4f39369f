"""Files of events: one JSON text a line, safe on disk before anybody is told so."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

PATTERN = "events-*.jsonl"


class Spool:
    """Appends lines to files that begin anew each day, or when they are full; safe for many threads.

    Names of files sort by time. A file is never written to again by another process, so that a line that
    was torn stays the last one of its file. Files are readable by their owner only: they hold personal data.
    """

    def __init__(
        self, folder: Path, max_bytes: int = 64 * 1024 * 1024, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._file: int | None = None
        self._size = 0
        self._day = ""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def append(self, line: bytes) -> None:
        """Write a line, which must hold no line end, through to the disk. Raises OSError."""
        with self._lock:
            try:
                self._write(line + b"\n")
            except OSError:
                self._end()  # whatever stands there now is the end of that file
                raise

    def close(self) -> None:
        """End the current file."""
        with self._lock:
            self._end()

    def _write(self, line: bytes) -> None:
        moment = datetime.fromtimestamp(self._clock(), UTC)
        if self._file is None or self._size >= self._max_bytes or f"{moment:%Y%m%d}" != self._day:
            self._begin(moment)
        assert self._file is not None
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        os.fsync(self._file)
        self._size += len(line)

    def _begin(self, moment: datetime) -> None:
        self._end()
        name = f"events-{moment:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(4)}.jsonl"
        self._file = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._size, self._day = 0, f"{moment:%Y%m%d}"
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name of the new file
        finally:
            os.close(folder)

    def _end(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
