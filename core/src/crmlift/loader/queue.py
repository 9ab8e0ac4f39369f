"""What waits to be written of one entity, until there is enough for a full call."""

from __future__ import annotations

from collections.abc import Iterator

from crmlift.loader.ready import Ready


class Queue:
    """Rows to create and rows to update; no CRM record is to be updated by two of them."""

    def __init__(self) -> None:
        self.creates: list[Ready] = []
        self.updates: list[Ready] = []

    def __iter__(self) -> Iterator[Ready]:
        yield from self.creates
        yield from self.updates

    def updates_one_of(self, wave: list[Ready]) -> bool:
        """Say whether a record of these is about to be updated already."""
        return not {ready.crm_id for ready in self.updates}.isdisjoint(ready.crm_id for ready in wave)
