"""A run that only plans: the pipeline itself, over a copy of the ledger and a CRM that takes no writes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from crmlift.destination import (
    Allowance,
    Destination,
    Severity,
)
from crmlift.ledger import Ledger
from crmlift.loader.counts import Result
from crmlift.mapping import schema_changes
from crmlift.mapping.approval import digest
from crmlift.mapping.model import Mapping as MappingFile
from crmlift.pipeline import Pipeline
from crmlift.plan.conditions import allowance, lacks, live_types
from crmlift.plan.dry_run import DryRun
from crmlift.plan.model import Cost, Plan, PlanFinding, PlannedEntity, PlannedField
from crmlift.reconcile import stream_counts


class PlannedRun:
    """One run whose writes go nowhere. `pipeline` takes the records; `finish` tells what they would do."""

    def __init__(
        self,
        mapping: MappingFile,
        crm: Destination,
        ledger: Ledger,
        *,
        approved: bool,
        validate: bool = True,
    ) -> None:
        self._mapping = mapping
        self._crm = crm
        self._digest = digest(mapping)
        self._approved = approved
        self._began = monotonic()
        self._speed = _rows_per_second(ledger)
        self._folder = tempfile.TemporaryDirectory(prefix="crmlift-plan-")
        folder = Path(self._folder.name)
        self._ledger = ledger.copy(f"sqlite:///{folder / 'ledger.db'}")
        self._dry = DryRun(crm, folder / "written.db")
        self.pipeline = Pipeline(
            mapping,
            self._dry,
            self._ledger,
            mapping_digest=self._digest,
            validate=validate,
            stop_above_percent=100,
            kind=None,
        )

    def finish(self) -> Plan:
        """Settle everything and return the plan."""
        self.pipeline.finish()
        counts = self.pipeline.counts.as_dict()
        entities = [
            self._entity(name, counts["entities"].get(name, {})) for name in self.pipeline.engine.entities()
        ]
        cost = self._cost(entities)
        new_fields = self._new_fields()
        findings = [PlanFinding(severity=f.severity, text=f.text, fix=f.fix) for f in self._dry.findings]
        obstacles = list(_obstacles(findings, new_fields, cost, approved=self._approved))
        return Plan(
            destination=self._mapping.destination,
            workspace=self._mapping.workspace,
            made_at=datetime.now(UTC).replace(microsecond=0),
            mapping_digest=self._digest,
            approved=self._approved,
            ready=not obstacles,
            obstacles=obstacles,
            new_fields=new_fields,
            fields=live_types(self._mapping, self._dry.live),
            findings=findings,
            streams=stream_counts(counts["streams"]),
            entities=entities,
            cost=cost,
        )

    def close(self) -> None:
        """Drop the copies."""
        self._dry.__exit__(None, None, None)
        self._ledger.close()
        self._folder.cleanup()

    def _entity(self, name: str, results: Mapping[str, int]) -> PlannedEntity:
        return PlannedEntity(
            entity=name,
            label=self._crm.entities[name].label,
            reading_calls=self._dry.reads[name],
            writing_calls=self._dry.writes[name],
            **{result.value: results.get(result, 0) for result in Result},
        )

    def _new_fields(self) -> list[PlannedField]:
        planned: list[PlannedField] = []
        for entity, fields in self._dry.planned.items():
            by_hand = schema_changes.by_hand(self._crm, entity, list(fields.values()))
            planned += [
                PlannedField(
                    entity=entity,
                    name=name,
                    label=spec.label,
                    type=spec.type,
                    by_hand=by_hand.get(name),
                )
                for name, spec in fields.items()
            ]
        return planned

    def _cost(self, entities: list[PlannedEntity]) -> Cost:
        allowed = allowance(self._crm)
        calls = sum(entity.reading_calls + entity.writing_calls for entity in entities)
        rows = sum(entity.touched for entity in entities)
        seconds = None
        if allowed.calls_per_second:
            seconds = calls / allowed.calls_per_second
        elif self._speed:
            seconds = rows / self._speed
        return Cost(
            calls=calls,
            calls_allowed=allowed.calls,
            records=sum(entity.created for entity in entities),
            records_allowed=allowed.records,
            allowance_from=allowed.source,
            reading_seconds=round(monotonic() - self._began, 1),
            writing_seconds=None if seconds is None else round(seconds, 1),
        )


def _obstacles(
    findings: list[PlanFinding], fields: list[PlannedField], cost: Cost, *, approved: bool
) -> Iterator[str]:
    """What keeps a run from being started now, each with what to do."""
    if not approved:
        yield "The mapping is not approved as it stands: look at it and run `crmlift approve`."
    for finding in findings:
        if finding.severity is Severity.ERROR:
            yield f"{finding.text} {finding.fix}".strip()
    by_hand = sum(spec.by_hand is not None for spec in fields)
    if by_hand:
        yield f"{by_hand} fields must be created by a person: see the list of `crmlift provision`."
    yield from lacks(cost, Allowance(cost.calls_allowed, None, cost.records_allowed, cost.allowance_from))


def _rows_per_second(ledger: Ledger) -> float | None:
    """How fast the last complete run wrote, reading included."""
    for run in reversed(ledger.runs.all()):
        if not run["finished_at"]:
            continue
        started, finished = (datetime.fromisoformat(run[name]) for name in ("started_at", "finished_at"))
        seconds = (finished - started).total_seconds()
        entities = run["counts"].get("entities", {}).values()
        rows = sum(counter.get(name, 0) for counter in entities for name in ("created", "updated"))
        if rows >= 1000 and seconds > 0:
            return float(rows / seconds)
    return None
