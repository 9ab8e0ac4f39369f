"""Flows as a deploy takes them: checked against the org, and kept with whether they are active.

Kinds and values of elements are those of the Metadata API guide (Flow).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from target_salesforce.sandbox.files import NS, Failure
from target_salesforce.sandbox.files import text as _text
from target_salesforce.sandbox.org import Org
from target_salesforce.sandbox.store import Doc

MOST_PATHS = 10
_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")
_STATUSES = {"Active", "Draft", "Obsolete", "InvalidDraft"}
_TRIGGERS = {"RecordAfterSave", "RecordBeforeSave", "RecordBeforeDelete", "Scheduled", "PlatformEvent"}
_UNITS = {"Months", "Days", "Hours", "Minutes"}
_SOURCES = {"RecordTriggerEvent", "RecordField"}
_GLOBALS = ("$Record", "$Record__Prior", "$Flow", "$User", "$Organization", "$System", "$GlobalConstant")
_OF_RECORDS = ("recordLookups", "recordUpdates", "recordCreates", "recordDeletes")


def checked(org: Org, name: str, xml: Element) -> Doc:
    """Return the flow as setup lists it. Raises `Failure` where the org would refuse it."""
    if not _NAME.fullmatch(name) or len(name) > 80:
        raise Failure(f"The flow's API name {name} is not valid.")
    label, kind, status = (_needed(xml, part) for part in ("label", "processType", "status"))
    _one_of("status", status, _STATUSES)
    _elements(xml)
    start = xml.find(f"{NS}start")
    about: Doc = {"ApiName": name, "Label": label, "ProcessType": kind, "IsActive": status == "Active"}
    if start is not None:
        about |= _start(org, start)
    for one in xml:
        if one.tag.removeprefix(NS) in _OF_RECORDS:
            _fields(org, _needed(one, "object"), one)
    _references(org, xml)
    return about


def _start(org: Org, start: Element) -> Doc:
    of, trigger = _text(start, "object"), _text(start, "triggerType")
    if trigger:
        _one_of("triggerType", trigger, _TRIGGERS)
    if of:
        _fields(org, of, start)
    paths = start.findall(f"{NS}scheduledPaths")
    if len(paths) > MOST_PATHS:
        raise Failure(f"The Start element can't have more than {MOST_PATHS} scheduled paths.")
    if paths and trigger != "RecordAfterSave":
        raise Failure("Scheduled paths are available only in flows that run after a record is saved.")
    changed = _text(start, "doesRequireRecordChangedToMeetCriteria") == "true"
    if paths and "Update" in _text(start, "recordTriggerType") and not changed:
        raise Failure(
            "A flow that runs when a record is updated can have scheduled paths only if it requires "
            "the record to be changed to meet the conditions."
        )
    for path in paths:
        _one_of("offsetUnit", _needed(path, "offsetUnit"), _UNITS)
        _one_of("timeSource", _needed(path, "timeSource"), _SOURCES)
        if not re.fullmatch(r"-?\d+", _needed(path, "offsetNumber")):
            raise Failure(f"'{_text(path, 'offsetNumber')}' is not a valid value for the type xsd:int")
    return {"TriggerType": trigger, "TriggerObjectOrEventLabel": of, "TriggerObjectOrEventId": of}


def _elements(xml: Element) -> None:
    """Names are unique, and each connector leads to a node."""
    named = [*xml, *xml.iter(f"{NS}rules"), *xml.iter(f"{NS}scheduledPaths")]
    names = [_text(one, "name").lower() for one in named if one.find(f"{NS}name") is not None]
    names = [name for name in names if name not in ("buildertype", "canvasmode", "originbuildertype")]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise Failure(f"The API name {doubled[0]} is used by several elements of the flow.")
    for name in filter(None, names):
        if not _NAME.fullmatch(name) or len(name) > 80:
            raise Failure(f"{name} is no valid API name of an element.")
    nodes = {_text(one, "name") for one in xml if one.find(f"{NS}locationX") is not None}
    for connector in xml.iter(f"{NS}targetReference"):
        if connector.text not in nodes:
            raise Failure(f"A connector leads to {connector.text}, which is no element of the flow.")


def _references(org: Org, xml: Element) -> None:
    """What is referred to is there; so is a field of a record."""
    names = {_text(one, "name"): one for one in xml if one.find(f"{NS}name") is not None}
    start = xml.find(f"{NS}start")
    of = "" if start is None else _text(start, "object")
    for reference in _all_references(xml):
        root, _, rest = reference.partition(".")
        if root not in names and root not in _GLOBALS:
            raise Failure(f"The flow has no resource {root}.")
        record = of if root.startswith("$Record") else ""
        if root in names:
            record = _text(names[root], "objectType") or _text(names[root], "object")
        if record and rest and "." not in rest:
            _field(org, record, rest)


def _all_references(xml: Element) -> Iterator[str]:
    for tag in ("elementReference", "leftValueReference", "assignToReference", "outputReference"):
        yield from (str(one.text) for one in xml.iter(f"{NS}{tag}"))
    for one in xml.iter(f"{NS}expression"):
        yield from re.findall(r"\{!([^}]+)\}", one.text or "")


def _fields(org: Org, of: str, xml: Element) -> None:
    names = [
        _text(one, "field") for tag in ("filters", "inputAssignments") for one in xml.findall(f"{NS}{tag}")
    ]
    for name in (*names, *(str(one.text) for one in xml.findall(f"{NS}queriedFields"))):
        _field(org, of, name)


def _field(org: Org, of: str, name: str) -> None:
    if of not in org.objects:
        raise Failure(f"We can't find an object with the API name {of}.")
    if name.lower() not in org.objects[of].by_lower:
        raise Failure(f"field integrity exception: unknown (The field {name} does not exist on {of}.)")


def _one_of(name: str, value: str, known: set[str]) -> None:
    if value not in known:
        raise Failure(f"'{value}' is not a valid value for {name}")


def _needed(xml: Element, name: str) -> str:
    if not (found := _text(xml, name)):
        raise Failure(f"Required field is missing: {name}")
    return found
