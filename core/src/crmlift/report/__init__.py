"""The report: one self-contained HTML page; it names rows and fields, never values."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from crmlift.errors import ConfigError
from crmlift.ledger import Ledger
from crmlift.mapping.approval import read_approved
from crmlift.mapping.model import Mapping
from crmlift.mapping.words import source_of
from crmlift.pages import render
from crmlift.project import Project
from crmlift.reconcile import Reconciliation
from crmlift.verify import Verification

SHOWN_MISSES = 100


def build_report(
    project: Project, mapping: Mapping, ledger: Ledger, counts: Reconciliation, checked: Verification
) -> dict[str, Any]:
    """Gather all facts of a migration as plain values."""
    letters = Counter((x.fate, x.stream, x.entity, x.code, x.field or "") for x in ledger.letters.all())
    return {
        "destination": project.target.name,
        "workspace": mapping.workspace,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "approval": _approval(project),
        "runs": ledger.runs.all(),
        "counts": counts.model_dump(mode="json"),
        "verification": checked.model_dump(mode="json"),
        "skipped": mapping.skip,
        "letters": [
            {"fate": fate, "stream": stream, "entity": entity, "code": code, "field": field, "number": number}
            for (fate, stream, entity, code, field), number in sorted(letters.items())
        ],
        "waiting": [
            {"stream": stream, "waits_for": entity, "number": number}
            for stream, entity, number in ledger.waiting.causes()
        ],
        "mapping": [
            {
                "stream": stream,
                "entity": rule.entity,
                "mode": rule.mode,
                "fields": [
                    {"name": name, "source": source_of(rule, name), "custom": spec.custom is not None}
                    for name, spec in (rule.fields | rule.links).items()
                ],
            }
            for stream, rules in mapping.streams.items()
            for rule in rules
        ],
    }


def render_html(facts: dict[str, Any]) -> str:
    """Return the page; it loads nothing from elsewhere."""
    return render("crmlift.report", "report.html", **facts, shown_misses=SHOWN_MISSES)


def _approval(project: Project) -> dict[str, Any] | None:
    try:
        return read_approved(project.mapping_path)[1].model_dump(mode="json")
    except ConfigError:
        return None
