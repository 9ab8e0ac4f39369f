"""What commands print with `--json`: `python -m crmlift.schemas docs/schemas` writes the JSON schemas."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from crmlift.cutover import CutOver
from crmlift.forget import Forgotten
from crmlift.handoff.model import Handoff, Item
from crmlift.mapping.approval import Approved
from crmlift.plan.model import Plan, ProvisionedField
from crmlift.propose.answer import FieldsFor, Proposal
from crmlift.reconcile import Reconciliation
from crmlift.rehearse.page import Rehearsal
from crmlift.report.model import Report
from crmlift.retry import Retried
from crmlift.rollback import Undone
from crmlift.scope.model import Profile
from crmlift.verify import Verification

PRINTED: dict[str, Any] = {
    "scope": Profile,
    "propose": Proposal | list[FieldsFor],
    "approve": Approved,
    "plan": Plan,
    "provision": list[ProvisionedField],
    "rehearse": Rehearsal,
    "run": Reconciliation,
    "reconcile": Reconciliation,
    "verify": Verification,
    "cutover": CutOver,
    "handoff": Handoff,
    "handoff-item": Item,
    "retry": Retried,
    "rollback": list[Undone],
    "forget": Forgotten,
    "report": Report,
}
"""The type of what each command prints; `handoff-item` is that of the files beside its index."""


def schema(command: str) -> dict[str, Any]:
    """Return the JSON schema of what a command prints."""
    return TypeAdapter(PRINTED[command]).json_schema(mode="serialization")


def write(folder: Path) -> None:
    """Write a file for each command."""
    for command in PRINTED:
        text = orjson.dumps(schema(command), option=orjson.OPT_INDENT_2)
        (folder / f"{command}.json").write_bytes(text + b"\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
