"""The report: one self-contained HTML page; it names rows and fields, never values."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from crmlift.errors import ConfigError
from crmlift.ledger import Ledger
from crmlift.mapping.approval import read_approved
from crmlift.mapping.model import Mapping
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
        "counts": counts.as_dict(),
        "verification": checked.as_dict(),
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
                    {"name": name, "source": _source(spec), "custom": spec.custom is not None}
                    for name, spec in rule.fields.items()
                ]
                + [
                    {
                        "name": name,
                        "source": f"→ {link.entity} by {', '.join(link.key)}",
                        "custom": link.custom is not None,
                    }
                    for name, link in rule.links.items()
                ],
            }
            for stream, rules in mapping.streams.items()
            for rule in rules
        ],
    }


def render_html(facts: dict[str, Any]) -> str:
    """Return the page; it loads nothing from elsewhere."""
    environment = Environment(
        loader=PackageLoader("crmlift.report", "."), autoescape=select_autoescape(), undefined=StrictUndefined
    )
    return environment.get_template("report.html").render(facts, shown_misses=SHOWN_MISSES)


def _approval(project: Project) -> dict[str, Any] | None:
    try:
        return read_approved(project.mapping_path)[1].model_dump(mode="json", exclude={"mapping"})
    except ConfigError:
        return None


def _source(spec: Any) -> str:
    if spec.from_:
        return " or ".join(spec.from_)
    return f"= {spec.expr}" if spec.expr else f"“{spec.value}”"
