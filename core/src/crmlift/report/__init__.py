"""The report: one self-contained HTML page; it names rows and fields, never values."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from crmlift.cutover import CutOver
from crmlift.errors import ConfigError
from crmlift.ledger import Ledger
from crmlift.loader.counts import Result
from crmlift.mapping.approval import Approval, read_approved
from crmlift.mapping.model import Mapping
from crmlift.mapping.words import source_of
from crmlift.pages import render
from crmlift.plan.files import read_plan
from crmlift.project import Project
from crmlift.reconcile import Reconciliation
from crmlift.report.model import (
    CutOverSummary,
    Left,
    MappedField,
    MappedRows,
    Report,
    Run,
    ScopeSummary,
)
from crmlift.scope.render import FILES, read_profile
from crmlift.verify import Verification

SHOWN_MISSES = 100


def build_report(
    project: Project, mapping: Mapping, ledger: Ledger, counts: Reconciliation, checked: Verification
) -> Report:
    """Gather all facts of a migration, as far as it has come."""
    handoff = project.folder / "handoff" / "index.html"
    return Report(
        destination=project.target.name,
        workspace=mapping.workspace,
        written_at=datetime.now(UTC).isoformat(timespec="seconds"),
        approval=_approval(project),
        scope=_scope(project.folder / "scope"),
        plan=read_plan(project.plan_path),
        cutover=_cutover(project.cutover_path),
        runs=[Run(**{name: run[name] for name in Run.model_fields}) for run in ledger.runs.all()],
        counts=counts,
        verification=checked,
        skipped=mapping.skip,
        left=_left(ledger),
        mapping=_mapped(mapping),
        handoff=str(handoff) if handoff.exists() else None,
    )


def render_html(report: Report) -> str:
    """Return the page; it loads nothing from elsewhere."""
    entities = report.plan.entities if report.plan else []
    results = [result for result in Result if any(getattr(row, result) for row in entities)]
    return render(
        "crmlift.report",
        "report.html",
        report=report,
        shown_misses=SHOWN_MISSES,
        planned=[row for row in entities if any(getattr(row, result) for result in results)],
        results=results,
    )


def _approval(project: Project) -> Approval | None:
    try:
        return read_approved(project.mapping_path)[1]
    except ConfigError:
        return None


def _scope(folder: Path) -> ScopeSummary | None:
    file = folder / FILES[0]
    if not file.exists():
        return None
    profile = read_profile(file)
    return ScopeSummary(
        written_at=profile.written_at,
        people=profile.people.total,
        without_email=profile.people.without_email,
        duplicates=profile.duplicates[0].people,
        attributes=len(profile.attributes),
        events=len(profile.events),
        segments=len(profile.segments),
        page=str(folder / FILES[-1]),
    )


def _cutover(file: Path) -> CutOverSummary | None:
    if not file.exists():
        return None
    found = CutOver.from_file(file, again="crmlift cutover")
    return CutOverSummary(made_at=found.made_at, in_step=found.in_step, differences=found.differences)


def _left(ledger: Ledger) -> list[Left]:
    letters = Counter((x.fate, x.stream, x.entity, x.code, x.field or "") for x in ledger.letters.all())
    parted = [
        Left(fate=fate, stream=stream, entity=entity, code=code, field=field, number=number)
        for (fate, stream, entity, code, field), number in sorted(letters.items())
    ]
    waiting = [
        Left(fate="waiting", stream=stream, entity=entity, code="waiting", field="", number=number)
        for stream, entity, number in ledger.waiting.causes()
    ]
    return parted + waiting


def _mapped(mapping: Mapping) -> list[MappedRows]:
    return [
        MappedRows(
            stream=stream,
            entity=rule.entity,
            mode=rule.mode,
            fields=[
                MappedField(name=name, source=source_of(rule, name), custom=spec.custom is not None)
                for name, spec in (rule.fields | rule.links).items()
            ],
        )
        for stream, rules in mapping.streams.items()
        for rule in rules
    ]
