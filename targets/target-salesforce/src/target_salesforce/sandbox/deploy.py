"""Metadata deploy over REST: a zip of objects with fields, and of permission sets."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any
from xml.etree import ElementTree

from target_salesforce.sandbox.data import put
from target_salesforce.sandbox.errors import ApiError, not_found
from target_salesforce.sandbox.fields import SField, SObject
from target_salesforce.sandbox.org import Org

_NS = "{http://soap.sforce.com/2006/04/metadata}"
_LEGAL = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c")
_ACTIVITIES = ("Task", "Event")
_TYPES = {"objects": "CustomObject", "permissionsets": "PermissionSet"}
_FAILED = {"success": False, "changed": False, "problemType": "Error"}


class Failure(Exception):
    """A component that is refused."""


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
        successes, failures = [], []
        kept = self.org.store.recall("components") or []
        for name, text in _files(archive).items():
            folder, _, full = name.partition("/")
            about = {
                "fileName": name, "fullName": _stem(full), "componentType": _TYPES.get(folder, ""),
                "id": None, "created": False, "changed": True, "deleted": False, "success": True,
                "createdDate": self.org.now(), "problem": None, "problemType": None,
                "lineNumber": None, "columnNumber": None,
            }  # fmt: skip
            try:
                self._component(name, ElementTree.fromstring(text))
                successes.append(about)
                kept.append({"file": name, "xml": text})
            except Failure as error:
                failures.append(about | _FAILED | {"problem": str(error)})
        if not failures:
            self.org.store.remember("components", kept)
        return successes, failures

    def _component(self, name: str, xml: ElementTree.Element) -> None:
        kind = name.split("/")[0]
        if kind == "objects":
            self._object(_stem(name), xml)
        elif kind == "permissionsets":
            self._permission_set(_stem(name), xml)
        else:
            raise Failure(f"Not available for deploy for this organization: {kind}")

    # -- objects -----------------------------------------------------------------------------------

    def _object(self, name: str, xml: ElementTree.Element) -> None:
        wanted = [self._field(name, one) for one in xml.findall(f"{_NS}fields")]
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

    def _field(self, of: str, xml: ElementTree.Element) -> SField:
        name, kind, label = (_text(xml, part) for part in ("fullName", "type", "label"))
        if not _LEGAL.fullmatch(name) or len(name) > 43:
            raise Failure(
                f"The Custom Field API Name you provided {name} on object {of} can only "
                "contain alphanumeric characters, must begin with a letter, cannot end with an underscore or "
                "contain two consecutive underscore characters, "
                f"and must be unique across all {of} fields"
            )
        if not label or len(label) > 40:
            raise Failure(f"Must specify a label of at most 40 characters for {name}")
        made = SField(name, "string", custom=True, hidden=True, label=label)
        length = int(_text(xml, "length") or 0)
        match kind:
            case "Text":
                if not 0 < length <= 255:
                    raise Failure(f"Must specify 'length' for a CustomField of type Text ({name})")
                made.length = length
            case "LongTextArea":
                if not 256 <= length <= 131_072 or not _text(xml, "visibleLines"):
                    raise Failure(
                        "Must specify 'length' and 'visibleLines' for a CustomField of type "
                        f"LongTextArea ({name})"
                    )
                made.type, made.length, made.filterable = "textarea", length, False
            case "Checkbox":
                if _text(xml, "required"):
                    raise Failure("Can not specify 'required' for a CustomField of type Checkbox")
                if not _text(xml, "defaultValue"):
                    raise Failure(f"Must specify 'defaultValue' for a CustomField of type Checkbox ({name})")
                made.type, made.default = "boolean", _text(xml, "defaultValue") == "true"
            case "Number":
                made.type, made.precision, made.scale = (
                    "double",
                    int(_text(xml, "precision") or 0),
                    int(_text(xml, "scale") or 0),
                )
                if not 0 < made.precision <= 18:
                    raise Failure(f"Must specify 'precision' for a CustomField of type Number ({name})")
            case "Date":
                made.type = "date"
            case "DateTime":
                made.type = "datetime"
            case "Url":
                made.type, made.length = "url", 255
            case "Picklist":
                values = [_text(one, "fullName") for one in xml.iter(f"{_NS}value")]
                made.type, made.length, made.choices = "picklist", 255, tuple(values)
                made.restricted = any(
                    _text(one, "restricted") == "true" for one in xml.iter(f"{_NS}valueSet")
                )
            case "Lookup":
                target = _text(xml, "referenceTo")
                if target not in self.org.objects:
                    raise Failure(f"referenceTo value of '{target}' does not resolve to a valid sObject type")
                if not _text(xml, "relationshipName"):
                    raise Failure(
                        f"Must specify 'relationshipName' for a CustomField of type Lookup ({name})"
                    )
                made.type, made.length, made.refers_to = "reference", 18, (target,)
                made.relationship = name.removesuffix("__c") + "__r"
            case _:
                raise Failure(f"Unknown field type {kind}")
        made.external_id = _text(xml, "externalId") == "true"
        made.unique = _text(xml, "unique") == "true"
        made.case_sensitive = _text(xml, "caseSensitive") == "true"
        if made.external_id and made.type not in ("string", "double", "email"):
            raise Failure(f"Can not specify 'externalId' for a CustomField of type {kind}")
        return made

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


def _text(xml: ElementTree.Element, name: str) -> str:
    return (xml.findtext(f"{_NS}{name}") or "").strip() if name else ""
