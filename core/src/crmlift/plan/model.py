"""What a plan says: `plan.json`, and what `crmlift plan --json` prints.

Numbers are records, rows or calls of one run over everything that was read; times are RFC 3339 in UTC.
"""

from __future__ import annotations

from datetime import datetime

from crmlift.destination import FieldType, Severity
from crmlift.part import Part
from crmlift.reconcile import StreamCount


class PlannedField(Part):
    """A field that would be created; `by_hand` says what a person must do where the API cannot."""

    entity: str
    name: str
    label: str
    type: FieldType
    by_hand: str | None


class ProvisionedField(Part):
    """A field that was created; `what_to_do` instead says how a person creates it."""

    entity: str
    name: str
    what_to_do: str | None


class PlanFinding(Part):
    """What the preflight found."""

    severity: Severity
    text: str
    fix: str


class PlannedEntity(Part):
    """What becomes of the rows of an entity, and the calls that it takes."""

    entity: str
    label: str
    created: int
    adopted: int
    updated: int
    unchanged: int
    merged: int
    archived: int
    deleted: int
    rejected: int
    waiting: int
    left_out: int
    reading_calls: int
    writing_calls: int

    @property
    def touched(self) -> int:
        """Rows that would be written."""
        return self.created + self.updated + self.archived + self.deleted


class Cost(Part):
    """Calls and records beside what the CRM allows now, and the time; None is not known or not limited.

    `reading_seconds` was measured while planning. `writing_seconds` follows from the pace that the
    client keeps, or else from how fast the last run wrote.
    """

    calls: int
    calls_allowed: int | None
    records: int
    records_allowed: int | None
    allowance_from: str
    reading_seconds: float
    writing_seconds: float | None


class Plan(Part):
    """What a run would do now. `fields` holds the live type of each field that the mapping uses."""

    destination: str
    workspace: str
    made_at: datetime
    mapping_digest: str
    approved: bool
    ready: bool
    obstacles: list[str]
    new_fields: list[PlannedField]
    fields: dict[str, dict[str, FieldType]]
    findings: list[PlanFinding]
    streams: list[StreamCount]
    entities: list[PlannedEntity]
    cost: Cost
