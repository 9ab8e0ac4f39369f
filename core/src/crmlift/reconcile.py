"""Counts that must add up: what was read against what was loaded, our rows against the CRM's count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import computed_field

from crmlift.destination import Destination
from crmlift.ledger import Gone, Ledger
from crmlift.part import Part

FATES = ("not_mapped", "no_rule", "held", "excluded", "rejected")


class StreamCount(Part):
    """Records of a stream in one run: `no_rule` met no rule of the mapping, `passed` became rows."""

    stream: str
    read: int
    not_mapped: int
    no_rule: int
    held: int
    excluded: int
    rejected: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> int:
        """Records that became rows."""
        return self.read - self.not_mapped - self.no_rule - self.held - self.excluded - self.rejected


class EntityCount(Part):
    """Rows of an entity: what one run did, what the ledger holds, what the CRM counts."""

    entity: str
    label: str
    results: dict[str, int]
    ledger: int
    crm: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def in_step(self) -> bool:
        """Whether the CRM holds exactly the rows that the ledger knows."""
        return self.ledger == self.crm


class Reconciliation(Part):
    """The counts of one run, and of the whole ledger beside the CRM."""

    run: int
    status: str
    streams: list[StreamCount]
    entities: list[EntityCount]
    waiting: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def in_step(self) -> bool:
        """Whether every entity is."""
        return all(entity.in_step for entity in self.entities)


def reconcile(ledger: Ledger, destination: Destination) -> Reconciliation:
    """Count, for the latest run."""
    nothing: dict[str, Any] = {"id": 0, "status": "no run yet", "counts": {}}
    last = ledger.runs.last() or nothing
    counts = last["counts"]
    streams = stream_counts(counts.get("streams", {}))
    entities = [
        EntityCount(
            entity=name,
            label=destination.entities[name].label,
            results=counts.get("entities", {}).get(name, {}),
            ledger=ledger.records.count(name, distinct=destination.entities[name].natural),
            crm=_in_crm(name, ledger, destination),
        )
        for name in ledger.records.entities()
    ]
    return Reconciliation(
        run=last["id"],
        status=last["status"],
        streams=streams,
        entities=entities,
        waiting=sum(ledger.waiting.counts().values()),
    )


def accept_deleted(ledger: Ledger, destination: Destination) -> dict[str, int]:
    """Settle with what people deleted in the CRM: it stays so, and no longer counts as missing.

    Returns how many records of each entity are gone. Raises `RunStopped` where a run is at work.
    """
    ledger.write_alone()
    gone: dict[str, int] = {}
    for entity in ledger.records.entities():
        natural = destination.entities[entity].natural
        if ledger.records.count(entity, distinct=natural) == _in_crm(entity, ledger, destination):
            continue
        missing: set[str] = set()
        for page in ledger.records.pages(entity):
            ids = {row.crm_id for row in page if row.crm_id and row.gone != Gone.CRM}
            missing |= ids - destination.read(entity, sorted(ids), ()).keys()
        ledger.records.accept_gone(entity, missing)
        if missing:
            gone[entity] = len(missing)
    return gone


def stream_counts(counters: Mapping[str, Mapping[str, int]]) -> list[StreamCount]:
    """Return the counters of a run, by stream, as counts."""
    return [
        StreamCount(
            stream=name, read=counter.get("read", 0), **{fate: counter.get(fate, 0) for fate in FATES}
        )
        for name, counter in counters.items()
    ]


def _in_crm(entity: str, ledger: Ledger, destination: Destination) -> int:
    """Count our rows in the CRM: by their keys, or, where they carry none, by looking at each."""
    if not destination.entities[entity].natural:
        return destination.count(entity)
    ids = ({row.crm_id for row in page if row.crm_id} for page in ledger.records.pages(entity))
    return len({found for page in ids for found in destination.read(entity, sorted(page), ())})
