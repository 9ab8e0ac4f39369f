"""What became of records and rows, counted for reports."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Any

ENOUGH_ROWS = 20
"""Below so many rows of an entity, a share says nothing."""


def too_many(some: int, total: int, percent: float) -> bool:
    """Tell whether some of an entity's rows are more than a share of them all."""
    return total >= ENOUGH_ROWS and 100 * some > percent * total


class Result(StrEnum):
    """What became of one row in one run."""

    CREATED = "created"
    ADOPTED = "adopted"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    MERGED = "merged"
    ARCHIVED = "archived"
    DELETED = "deleted"
    REJECTED = "rejected"
    WAITING = "waiting"
    LEFT_OUT = "left_out"
    """What it would change or point to was deleted in the CRM, and that was accepted."""


class Counts:
    """Counters of one run: records per stream by fate, rows per entity by result.

    `checks` holds, per entity, what ledger and CRM counted when its last stream was settled; `changed`
    counts, by entity and field, the values that the CRM does not keep as they came.
    """

    def __init__(self) -> None:
        self.streams: dict[str, Counter[str]] = {}
        self.entities: dict[str, Counter[str]] = {}
        self.checks: dict[str, dict[str, int]] = {}
        self.changed: dict[str, Counter[str]] = {}

    def stream(self, name: str) -> Counter[str]:
        """The counter of a stream: `read`, `held`, `excluded`, `rejected`, `not_mapped`."""
        return self.streams.setdefault(name, Counter())

    def entity(self, name: str) -> Counter[str]:
        """The counter of an entity, by `Result`."""
        return self.entities.setdefault(name, Counter())

    def rejects(self) -> int:
        """Return how many records or rows were rejected."""
        return sum(counter[Result.REJECTED] for counter in (*self.streams.values(), *self.entities.values()))

    def as_dict(self) -> dict[str, Any]:
        """Return plain dicts, for the ledger and for JSON."""
        return {
            "streams": {
                name: {str(key): n for key, n in counter.items() if n}
                for name, counter in self.streams.items()
            },
            "entities": {
                name: {str(key): n for key, n in counter.items() if n}
                for name, counter in self.entities.items()
            },
            "checks": self.checks,
            "changed": {name: dict(counter) for name, counter in self.changed.items() if counter},
        }
