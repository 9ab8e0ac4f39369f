"""Which files a stream has read, and how far it is with those that it reads now: kept in its state."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from tap_customerio.readable import Readable
from tap_customerio.warehouse.folder import File

Ranges = dict[str, list[list[int]]]


def ranges(files: Iterable[File]) -> Ranges:
    """Files as ranges of sequence numbers by series: short, as long as they have no gaps."""
    found: Ranges = {}
    by_series: dict[str, set[int]] = {}
    for file in files:
        by_series.setdefault(file.series, set()).add(file.sequence)
    for series, numbers in sorted(by_series.items()):
        runs = groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])
        found[series] = [[run[0], run[-1]] for _, group in runs if (run := [n for _, n in group])]
    return found


def within(file: File, known: Ranges) -> bool:
    """Whether a file is among ranges."""
    return any(first <= file.sequence <= last for first, last in known.get(file.series, ()))


class Progress:
    """The state of one stream: `{read: ranges, underway: {files: ranges, parts, done}}`.

    Files that are read together are cut into parts. Each part that was sent moves `done`, so that a run
    that was interrupted goes on with the same files at the part where it stopped.
    """

    def __init__(self, stream: Readable, files: list[File]) -> None:
        self._stream = stream
        self._state: dict[str, Any] = stream.stream_state.setdefault("warehouse", {})
        read: Ranges = self._state.get("read") or {}
        underway: dict[str, Any] = self._state.get("underway") or {}
        there = [file for file in files if within(file, underway.get("files", {}))]
        if underway and ranges(there) != underway["files"]:
            underway = {}  # some of them are gone: begin anew
        self.files = there if underway else files
        self.new = [file for file in self.files if not within(file, read)]
        self.parts: int = underway.get("parts", 0)  # 0: not yet cut
        self.done: int = underway.get("done", 0)

    def move(self, parts: int, done: int) -> None:
        """So many of the parts have been sent."""
        self._state["underway"] = {"files": ranges(self.files), "parts": parts, "done": done}
        self._tell()

    def finish(self, bad: set[str]) -> None:
        """All is sent. Files that could not be read count as unread."""
        read: Ranges = self._state.get("read") or {}
        gone = [file for file in self.new if file.name not in bad]
        self._state["read"] = _joined(read, ranges(gone))
        self._state.pop("underway", None)
        self._tell()

    def _tell(self) -> None:
        self._stream.tell_state()


def _joined(one: Ranges, other: Ranges) -> Ranges:
    joined: Ranges = {}
    for series in sorted({*one, *other}):
        runs: list[list[int]] = []
        for first, last in sorted([*one.get(series, ()), *other.get(series, ())]):
            if runs and first <= runs[-1][1] + 1:
                runs[-1][1] = max(runs[-1][1], last)
            else:
                runs.append([first, last])
        joined[series] = runs
    return joined
