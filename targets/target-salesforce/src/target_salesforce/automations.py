"""What an org does on its own when a record is written: automations may send, rules may refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from crmlift.destination import Finding, Severity
from crmlift.errors import BatchRefused
from target_salesforce.client import SalesforceClient
from target_salesforce.errors import NoSuchObject
from target_salesforce.soql import one_of

_VIEW = (
    "SELECT Label, TriggerObjectOrEventLabel, TriggerObjectOrEventId FROM FlowDefinitionView "
    "WHERE IsActive = true"
)


class _Kind(NamedTuple):
    """Automations of one kind, and the query for them."""

    name: str
    soql: str


def _kinds(objects: Sequence[str]) -> list[_Kind]:
    return [
        _Kind("Flow", f"{_VIEW} AND TriggerType IN ('RecordAfterSave','RecordBeforeSave')"),
        # Process Builder and workflow rules are not maintained any more, and run as ever.
        _Kind("Process", f"{_VIEW} AND ProcessType = 'Workflow'"),
        _Kind(
            "Apex trigger",
            "SELECT Name, TableEnumOrId FROM ApexTrigger "
            f"WHERE Status = 'Active' AND {one_of('TableEnumOrId', objects)}",
        ),
    ]


def automations(client: SalesforceClient, objects: Sequence[str], *, allow: bool) -> Iterator[Finding]:
    """Say what is active on the objects that a run writes, and could send."""
    loud = Severity.WARNING if allow else Severity.ERROR
    for kind in _kinds(objects):
        rows = _rows(client, kind.soql)
        if rows is None:
            yield Finding(
                loud,
                f"The integration user may not see whether a {kind.name} is active: it could send mail.",
                fix="Give the user 'View Setup and Configuration', or set allow_automations.",
            )
            continue
        for row in rows:
            name = row.get("Label") or row.get("Name")
            on = row.get("TableEnumOrId") or row.get("TriggerObjectOrEventLabel")
            about = {on, row.get("TriggerObjectOrEventId")}
            if not about & {*objects, *(f"{name}s" for name in objects)}:
                continue
            yield Finding(
                loud,
                f"{kind.name} {name!r} on {on} is active: no API header silences it.",
                fix="Deactivate it for the time of the run, set Deliverability to 'System email only', "
                "or set allow_automations if it may fire.",
            )
    yield from _workflow_rules(client, objects)


def _workflow_rules(client: SalesforceClient, objects: Sequence[str]) -> Iterator[Finding]:
    soql = f"SELECT Name, TableEnumOrId FROM WorkflowRule WHERE {one_of('TableEnumOrId', objects)}"
    for row in _rows(client, soql, tooling=True) or ():
        yield Finding(
            Severity.WARNING,
            f"There is a workflow rule {row['Name']!r} on {row['TableEnumOrId']}; the API does not tell "
            "whether it is active.",
            fix="Look in Setup, Workflow Rules: one with an email alert would send.",
        )


def rules(client: SalesforceClient, objects: Sequence[str]) -> Iterator[Finding]:
    """Say which rules may refuse rows, or would change their owner."""
    mine = one_of("SobjectType", objects)
    for soql, text, fix, tooling in (
        (
            f"SELECT MasterLabel, SobjectType FROM DuplicateRule WHERE IsActive = true AND {mine}",
            "Duplicate rule '{}' on {} is active.",
            "A rule that alerts is overridden; one that blocks refuses rows, which go to the dead letters.",
            False,
        ),
        (
            "SELECT ValidationName, EntityDefinitionId FROM ValidationRule "
            f"WHERE Active = true AND {one_of('EntityDefinitionId', objects)}",
            "Validation rule '{}' on {} is active.",
            "Rows that break it go to the dead letters: rehearse, then change the mapping or pause the rule.",
            True,
        ),
        (
            f"SELECT Name, SobjectType FROM AssignmentRule WHERE Active = true AND {mine}",
            "Assignment rule '{}' on {} is active; every call switches it off for itself.",
            "",
            False,
        ),
    ):
        for row in _rows(client, soql, tooling=tooling) or ():
            name = row.get("MasterLabel") or row.get("ValidationName") or row.get("Name")
            on = row.get("SobjectType") or row.get("EntityDefinitionId")
            yield Finding(Severity.WARNING if fix else Severity.INFO, text.format(name, on), fix=fix)


def _rows(client: SalesforceClient, soql: str, *, tooling: bool = False) -> list[Mapping[str, Any]] | None:
    """Return what a query of setup finds; None where the user may not ask."""
    try:
        return [row for page in client.query(soql, tooling=tooling) for row in page]
    except (NoSuchObject, BatchRefused):
        return None
