from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crmlift.ledger import Ledger
from crmlift.mapping.load import parse_mapping
from crmlift.pipeline import Pipeline
from crmlift.testing.memory import MemoryCrm
from crmlift.testing.workspace import KEYS

MAPPING = """
destination: memory
workspace: demo
hooks:
  flatten: {streams: {people: attributes}, into: traits}
  dedupe: {stream: people, by: [email]}
streams:
  objects:
    - {entity: company, key: cio_object_id, fields: {name: attributes.name}}
  people:
    - entity: person
      key: cio_id
      match: {email: email}
      on_delete: archive
      fields:
        name: {from: [attributes.name, cio_id]}
        email: email
        plan: traits.subscription.plan
        phone: {from: phone, write: fill_empty}
  relationships:
    - entity: person
      mode: update
      write: fill_empty
      key: cio_id
      links: {company: {entity: company, key: cio_object_id}}
  segments:
    - {entity: tag, key: id, fields: {name: name}}
  segment_memberships:
    - entity: person_tag
      key: [segment_id, cio_id]
      on_delete: delete
      links: {person: {entity: person, key: cio_id}, tag: {entity: tag, key: segment_id}}
  activities:
    - entity: event
      key: id
      fields: {name: name, at: {from: timestamp, as: datetime, on_error: reject}, data: data}
      links: {person: {entity: person, key: cio_id, required: true}}
skip: {deliveries: not part of this load}
"""


class Bench:
    """A memory CRM, a ledger and a way to run records through them."""

    def __init__(self, folder: Path) -> None:
        self.crm = MemoryCrm()
        self.folder = folder
        self.states: list[Any] = []
        self.mapping = MAPPING
        # A server serves all tests of a session, each in a workspace of its own.
        self.ledger_url = os.environ.get("CRMLIFT_TEST_LEDGER_URL", f"sqlite:///{folder}/ledger.db")
        self.workspace = str(folder)

    def open_ledger(self) -> Ledger:
        return Ledger(self.ledger_url, destination="memory", workspace=self.workspace)

    def lose_ledger(self) -> None:
        """Go on with an empty ledger, as on another machine."""
        self.workspace += "+"

    def start(self, ledger: Ledger, **options: Any) -> Pipeline:
        pipeline = Pipeline(
            parse_mapping(self.mapping),
            self.crm,
            ledger,
            mapping_digest="d",
            emit_state=self.states.append,
            **options,
        )
        for stream, keys in KEYS.items():
            pipeline.schema(stream, {"properties": {}}, keys)
        return pipeline

    def run(self, *messages: tuple[str, dict[str, Any]]) -> dict[str, dict[str, int]]:
        """Load (stream, record) pairs; return the counts per entity without zeros."""
        with self.open_ledger() as ledger:
            pipeline = self.start(ledger)
            for stream, record in messages:
                pipeline.record(stream, dict(record))
            self.status = pipeline.finish()
            self.counts = pipeline.counts
            return {
                entity: {name: number for name, number in counter.items() if number}
                for entity, counter in pipeline.counts.entities.items()
            }

    def person(self, key: str) -> dict[str, Any]:
        return self.crm.rows["person"][self.crm.keys["person"][key]]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def ledger(bench: Bench) -> Iterator[Ledger]:
    with bench.open_ledger() as ledger:
        yield ledger
