"""A target whose CRM takes everything and does nothing: what is left is our own work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from crmlift.destination import Create, EntitySpec, Field, FieldType, Outcome
from crmlift.singer.target import CrmTarget, settings
from crmlift.testing.memory import MemoryCrm

FIELDS = 60


class NullCrm(MemoryCrm):
    entities: Mapping[str, EntitySpec] = {
        "person": EntitySpec("person", "Person", batch_limit=1000),
        "event": EntitySpec("event", "Event", batch_limit=1000),
    }

    def describe(self, entity: str) -> dict[str, Field]:
        return {f"f{number}": Field(f"f{number}", FieldType.TEXT) for number in range(FIELDS)}

    def __init__(self) -> None:
        super().__init__()
        self.created: Counter[str] = Counter()

    def count(self, entity: str) -> int:
        return self.created[entity]

    def create(self, entity: str, rows: Sequence[Create]) -> list[Outcome]:
        self.created[entity] += len(rows)
        return [Outcome(row.key, row.key) for row in rows]


class NullTarget(CrmTarget):
    """A target over the null CRM."""

    name = "target-null"
    config_jsonschema = settings("null")

    @classmethod
    def destination(cls, config: Mapping[str, Any], workspace: str) -> NullCrm:
        return NullCrm()
