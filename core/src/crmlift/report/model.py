"""The facts of a migration: what `report.html` shows and `crmlift report --json` prints.

They name rows and fields by their keys, and hold no value of a record.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crmlift.mapping.approval import Approval
from crmlift.part import Part
from crmlift.plan.model import Plan
from crmlift.reconcile import Reconciliation
from crmlift.verify import Verification


class Run(Part):
    """A run of the pipeline; times are RFC 3339 in UTC."""

    id: int
    status: str
    mapping_digest: str
    started_at: str
    finished_at: str | None
    counts: dict[str, Any]


class Left(Part):
    """Records that were not loaded, by why: rejected, held, excluded, or waiting for another row."""

    fate: str
    stream: str
    entity: str
    code: str
    field: str
    number: int


class MappedField(Part):
    """A field of the CRM and where its value comes from."""

    name: str
    source: str
    custom: bool


class MappedRows(Part):
    """What the records of a stream become."""

    stream: str
    entity: str
    mode: str
    fields: list[MappedField]


class ScopeSummary(Part):
    """The workspace in a few numbers, from the last `crmlift scope`."""

    written_at: str
    people: int
    without_email: int
    duplicates: int
    attributes: int
    events: int
    segments: int
    page: str


class CutOverSummary(Part):
    """What the last `crmlift cutover` found."""

    made_at: datetime
    in_step: bool
    differences: list[str]


class Report(Part):
    """The whole migration. What was not done yet is None."""

    destination: str
    workspace: str
    written_at: str
    approval: Approval | None
    scope: ScopeSummary | None
    plan: Plan | None
    cutover: CutOverSummary | None
    runs: list[Run]
    counts: Reconciliation
    verification: Verification
    skipped: dict[str, str]
    left: list[Left]
    mapping: list[MappedRows]
    handoff: str | None
