"""The live schema, and the fields and objects that a migration adds to it through the Metadata API."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from crmlift.destination import Field, FieldType
from crmlift.errors import BatchRefused, ConfigError
from target_salesforce.client import SalesforceClient
from target_salesforce.deploy import deploy
from target_salesforce.entities import (
    ACTIVITIES,
    CONTACT,
    ENTITIES,
    FOLDER,
    LEAD,
    MEMBER,
    RELATION,
    TEMPLATE,
    Pairs,
    Records,
)
from target_salesforce.errors import DUPLICATE, NoSuchObject
from target_salesforce.metadata import (
    ADOPTED,
    ARCHIVED,
    KEY,
    PERMISSION_SET,
    field_xml,
    object_xml,
    package,
    permission_set_xml,
)
from target_salesforce.soql import quoted
from target_salesforce.values import Column, columns

FOLDER_NAME = "crmlift_customerio"
_WITHOUT_KEY = (MEMBER, RELATION, TEMPLATE)


class Schema:
    """Objects and fields of one org, read once and again after a change."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client
        self._described: dict[str, dict[str, Any]] = {}
        self._columns: dict[str, dict[str, Column]] = {}
        self._folder = ""

    def object(self, sobject: str) -> Mapping[str, Any]:
        """Return the describe of an object; empty where it is not there or may not be seen."""
        if sobject not in self._described:
            try:
                self._described[sobject] = self._client.call(
                    "describe", "GET", f"/sobjects/{sobject}/describe"
                )
            except NoSuchObject:
                return {}
        return self._described[sobject]

    def columns(self, sobject: str) -> Mapping[str, Column]:
        """Return the fields of an object by name."""
        if sobject not in self._columns:
            found = self.object(sobject)
            if not found:
                return {}
            self._columns[sobject] = columns(found["fields"])
        return self._columns[sobject]

    def provision(self, entity: Records | Pairs, fields: Sequence[Field]) -> None:
        """Create what is missing in one deploy, grant it to our user, and wait until it can be written.

        Raises ConfigError for a field that is there with another type, or that Salesforce refuses.
        """
        sobject = entity.sobject
        self._forget(sobject)
        wanted = {field.name: field for field in (*_own(entity), *fields)}
        self._check_types(sobject, wanted)
        missing = [field for name, field in wanted.items() if name not in self.columns(sobject)]
        unseen = [name for name in entity.granted if name not in self.columns(sobject)]
        if not missing and not unseen and self.object(sobject):
            return
        self._deploy(entity, missing)
        self._assign()
        self._wait_for(sobject, [*wanted, *entity.granted])

    def folder(self) -> str:
        """Return the id of our folder of email templates; make it where it is missing."""
        if not self._folder:
            soql = f"SELECT Id FROM {FOLDER} WHERE DeveloperName = {quoted(FOLDER_NAME)}"
            rows = next(self._client.query(soql))
            about = {
                "Name": "Customer.io",
                "DeveloperName": FOLDER_NAME,
                "AccessType": "Public",
                "Type": "Email",
            }
            made = rows[0]["Id"] if rows else self._create(FOLDER, about)
            self._folder = str(made)
        return self._folder

    @cached_property
    def closed_status(self) -> str:
        """The status that closes a task: the usual name of it, where the org has that."""
        rows = next(self._client.query("SELECT ApiName FROM TaskStatus WHERE IsClosed = true"))
        names = [str(row["ApiName"]) for row in rows]
        return "Completed" if "Completed" in names or not names else names[0]

    # -- the parts -----------------------------------------------------------------------------------

    def _check_types(self, sobject: str, wanted: Mapping[str, Field]) -> None:
        live = self.columns(sobject)
        for name, field in wanted.items():
            if name in live and not _fits(field.type, live[name]):
                raise ConfigError(
                    f"{sobject}.{name} is there as {live[name].type}; the mapping wants {field.type}.",
                    hint="Give the mapping another name.",
                )

    def _deploy(self, entity: Records | Pairs, missing: Sequence[Field]) -> None:
        sobject = entity.sobject
        home = "Activity" if sobject in ACTIVITIES else sobject
        label = entity.spec.label if entity.custom and not self.object(sobject) else ""
        files = {}
        if missing or label:
            fields = [field_xml(field, _target(field)) for field in missing]
            files[f"objects/{home}.object"] = object_xml(fields, label=label)
        sharing = ACTIVITIES if home == "Activity" else (sobject,)
        # Activity fields are granted on tasks and events alike: one without the other takes both away.
        new = {f"{of}.{name}" for of in sharing for name in (*(f.name for f in missing), *entity.granted)}
        fields_granted, objects_granted = self._granted()
        objects = objects_granted | ({sobject} if entity.custom else set())
        files[f"permissionsets/{PERMISSION_SET}.permissionset"] = permission_set_xml(
            sorted(fields_granted | new), sorted(objects)
        )
        deploy(self._client, package(files, self._client.base.rpartition("v")[2]))

    def _granted(self) -> tuple[set[str], set[str]]:
        """Return what our permission set grants already: a deploy takes away what it does not name."""
        where = f"Parent.Name = {quoted(PERMISSION_SET)}"
        fields = {
            row["Field"]
            for page in self._client.query(f"SELECT Field FROM FieldPermissions WHERE {where}")
            for row in page
        }
        objects = {
            row["SobjectType"]
            for page in self._client.query(f"SELECT SobjectType FROM ObjectPermissions WHERE {where}")
            for row in page
        }
        return fields, {name for name in objects if name.endswith("__c")}

    def _assign(self) -> None:
        soql = f"SELECT Id FROM PermissionSet WHERE Name = {quoted(PERMISSION_SET)}"
        (row,) = next(self._client.query(soql))
        user = self._client.user_id
        mine = f"AssigneeId = {quoted(user)} AND PermissionSetId = {quoted(row['Id'])}"
        if self._client.count(f"SELECT count() FROM PermissionSetAssignment WHERE {mine}"):
            return
        try:
            self._create("PermissionSetAssignment", {"AssigneeId": user, "PermissionSetId": row["Id"]})
        except BatchRefused as error:
            if error.reason.code != DUPLICATE:
                raise

    def _create(self, sobject: str, values: Mapping[str, Any]) -> str:
        made = self._client.call(f"{sobject}.create", "POST", f"/sobjects/{sobject}", json=values)
        return str(made["id"])

    def _wait_for(self, sobject: str, names: Sequence[str]) -> None:
        for attempt in range(8):
            self._forget(sobject)
            missing = sorted(set(names) - self.columns(sobject).keys())
            if not missing:
                return
            time.sleep(min(5.0, self._client.backoff_s * 2**attempt))
        raise ConfigError(
            f"Salesforce does not show {', '.join(missing)} on {sobject}.",
            hint=f"Is the permission set '{PERMISSION_SET}' assigned to the integration user?",
        )

    def _forget(self, sobject: str) -> None:
        self._described.pop(sobject, None)
        self._columns.pop(sobject, None)


def _own(entity: Records | Pairs) -> list[Field]:
    """Return the fields that carry our key and our marks."""
    if entity.sobject in _WITHOUT_KEY:
        return []
    marked = entity.sobject in (LEAD, CONTACT, "Account") or entity.custom
    return [KEY, ADOPTED, ARCHIVED] if marked else [KEY, ADOPTED]


def _target(field: Field) -> str:
    if not field.links_to:
        return ""
    return ENTITIES[field.links_to].sobject if field.links_to in ENTITIES else field.links_to


def _fits(wanted: FieldType, column: Column) -> bool:
    if wanted in (FieldType.JSON, FieldType.HTML, FieldType.TEXT, FieldType.CHOICE):
        return column.field.type in (FieldType.TEXT, FieldType.CHOICE)
    if wanted in (FieldType.INTEGER, FieldType.NUMBER):
        return column.field.type in (FieldType.INTEGER, FieldType.NUMBER)
    return column.field.type is wanted
