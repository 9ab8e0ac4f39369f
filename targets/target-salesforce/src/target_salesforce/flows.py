"""Metadata files that may be deployed: list views, and record-triggered flows in the status Draft."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from crmlift.handoff.xml_file import child, written
from target_salesforce.clauses import Filter, Tree, numbered

API_VERSION = "62.0"
MOST_FILTERS = 10
"""Filters that a list view, a report and a flow's start take."""
_NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
_LABEL, _LONG_LABEL, _DESCRIPTION = 40, 80, 1000
_OPERATORS = {
    "equals": "EqualTo", "notEqual": "NotEqualTo", "contains": "Contains", "greaterThan": "GreaterThan",
    "lessThan": "LessThan", "greaterOrEqual": "GreaterThanOrEqualTo", "lessOrEqual": "LessThanOrEqualTo",
}  # fmt: skip
_VALUES = {"boolean": "booleanValue", "number": "numberValue", "text": "stringValue", "moment": "stringValue"}


def list_view(name: str, label: str, view: Tree | Filter) -> str | None:
    """Return the object's file with a list view; None where it cannot be made.

    Standard fields have names of their own in list views, so only custom ones are taken.
    """
    filters, logic = numbered(view)
    if not filters or len(filters) > MOST_FILTERS or not all(one.field.endswith("__c") for one in filters):
        return None
    root = ET.Element("CustomObject", xmlns=_NAMESPACE)
    found = ET.SubElement(root, "listViews")
    child(found, "fullName", name)
    if "OR" in logic:
        child(found, "booleanFilter", logic)
    child(found, "columns", "FULL_NAME")
    child(found, "filterScope", "Everything")
    for one in filters:
        line = ET.SubElement(found, "filters")
        child(line, "field", one.field)
        child(line, "operation", one.operation)
        if one.value:
            child(line, "value", one.value)
    child(found, "label", label[:_LABEL])
    return written(root, indent="    ")


def lines(view: Tree | Filter) -> str:
    """Return the filters as a person enters them in a list view or a report."""
    filters, logic = numbered(view)
    said = [f"{n}. {one.field} {one.operation} {one.value or '(empty)'}" for n, one in enumerate(filters, 1)]
    too_many = (
        [f"These are more than the {MOST_FILTERS} that it takes."] if len(filters) > MOST_FILTERS else []
    )
    return "\n".join([*said, f"Filter logic: {logic}", *too_many]) + "\n"


def flow(label: str, sobject: str, view: Tree | Filter | None, outline: list[str]) -> str | None:
    """Return a record-triggered flow, a draft, that does nothing but hold its outline; None without filters.

    Elements of one name stand together, in the order of their names.
    """
    filters, logic = numbered(view) if view is not None else ([], "")
    if not filters or len(filters) > MOST_FILTERS:
        return None
    text = "\n".join(f"{n}. {line}" for n, line in enumerate(outline, 1))
    root = ET.Element("Flow", xmlns=_NAMESPACE)
    child(root, "apiVersion", API_VERSION)
    step = ET.SubElement(root, "assignments")
    for name, value in (
        ("name", "Outline"),
        ("label", "Outline"),
        ("locationX", "176"),
        ("locationY", "323"),
    ):
        child(step, name, value)
    item = ET.SubElement(step, "assignmentItems")
    child(item, "assignToReference", "outline")
    child(item, "operator", "Assign")
    child(ET.SubElement(item, "value"), "stringValue", text)
    child(root, "description", text[:_DESCRIPTION])
    child(root, "label", label[:_LONG_LABEL])
    child(root, "processType", "AutoLaunchedFlow")
    _start(root, sobject, filters, logic)
    child(root, "status", "Draft")
    variable = ET.SubElement(root, "variables")
    for name, value in (("name", "outline"), ("dataType", "String"), ("isCollection", "false"),
                        ("isInput", "false"), ("isOutput", "false")):  # fmt: skip
        child(variable, name, value)
    return written(root, indent="    ")


def full_name(*parts: str) -> str:
    """Return a legal name of a component: letters, digits and single underscores, a letter first."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", "_".join(("cio", *parts))).strip("_")
    return name[:_LABEL].rstrip("_")


def _start(root: ET.Element, sobject: str, filters: list[Filter], logic: str) -> None:
    start = ET.SubElement(root, "start")
    child(start, "locationX", "50")
    child(start, "locationY", "0")
    child(ET.SubElement(start, "connector"), "targetReference", "Outline")
    child(start, "filterLogic", logic if "OR" in logic else "and")
    for one in filters:
        line = ET.SubElement(start, "filters")
        child(line, "field", one.field)
        if one.value:
            child(line, "operator", _OPERATORS[one.operation])
            value = {"1": "true", "0": "false"}[one.value] if one.kind == "boolean" else one.value
            child(ET.SubElement(line, "value"), _VALUES[one.kind], value)
        else:
            child(line, "operator", "IsNull")
            child(ET.SubElement(line, "value"), "booleanValue", str(one.operation == "equals").lower())
    child(start, "object", sobject)
    child(start, "recordTriggerType", "Create" if sobject == "Task" else "CreateAndUpdate")
    child(start, "triggerType", "RecordAfterSave")
