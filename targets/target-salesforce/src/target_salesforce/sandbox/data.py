"""What a fresh org holds: its organization, users, task statuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from target_salesforce.sandbox.org import Org
from target_salesforce.sandbox.store import Doc

_STATUSES = ("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred")
_SETUP: dict[str, tuple[str, Callable[[dict[str, Any]], Doc]]] = {
    "FlowDefinitionView": ("flows", lambda one: {
        "ApiName": one["name"], "Label": one["name"], "ProcessType": "AutoLaunchedFlow",
        "TriggerType": one.get("trigger", "RecordAfterSave"), "TriggerObjectOrEventLabel": one["object"],
        "TriggerObjectOrEventId": one["object"], "IsActive": True}),
    "ApexTrigger": ("triggers", lambda one: {
        "Name": one["name"], "TableEnumOrId": one["object"], "Status": "Active"}),
    "DuplicateRule": ("duplicate_rules", lambda one: {
        "DeveloperName": one["name"], "MasterLabel": one["name"], "SobjectType": one["object"],
        "IsActive": True}),
    "AssignmentRule": ("assignment_rules", lambda one: {
        "Name": one["name"], "SobjectType": one["object"], "Active": True}),
    "ValidationRule": ("validation_rules", lambda one: {
        "ValidationName": one["message"][:80], "EntityDefinitionId": one["object"], "Active": True}),
}  # fmt: skip


def fill(org: Org) -> None:
    """Fill an empty org, or find what a filled one holds."""
    org.prepare()
    found = org.store.recall("org")
    if found:
        org.org_id, org.user_id = found
        return
    (org.org_id,) = put(org, "Organization", {
        "Name": "Sandbox", "InstanceName": "SBX1", "IsSandbox": False,
        "OrganizationType": "Developer Edition"})  # fmt: skip
    (profile,) = put(org, "Profile", {"Name": "System Administrator"})
    org.user_id, _ = put(
        org,
        "User",
        *(
            {"Username": f"{name}@sandbox.example.com", "LastName": name.title(), "Name": name.title(),
             "Email": f"{name}@sandbox.example.com", "Alias": name[:8], "IsActive": True,
             "ProfileId": profile, "UserPermissionsMarketingUser": True}
            for name in ("integration", "sales")
        ),
    )  # fmt: skip
    put(org, "TaskStatus", *(
        {"ApiName": name, "MasterLabel": name, "IsClosed": name == "Completed",
         "IsDefault": name == "Not Started", "SortOrder": n}
        for n, name in enumerate(_STATUSES)))  # fmt: skip
    org.store.remember("org", [org.org_id, org.user_id])


def put(org: Org, object_name: str, *docs: Doc) -> list[str]:
    """Keep records as the platform's own, without any check; return their ids."""
    ids = org.store.new_ids(org.objects[object_name].prefix, len(docs))
    stamps = {"CreatedDate": org.now(), "LastModifiedDate": org.now(), "SystemModstamp": org.now()}
    made = [{"Id": id_, "IsDeleted": False, **stamps, **doc} for id_, doc in zip(ids, docs, strict=True)]
    org.store.put(object_name, made)
    return ids


def show_switches(org: Org) -> None:
    """Let the setup objects say what the switches say."""
    for name, (switch, row) in _SETUP.items():
        org.store.db.execute("DELETE FROM record WHERE object = ?", (name,))
        entries: list[dict[str, Any]] = getattr(org.switches, switch)
        put(org, name, *(row(entry) for entry in entries))
    put(org, "FlowDefinitionView", *org.flows.values())
    user = org.store.one(org.user_id)
    assert user is not None
    user["UserPermissionsMarketingUser"] = org.switches.marketing_user
    org.store.put("User", [user])
