"""What a run has read, and what it could not read: the notes behind the stream `completeness`."""

from __future__ import annotations

import re
import threading
from collections import Counter
from dataclasses import dataclass, field

COMPLETENESS = "completeness"  # the stream that tells what was read of all others


def _same(reason: object) -> str:
    """The reason without the API's reference number, which differs each time."""
    return re.sub(r" \(reference [^)]*\)", "", str(reason))


@dataclass
class Line:
    """One stream. `read` counts tombstones too, `deleted` only them; `unchanged` was read and not sent.

    `whole` is false where only a part was due to be read, so that counts say nothing.

    `route` is how it was read; `unavailable` is why there was none. `calls` counts requests that were sent
    while it was read.

    `horizon` is the oldest moment that was asked for or seen, in unix seconds. `skipped` counts by reason
    what is listed but could not be read; `refused` is why the stream ended early; `limits` says what its
    route leaves out; `parts` counts records by parent, where a count can be checked; `unknown` counts what
    was passed on as it came because nothing is known of it, by kind and name.
    """

    read: int = 0
    deleted: int = 0
    unchanged: int = 0
    whole: bool = True
    skipped: Counter[str] = field(default_factory=Counter)
    refused: str = ""
    route: str = ""
    unavailable: str = ""
    calls: int = 0
    limits: list[str] = field(default_factory=list)
    horizon: int | None = None
    parts: Counter[int] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def skip(self, reason: object) -> None:
        """Note one thing that could not be read; safe to call from any thread."""
        with self._lock:
            self.skipped[_same(reason)] += 1

    def refuse(self, reason: object) -> None:
        """Note why the stream ended early."""
        self.refused = _same(reason)

    def limit(self, reason: str) -> None:
        """Note what is left out, once."""
        if reason not in self.limits:
            self.limits.append(reason)

    def reaches(self, moment: int | None) -> None:
        """Note how far back the stream reaches."""
        if moment is not None and (self.horizon is None or moment < self.horizon):
            self.horizon = moment

    @property
    def live(self) -> int:
        """Records that are there: sent, or as they were before."""
        return self.read - self.deleted + self.unchanged

    @property
    def reason(self) -> str | None:
        """Everything that keeps the stream from being whole, in words without personal data."""
        if self.unavailable:
            return self.unavailable
        skipped = [f"{count} x {reason}" for reason, count in sorted(self.skipped.items())]
        return "; ".join([*([self.refused] if self.refused else []), *skipped, *self.limits]) or None

    @property
    def status(self) -> str:
        """`complete`, `partial`, `unreadable`, or `not_available` where there is no route."""
        if self.unavailable:
            return "not_available"
        if self.refused and not self.read:
            return "unreadable"
        return "partial" if self.refused or self.skipped else "complete"


class Report:
    """The lines of a run, by stream."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}

    def line(self, stream: str) -> Line:
        """The line of a stream, begun where there is none."""
        return self._lines.setdefault(stream, Line())

    def begin(self, stream: str) -> Line:
        """A new line for a stream that is read now."""
        self._lines[stream] = Line()
        return self._lines[stream]
