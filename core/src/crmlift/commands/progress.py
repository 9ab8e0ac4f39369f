"""What a run has done so far, how fast it goes, and how long it will take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol

from rich.live import Live
from rich.table import Table

from crmlift.commands.common import console

Counts = Mapping[str, Any]


class Watch(Protocol):
    """Takes the counts of a run as they grow."""

    def __call__(self, counts: Counts) -> None:
        """Show them."""


@dataclass
class Speed:
    """Records per second of a run; `expected` is how many each stream will have, by the plan."""

    expected: Mapping[str, int] = field(default_factory=dict)
    began: float = field(default_factory=monotonic)

    def per_second(self, counts: Counts) -> float:
        """Return records a second since the beginning."""
        return sum(read(counts).values()) / max(monotonic() - self.began, 0.001)

    def seconds_left(self, counts: Counts) -> float | None:
        """Return the time that the rest will take at this speed; None where nobody knows how much that is."""
        speed = self.per_second(counts)
        if not self.expected or not speed:
            return None
        so_far = read(counts)
        left = sum(max(number - so_far.get(stream, 0), 0) for stream, number in self.expected.items())
        return left / speed

    def words(self, counts: Counts) -> str:
        """Return both for a person."""
        left = self.seconds_left(counts)
        rate = f"{self.per_second(counts):,.0f} records/s"
        return rate if left is None else f"{rate}, about {_time(left)} left"


def read(counts: Counts) -> dict[str, int]:
    """Return how many records of each stream were read."""
    return {name: counter.get("read", 0) for name, counter in counts.get("streams", {}).items()}


@contextmanager
def progress(*, quiet: bool = False, expected: Mapping[str, int] | None = None) -> Iterator[Watch]:
    """Show growing counts: a table that redraws itself on a terminal, else a line per change."""
    speed = Speed(expected or {})
    if quiet:
        yield lambda _counts: None
    elif console.is_terminal:
        with Live(_table({}, speed), console=console, transient=True) as live:

            def redraw(counts: Counts) -> None:
                live.update(_table(counts, speed))

            yield redraw
    else:
        shown: dict[str, int] = {}

        def print_line(counts: Counts) -> None:
            now = read(counts)
            new = [f"{name} {number:,}" for name, number in now.items() if number != shown.get(name)]
            if new:
                shown.update(now)
                console.print(f"read {' · '.join(new)} ({speed.words(counts)})", soft_wrap=True)

        yield print_line


def _table(counts: Counts, speed: Speed) -> Table:
    table = Table(title=f"Running, {speed.words(counts)}", title_justify="left")
    table.add_column("Stream or entity")
    table.add_column("So far", justify="right")
    table.add_column("In the CRM", justify="right")
    for name, number in read(counts).items():
        of = f" of {speed.expected[name]:,}" if name in speed.expected else ""
        table.add_row(name, f"{number:,}{of} read", "")
    for name, results in counts.get("entities", {}).items():
        check = counts.get("checks", {}).get(name)
        table.add_row(
            f"→ {name}",
            ", ".join(f"{number:,} {result}" for result, number in results.items()),
            f"{check['crm']:,}" if check else "",
        )
    return table


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
