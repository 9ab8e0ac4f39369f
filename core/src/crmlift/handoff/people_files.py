"""Lists of people as CSV files that only their owner may read, however many people there are."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

_HELD = 20_000


class PeopleFiles:
    """Takes rows for any number of files, holds some of them, and appends them in turn.

    They lie in a folder of its own until `move`; `close` removes what was not moved.
    """

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="crmlift-handoff-", ignore_cleanup_errors=True)
        self._folder = Path(self._temporary.name)
        self._columns: dict[str, tuple[str, ...]] = {}
        self._rows: dict[str, list[tuple[object, ...]]] = {}
        self._held = 0
        self.counts: Counter[str] = Counter()

    def add(self, name: str, columns: tuple[str, ...], row: tuple[object, ...]) -> None:
        """Add a row to a file, such as `members/segment-3.csv`."""
        self._columns.setdefault(name, columns)
        self._rows.setdefault(name, []).append(row)
        self.counts[name] += 1
        self._held += 1
        if self._held >= _HELD:
            self._write()

    def columns(self, name: str) -> list[str]:
        """Return the columns of a file."""
        return list(self._columns[name])

    def move(self, folder: Path) -> None:
        """Put all files where they belong."""
        self._write()
        for name in self._columns:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.move(self._folder / name, target)

    def close(self) -> None:
        """Remove what was not moved."""
        self._temporary.cleanup()

    def _write(self) -> None:
        for name, rows in self._rows.items():
            _append(self._folder / name, self._columns[name], rows)
        self._rows.clear()
        self._held = 0


def _append(path: Path, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(columns)
        writer.writerows(rows)
