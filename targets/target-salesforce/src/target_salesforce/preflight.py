"""What must hold before the first write; nothing here writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crmlift.destination import Finding, Severity
from target_salesforce.automations import automations, rules
from target_salesforce.client import SalesforceClient
from target_salesforce.entities import ACCOUNT, CAMPAIGN, ENTITIES, MEMBER, RELATION, Records
from target_salesforce.reading import DATED_FIELD
from target_salesforce.schema import Schema
from target_salesforce.soql import quoted

_RIGHTS = ("createable", "updateable", "deletable", "queryable")
_LITTLE = 0.1
_QUOTAS = (
    ("DataStorageMB", "MB of data storage", Severity.ERROR),
    ("DailyApiRequests", "API calls of these 24 hours", Severity.ERROR),
    # Few rows go without a job.
    ("DailyBulkApiBatches", "batches of 10,000 rows in Bulk jobs of these 24 hours", Severity.WARNING),
)
_FIXES = {
    RELATION: "Switch on 'Allow users to relate a contact to multiple accounts', or take its rules out "
    "of the mapping.",
}


def objects_of(entities: Sequence[str]) -> list[str]:
    """Return the objects that a run writes for these entities."""
    return list(dict.fromkeys(ENTITIES[name].sobject for name in entities))


def preflight(
    client: SalesforceClient, schema: Schema, entities: Sequence[str], *, allow_automations: bool
) -> list[Finding]:
    """Return what was found. Raises RunStopped where not even that can be asked, as with a wrong key."""
    objects = objects_of(entities)
    return [
        *_rights(schema, entities),
        *_quota(client),
        *_marketing(client, objects),
        *automations(client, objects, allow=allow_automations),
        *rules(client, objects),
        *_needed(schema, entities),
        *_kinds(client, schema, objects),
        *_dates(schema, entities),
    ]


def _rights(schema: Schema, entities: Sequence[str]) -> Iterator[Finding]:
    for name in dict.fromkeys(entities):
        entity = ENTITIES[name]
        found = schema.object(entity.sobject)
        if not found:
            if isinstance(entity, Records) and entity.custom:
                continue
            yield Finding(
                Severity.ERROR,
                f"The integration user sees no {entity.sobject}.",
                fix=_FIXES.get(
                    entity.sobject, "Give the user the right, or take the rules out of the mapping."
                ),
            )
            continue
        lacking = [right.removesuffix("able") for right in _RIGHTS if not found.get(right)]
        if lacking:
            yield Finding(
                Severity.ERROR,
                f"The integration user may not do everything with {entity.sobject}: {', '.join(lacking)}.",
                fix=f"Give the user create, read, edit and delete on {entity.sobject}.",
            )


def _quota(client: SalesforceClient) -> Iterator[Finding]:
    limits = client.call("limits", "GET", "/limits")
    for name, unit, none_left in _QUOTAS:
        entry = limits.get(name)
        if not entry:
            continue
        left, most = int(entry["Remaining"]), int(entry["Max"])
        little = left < most * _LITTLE
        severity = none_left if left <= 0 else Severity.WARNING if little else Severity.INFO
        fix = "Compare with crmlift plan: a record takes 2 KB, a campaign 8, a member 1." if little else ""
        yield Finding(severity, f"{left} of {most} {unit} are left.", fix=fix)


def _marketing(client: SalesforceClient, objects: Sequence[str]) -> Iterator[Finding]:
    if not {CAMPAIGN, MEMBER} & set(objects):
        return
    soql = f"SELECT UserPermissionsMarketingUser FROM User WHERE Id = {quoted(client.user_id)}"
    rows = next(client.query(soql))
    if rows and not rows[0]["UserPermissionsMarketingUser"]:
        yield Finding(
            Severity.ERROR,
            "The integration user is no marketing user, so it may not create campaigns.",
            fix="Tick 'Marketing User' on the user.",
        )


def _needed(schema: Schema, entities: Sequence[str]) -> Iterator[Finding]:
    """Fields of the customer's own without which no record is taken."""
    for sobject in objects_of(entities):
        live = schema.columns(sobject).values()
        names = sorted(column.name for column in live if column.field.required and column.field.custom)
        if names:
            yield Finding(
                Severity.WARNING,
                f"No {sobject} is taken without a value in {', '.join(names)}.",
                fix="Let the mapping write it, give it a default in Salesforce, or lift the rule meanwhile.",
            )


def _kinds(client: SalesforceClient, schema: Schema, objects: Sequence[str]) -> Iterator[Finding]:
    """What kinds of accounts and of money the org has."""
    if ACCOUNT not in objects:
        return
    live = schema.columns(ACCOUNT)
    if "IsPersonAccount" in live:
        yield Finding(
            Severity.INFO,
            "The org has person accounts: they are neither adopted nor made; people get contacts.",
            fix="Where the user's default record type is one of persons, let the mapping write RecordTypeId.",
        )
    if "CurrencyIsoCode" in live:
        soql = f"SELECT DefaultCurrencyIsoCode FROM User WHERE Id = {quoted(client.user_id)}"
        (row,) = next(client.query(soql))
        yield Finding(
            Severity.WARNING,
            f"The org has several currencies: amounts are taken as {row['DefaultCurrencyIsoCode']}.",
            fix="Where Customer.io holds others, let the mapping write CurrencyIsoCode.",
        )


def _dates(schema: Schema, entities: Sequence[str]) -> Iterator[Finding]:
    dated = {entity.sobject for name in entities if (entity := ENTITIES[name]).dated_by}
    columns = [schema.columns(sobject).get(DATED_FIELD) for sobject in sorted(dated)]
    live = [column for column in columns if column]
    if live:
        may = all(column.createable for column in live)
        yield Finding(
            Severity.INFO,
            "Records get their original creation date."
            if may
            else "Records keep the day of the run as their creation date; a field of ours has the original.",
            fix="" if may else "For the original one, let the user 'Set Audit Fields upon Record Creation'.",
        )
