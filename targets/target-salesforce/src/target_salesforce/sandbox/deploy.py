"""Metadata deploy over REST: a zip of objects with fields and list views, permission sets, and flows."""

from __future__ import annotations

import copy
import io
import zipfile
from typing import Any
from xml.etree import ElementTree

from target_salesforce.sandbox.custom_fields import LEGAL as _LEGAL
from target_salesforce.sandbox.custom_fields import custom_field
from target_salesforce.sandbox.data import put, show_switches
from target_salesforce.sandbox.errors import ApiError, not_found
from target_salesforce.sandbox.fields import SField, SObject
from target_salesforce.sandbox.files import NS as _NS
from target_salesforce.sandbox.files import Failure
from target_salesforce.sandbox.files import text as _text
from target_salesforce.sandbox.flows import checked
from target_salesforce.sandbox.org import Org

_ACTIVITIES = ("Task", "Event")
TYPES = {"objects": "CustomObject", "permissionsets": "PermissionSet", "flows": "Flow"}
_FAILED = {"success": False, "changed": False, "problemType": "Error"}


class _Undone(Exception):
    """Takes back what a deploy did before a component of it was refused."""


class Deploys:
    """The deploy requests of one org; all or nothing each."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.requests: dict[str, dict[str, Any]] = {}
        for kept in org.store.recall("components") or []:
            self._component(kept["file"], ElementTree.fromstring(kept["xml"]))

    def start(self, archive: bytes, options: dict[str, Any]) -> dict[str, Any]:
        """Deploy an archive; return the id of the request."""
        (request,) = self.org.store.new_ids("0Af", 1)
        successes, failures = self._deploy(archive)
        now, user = self.org.now(), self.org.store.one(self.org.user_id) or {}
        details: dict[str, Any] = {
            "componentSuccesses": [] if failures else successes, "componentFailures": failures,
            "retrieveResult": None, "runTestResult": {
                "apexLogId": None, "codeCoverage": [], "codeCoverageWarnings": [], "failures": [],
                "flowCoverage": [], "flowCoverageWarnings": [], "numFailures": 0, "numTestsRun": 0,
                "successes": [], "totalTime": 0.0,
            },
        }  # fmt: skip
        self.requests[request] = {
            "id": request, "done": True, "success": not failures,
            "status": "Failed" if failures else "Succeeded", "stateDetail": None,
            "checkOnly": False, "ignoreWarnings": False, "rollbackOnError": True, "runTestsEnabled": False,
            "numberComponentErrors": len(failures),
            "numberComponentsDeployed": 0 if failures else len(successes),
            "numberComponentsTotal": len(successes) + len(failures),
            "numberTestErrors": 0, "numberTestsCompleted": 0, "numberTestsTotal": 0,
            "errorMessage": None, "errorStatusCode": None, "canceledBy": None, "canceledByName": None,
            "createdBy": self.org.user_id, "createdByName": user.get("Name"), "createdDate": now,
            "startDate": now, "completedDate": now, "lastModifiedDate": now, "details": details,
        }  # fmt: skip
        return {
            "id": request,
            "validatedDeployRequestId": None,
            "deployOptions": options,
            "deployResult": None,
        }

    def status(self, request: str) -> dict[str, Any]:
        """Return what became of a request."""
        if request not in self.requests:
            raise not_found()
        return {"id": request, "validatedDeployRequestId": None, "deployResult": self.requests[request]}

    def _deploy(self, archive: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        successes: list[dict[str, Any]] = []
        failures: list[dict[str, Any]] = []
        org = self.org
        before = copy.deepcopy(org.objects), dict(org.by_lower), dict(org.flows)
        try:
            with org.store.transaction():
                self._take(_files(archive), successes, failures)
                if failures:
                    raise _Undone
        except _Undone:
            org.objects, org.by_lower, org.flows = before
            refresh_grants(org)
        return successes, failures

    def _take(
        self, files: dict[str, str], successes: list[dict[str, Any]], failures: list[dict[str, Any]]
    ) -> None:
        kept = self.org.store.recall("components") or []
        for name, text in sorted(files.items(), key=_place):
            folder, _, full = name.partition("/")
            about = {
                "fileName": name, "fullName": _stem(full), "componentType": TYPES.get(folder, ""),
                "id": None, "created": False, "changed": True, "deleted": False, "success": True,
                "createdDate": self.org.now(), "problem": None, "problemType": None,
                "lineNumber": None, "columnNumber": None,
            }  # fmt: skip
            try:
                self._component(name, _parsed(text))
                successes.append(about)
                kept.append({"file": name, "xml": text})
            except Failure as error:
                failures.append(about | _FAILED | {"problem": str(error)})
        self.org.store.remember("components", kept)

    def _component(self, name: str, xml: ElementTree.Element) -> None:
        kind = name.split("/")[0]
        if kind == "objects":
            self._object(_stem(name), xml)
        elif kind == "permissionsets":
            self._permission_set(_stem(name), xml)
        elif kind == "flows":
            flow = checked(self.org, _stem(name), xml)
            self.org.flows[flow["ApiName"]] = flow
            show_switches(self.org)
        else:
            raise Failure(f"Not available for deploy for this organization: {kind}")

    # -- objects -----------------------------------------------------------------------------------

    def _object(self, name: str, xml: ElementTree.Element) -> None:
        wanted = [custom_field(self.org, name, one) for one in xml.findall(f"{_NS}fields")]
        self._list_views(name, xml)
        if name == "Activity":
            for of in _ACTIVITIES:
                self._add(self.org.objects[of], wanted)
            return
        if name not in self.org.objects:
            if not _LEGAL.fullmatch(name) or len(name) > 43:
                raise Failure(f"The object name {name} is not valid.")
            for part in ("label", "pluralLabel", "nameField", "deploymentStatus", "sharingModel"):
                if xml.find(f"{_NS}{part}") is None:
                    raise Failure(f"Must specify a non-empty {part} for the CustomObject")
            number = sum(one.custom for one in self.org.objects.values())
            made = SObject(
                name,
                f"a{number:02d}",
                _text(xml, "label"),
                _text(xml, "pluralLabel"),
                custom=True,
                hidden=True,
            )
            for basic in self.org.objects["Folder"].fields.values():
                if basic.name in ("Id", "IsDeleted") or basic.audit or basic.name == "SystemModstamp":
                    made.add(basic)
            made.add(SField("Name", "string", 80, updateable=True))
            made.add(
                SField(
                    "OwnerId",
                    "reference",
                    18,
                    nillable=False,
                    defaulted=True,
                    refers_to=("User",),
                    relationship="Owner",
                )
            )
            self.org.add_object(made)
            self.org.objects["Task"].fields["WhatId"].refers_to += (name,)
        self._add(self.org.objects[name], wanted)

    def _list_views(self, name: str, xml: ElementTree.Element) -> None:
        """A custom field of a filter is there; standard ones have names of their own in list views."""
        for view in xml.findall(f"{_NS}listViews"):
            if not (_text(view, "label") and _text(view, "filterScope")):
                raise Failure("Required fields are missing: [label, filterScope]")
            for one in view.findall(f"{_NS}filters"):
                field = _text(one, "field")
                if field.endswith("__c") and field.lower() not in self.org.objects[name].by_lower:
                    raise Failure(f"Could not resolve list view column: {field}")

    def _add(self, made: SObject, wanted: list[SField]) -> None:
        for new in wanted:
            there = made.fields.get(new.name)
            if there and there.type != new.type:
                raise Failure(
                    f"Cannot change the type of the custom field {new.name} from {there.type} to {new.type}"
                )
            if there is None:
                self.org.add_field(made, new)
                if new.refers_to:
                    self.org.store.index(made.name, new.name)

    # -- rights ------------------------------------------------------------------------------------

    def _permission_set(self, name: str, xml: ElementTree.Element) -> None:
        """Take a permission set as it stands: what it does not name any more is taken away."""
        store = self.org.store
        found = store.by_value("PermissionSet", "Name", name, exact=True)
        (set_id,) = found or put(self.org, "PermissionSet", {"Name": name, "Label": _text(xml, "label")})
        fields: dict[str, bool] = {}
        for one in xml.findall(f"{_NS}fieldPermissions"):
            full = _text(one, "field")
            of, _, field = full.partition(".")
            if of not in self.org.objects or field not in self.org.objects[of].fields:
                raise Failure(f"In field: field - no CustomField named {full} found")
            there = self.org.objects[of].fields[field]
            if not there.permissionable or (there.custom and not there.nillable):
                raise Failure(f"You cannot deploy to a required field: {full}")
            fields[full] = _text(one, "editable") == "true"
        objects = {_text(one, "object"): one for one in xml.findall(f"{_NS}objectPermissions")}
        for kind in ("FieldPermissions", "ObjectPermissions"):
            store.delete(store.by_value(kind, "ParentId", set_id, exact=True))
        put(self.org, "FieldPermissions", *(
            {"ParentId": set_id, "SobjectType": full.partition(".")[0], "Field": full,
             "PermissionsRead": True, "PermissionsEdit": edit}
            for full, edit in fields.items()))  # fmt: skip
        put(self.org, "ObjectPermissions", *(
            {"ParentId": set_id, "SobjectType": of, **{
                f"Permissions{right}": _text(one, f"allow{right}") == "true" or _text(one, f"{low}") == "true"
                for right, low in (("Read", ""), ("Create", ""), ("Edit", ""), ("Delete", ""))}}
            for of, one in objects.items()))  # fmt: skip
        refresh_grants(self.org)


def _files(archive: bytes) -> dict[str, str]:
    """Return the texts of an archive by path; Salesforce's CLI packs them within a folder."""
    try:
        files = zipfile.ZipFile(io.BytesIO(archive))
        names = [name for name in files.namelist() if not name.endswith("/")]
        (listing,) = [name for name in names if name.count("/") < 2 and _base(name) == "package.xml"]
        ElementTree.fromstring(files.read(listing))
    except (zipfile.BadZipFile, ValueError, ElementTree.ParseError):
        raise ApiError(400, "INVALID_INPUT", "No package.xml found") from None
    top = listing.removesuffix("package.xml")
    return {name.removeprefix(top): files.read(name).decode() for name in sorted(names) if name != listing}


def _place(file: tuple[str, str]) -> int:
    """What comes later may name what comes before."""
    return list(TYPES).index(folder) if (folder := file[0].partition("/")[0]) in TYPES else len(TYPES)


def _parsed(text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise Failure(f"Error parsing file: {error}") from None


def refresh_grants(org: Org) -> None:
    """Give the user what the permission sets grant that are assigned to it."""
    store = org.store
    org.grants.clear()
    for assignment in store.get(
        store.by_value("PermissionSetAssignment", "AssigneeId", org.user_id, exact=True)
    ).values():
        parent = assignment["PermissionSetId"]
        for one in store.get(store.by_value("FieldPermissions", "ParentId", parent, exact=True)).values():
            org.grants.add(one["Field"])
        for one in store.get(store.by_value("ObjectPermissions", "ParentId", parent, exact=True)).values():
            org.grants.add(f"object:{one['SobjectType']}")


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _stem(name: str) -> str:
    return _base(name).rpartition(".")[0]
