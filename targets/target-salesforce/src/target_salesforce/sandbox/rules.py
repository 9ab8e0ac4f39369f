"""What is particular about single objects: derived fields, unique pairs, duplicate rules, automations."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from target_salesforce.sandbox.errors import RowError
from target_salesforce.sandbox.fields import SObject
from target_salesforce.sandbox.options import Options
from target_salesforce.sandbox.org import ADDRESSES, KILOBYTES, STATES, Org, countries
from target_salesforce.sandbox.store import Doc

PEOPLE = {"Lead", "Contact", "User"}
ARCHIVED_AFTER = timedelta(days=365)


def before(org: Org, made: SObject, doc: Doc, given: set[str], options: Options, *, creating: bool) -> None:
    """Check and derive, before a record is kept."""
    if made.name in PEOPLE:
        names = (doc.get("FirstName"), doc.get("LastName"))
        doc["Name"] = " ".join(part for part in names if part)
    match made.name:
        case "Lead":
            if doc.get("IsConverted") and not creating:
                raise _closed_lead()
            _assign(org, doc, options, creating=creating)
        case "Task" | "Event":
            _open_lead(org, doc, given, "WhoId")
            _activity(org, doc)
        case "CampaignMember":
            _open_lead(org, doc, given, "LeadId")
            _member(org, doc, creating=creating)
        case "AccountContactRelation":
            _pair(
                org,
                made,
                doc,
                ("AccountId", "ContactId"),
                "This contact already has a relationship with this account.",
            )
        case "PermissionSetAssignment":
            message = (
                f"Duplicate PermissionSetAssignment.  Assignee: {doc['AssigneeId'][:15]}; "
                f"Permission Set: {doc['PermissionSetId'][:15]}"
            )
            _pair(org, made, doc, ("AssigneeId", "PermissionSetId"), message)
        case "Campaign" if creating and not org.switches.marketing_user:
            raise RowError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
    if org.switches.address_picklists:
        _addresses(made, doc, given)
    _duplicates(org, made, doc, options)


def after(
    org: Org,
    made: SObject,
    doc: Doc,
    options: Options,
    *,
    creating: bool,
    before: Doc | None = None,
) -> None:
    """Let follow what the platform makes of a written record."""
    if made.name == "Contact":
        _direct_relation(org, doc, (before or {}).get("AccountId"), options)
    fires = any(flow["object"] == made.name and flow.get("sends") for flow in org.switches.flows)
    if creating and (fires or (org.switches.email_on_write and made.name in PEOPLE)):
        send(org, f"Welcome, {doc.get('Name', '')}")


def before_delete(made: SObject, doc: Doc) -> None:
    """Refuse what may not be deleted."""
    if made.name == "AccountContactRelation" and doc.get("IsDirect"):
        raise RowError("DELETE_FAILED", "You can't delete the direct relationship of a contact.")


def send(org: Org, subject: str) -> None:
    """Send an email, as an automation would."""
    now, user = org.now(), org.user_id
    (id_,) = org.store.new_ids("02s", 1)
    mail = {"Id": id_, "IsDeleted": False, "Subject": subject, "Status": "Sent", "CreatedById": user}
    org.store.put("EmailMessage", [mail | {"CreatedDate": now, "SystemModstamp": now}])


def _assign(org: Org, doc: Doc, options: Options, *, creating: bool) -> None:
    rules = [rule for rule in org.switches.assignment_rules if rule["object"] == "Lead"]
    if rules and creating and options.auto_assign:
        doc["OwnerId"] = rules[0]["owner"]
        send(org, "A lead was assigned to you")


def _open_lead(org: Org, doc: Doc, given: set[str], name: str) -> None:
    if name in given and (org.store.one(str(doc.get(name))) or {}).get("IsConverted"):
        raise _closed_lead()


def _closed_lead() -> RowError:
    return RowError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")


def _activity(org: Org, doc: Doc) -> None:
    who, what = str(doc.get("WhoId", "")), str(doc.get("WhatId", ""))
    if who.startswith("00Q") and what:
        raise RowError(
            "FIELD_INTEGRITY_EXCEPTION", "You can't relate a lead to a record of another type", ["WhatId"]
        )
    account = what if what.startswith("001") else None
    if account is None and who.startswith("003"):
        account = (org.store.one(who) or {}).get("AccountId")
    doc.pop("AccountId", None)
    if account:
        doc["AccountId"] = account
    if "Status" in doc:
        closed = doc["Status"] == "Completed"
        if closed and not doc.get("IsClosed"):
            doc["CompletedDateTime"] = org.now()
        doc["IsClosed"] = closed
        on = doc.get("ActivityDate")
        old = on is not None and org.clock().date() - date.fromisoformat(on) >= ARCHIVED_AFTER
        doc["IsArchived"] = closed and old and org.switches.archive_tasks


def _member(org: Org, doc: Doc, *, creating: bool) -> None:
    who = [name for name in ("LeadId", "ContactId") if doc.get(name)]
    if len(who) != 1:
        raise RowError("FIELD_INTEGRITY_EXCEPTION", "Either a lead or a contact is required")
    doc["LeadOrContactId"] = doc[who[0]]
    doc.setdefault("Status", "Sent")
    if creating:
        for id_ in org.store.by_value("CampaignMember", who[0], doc[who[0]], exact=True):
            if (org.store.one(id_) or {}).get("CampaignId") == doc["CampaignId"]:
                raise RowError("DUPLICATE_VALUE", "Already a campaign member.")


def _pair(org: Org, made: SObject, doc: Doc, names: tuple[str, str], message: str) -> None:
    for id_ in org.store.by_value(made.name, names[1], doc[names[1]], exact=True):
        if id_ != doc["Id"] and (org.store.one(id_) or {}).get(names[0]) == doc[names[0]]:
            raise RowError("DUPLICATE_VALUE", message, list(names))


def _direct_relation(org: Org, doc: Doc, was: Any, options: Options) -> None:
    """Keep the direct relation of a contact in step with its account."""
    del options
    now = doc.get("AccountId")
    if now == was:
        return
    there = [
        found
        for id_ in org.store.by_value("AccountContactRelation", "ContactId", doc["Id"], exact=True)
        if (found := org.store.one(id_))
    ]
    for relation in there:
        if relation.get("IsDirect") or relation["AccountId"] == now:
            org.store.put("AccountContactRelation", [relation | {"IsDeleted": True}])
            org.used_kb -= KILOBYTES.get("AccountContactRelation", 2)
    if now:
        stamp = doc["SystemModstamp"]
        (id_,) = org.store.new_ids("07k", 1)
        relation = {"Id": id_, "IsDeleted": False, "AccountId": now, "ContactId": doc["Id"], "IsDirect": True}
        relation |= {"IsActive": True, "CreatedDate": stamp, "SystemModstamp": stamp}
        relation["CreatedById"] = org.user_id
        org.store.put("AccountContactRelation", [relation])


def _addresses(made: SObject, doc: Doc, given: set[str]) -> None:
    for prefix in ADDRESSES.get(made.name, ()):
        country, state = doc.get(f"{prefix}Country"), doc.get(f"{prefix}State")
        if f"{prefix}Country" in given and country and country not in countries().values():
            message = (
                "There's a problem with this country, even though it may appear correct. Please select a "
                "country/territory from the list of valid countries."
            )
            raise RowError("FIELD_INTEGRITY_EXCEPTION", message, [f"{prefix}Country"])
        if f"{prefix}State" in given and state and not country:
            message = "A country/territory must be specified before specifying a state value for field"
            raise RowError("FIELD_INTEGRITY_EXCEPTION", message, [f"{prefix}State"])
        if f"{prefix}State" in given and state and state not in STATES.get(str(country), {}).values():
            message = (
                "There's a problem with this state, even though it may appear correct. Please select a state "
                "from the list of valid states."
            )
            raise RowError("FIELD_INTEGRITY_EXCEPTION", message, [f"{prefix}State"])


def _duplicates(org: Org, made: SObject, doc: Doc, options: Options) -> None:
    for rule in org.switches.duplicate_rules:
        if rule["object"] != made.name or not doc.get("Email"):
            continue
        others = org.store.by_value(made.name, "Email", doc["Email"], exact=False)
        if [id_ for id_ in others if id_ != doc["Id"]] and not (
            rule["action"] == "Alert" and options.allow_duplicates
        ):
            found = {
                "allowSave": rule["action"] == "Alert", "duplicateRule": rule["name"],
                "duplicateRuleEntityType": made.name, "errorMessage": None, "matchResults": [],
            }  # fmt: skip
            message = "Use one of these records?"
            raise RowError("DUPLICATES_DETECTED", message, duplicateResult=found)
