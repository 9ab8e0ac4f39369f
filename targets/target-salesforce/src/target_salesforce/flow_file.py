"""A flow as a metadata file, in the status Draft.

What a type inherits comes first, then its own elements in the order of their names: the order of the Metadata
API's schema, in which Salesforce writes them, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

from crmlift.handoff.xml_file import child, written
from target_salesforce.clauses import Filter, Tree, numbered

API_VERSION = "62.0"
NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
_LABEL, _NAME, _DESCRIPTION = 80, 80, 1000
_OF_NODES = ("description", "name", "label", "locationX", "locationY")
OPERATORS = {
    "equals": "EqualTo", "notEqual": "NotEqualTo", "contains": "Contains", "greaterThan": "GreaterThan",
    "lessThan": "LessThan", "greaterOrEqual": "GreaterThanOrEqualTo", "lessOrEqual": "LessThanOrEqualTo",
}  # fmt: skip
_VALUES = {"boolean": "booleanValue", "number": "numberValue", "text": "stringValue", "moment": "stringValue"}
# Free form: ways may meet where they like.
_BUILDER = {"BuilderType": "LightningFlowBuilder", "CanvasMode": "FREE_FORM_CANVAS"}

Value = Mapping[str, str]
"""A value by its kind, such as `{"stringValue": "x"}` or `{"elementReference": "person.Id"}`."""


class FlowFile:
    """A flow that is put together element by element."""

    def __init__(self, label: str, description: str) -> None:
        self._root = ET.Element("Flow", xmlns=NAMESPACE)
        self._names: set[str] = set()
        child(self._root, "apiVersion", API_VERSION)
        child(self._root, "description", description[:_DESCRIPTION])
        child(self._root, "environments", "Default")
        child(self._root, "interviewLabel", f"{label[: _LABEL - 30]} {{!$Flow.CurrentDateTime}}")
        child(self._root, "label", label[:_LABEL])
        child(self._root, "processType", "AutoLaunchedFlow")
        child(self._root, "status", "Draft")
        for name, value in _BUILDER.items():
            found = ET.SubElement(self._root, "processMetadataValues")
            child(found, "name", name)
            put(found, "value", {"stringValue": value})

    def name(self, wanted: str) -> str:
        """Return a legal name that no other element of the flow has."""
        legal = re.sub(r"[^A-Za-z0-9]+", "_", wanted).strip("_")[: _NAME - 4].rstrip("_") or "Element"
        legal = legal if legal[0].isalpha() else f"E_{legal}"
        number, found = 1, legal
        while found.lower() in self._names:
            number += 1
            found = f"{legal}_{number}"
        self._names.add(found.lower())
        return found

    def node(self, kind: str, name: str, label: str, description: str = "") -> ET.Element:
        """Add an element of the canvas under a name that `name` gave."""
        place = len(self._root)
        made = ET.SubElement(self._root, kind)
        if description:
            child(made, "description", description[:_DESCRIPTION])
        child(made, "name", name)
        child(made, "label", " ".join(label.split())[:_LABEL])
        child(made, "locationX", str(176 + place % 3 * 264))
        child(made, "locationY", str(120 * (place // 3)))
        return made

    def resource(self, kind: str, name: str, **values: str) -> None:
        """Add a variable or a formula."""
        made = ET.SubElement(self._root, kind)
        child(made, "name", name)
        for tag, text in values.items():
            child(made, tag, text)

    def start(self) -> ET.Element:
        """Add the element that begins the flow."""
        start = ET.SubElement(self._root, "start")
        child(start, "locationX", "50")
        child(start, "locationY", "0")
        return start

    def text(self) -> str:
        """Return the whole file."""
        for element in self._root.iter():
            if element.tag not in ("Flow", "value", "rightValue"):
                element[:] = _sorted(element)
        self._root[:] = sorted(self._root, key=lambda one: one.tag)
        return written(self._root, indent="    ")


def _sorted(element: ET.Element) -> list[ET.Element]:
    """What the type inherits, then its own. Only a node inherits a label: it has a place on the canvas."""
    inherited = _OF_NODES if element.find("locationX") is not None else _OF_NODES[:2]
    place = {tag: n for n, tag in enumerate(inherited)}
    return sorted(element, key=lambda one: (place.get(one.tag, len(inherited)), one.tag))


def connect(element: ET.Element, tag: str, target: str | None) -> None:
    """Lead on to another element; nowhere, which ends a path, without one."""
    if target is not None:
        child(ET.SubElement(element, tag), "targetReference", target)


def put(element: ET.Element, tag: str, value: Value) -> None:
    """Add a value."""
    found = ET.SubElement(element, tag)
    for kind, text in value.items():
        child(found, kind, text)


def sayable(view: Tree | Filter, most: int | None = None) -> bool:
    """Whether a flow has an operator for each of at most so many filters; none is “does not contain”."""
    filters, _ = numbered(view)
    few = bool(filters) and (most is None or len(filters) <= most)
    return few and all(not one.value or one.operation in OPERATORS for one in filters)


def filters(element: ET.Element, view: Tree | Filter) -> None:
    """Add the filters of a start: of fields of the record that starts the flow."""
    found, logic = numbered(view)
    child(element, "filterLogic", logic if "OR" in logic else "and")
    for one in found:
        line = ET.SubElement(element, "filters")
        child(line, "field", one.field)
        _compared(line, one, "value")


Conditions = tuple[Sequence[ET.Element], str]
"""Conditions of an outcome, and the logic between them."""


def rule(decision: ET.Element, name: str, label: str, target: str | None, when: Conditions) -> None:
    """Add an outcome to a decision."""
    made = ET.SubElement(decision, "rules")
    child(made, "name", name)
    child(made, "conditionLogic", when[1])
    made.extend(when[0])
    connect(made, "connector", target)
    child(made, "label", " ".join(label.split())[:_LABEL] or name)


def conditions(view: Tree | Filter, variable: str) -> Conditions:
    """Return conditions on fields of a record variable."""
    found, logic = numbered(view)
    made = []
    for one in found:
        line = ET.Element("conditions")
        child(line, "leftValueReference", f"{variable}.{one.field}")
        _compared(line, one, "rightValue")
        made.append(line)
    return made, logic if "OR" in logic else "and"


def condition(left: str, operator: str, value: Value) -> Conditions:
    """Return one condition."""
    line = ET.Element("conditions")
    child(line, "leftValueReference", left)
    child(line, "operator", operator)
    put(line, "rightValue", value)
    return [line], "and"


def _compared(line: ET.Element, one: Filter, tag: str) -> None:
    if one.value:
        child(line, "operator", OPERATORS[one.operation])
        value = {"1": "true", "0": "false"}[one.value] if one.kind == "boolean" else one.value
        put(line, tag, {_VALUES[one.kind]: value})
    else:
        child(line, "operator", "IsNull")
        put(line, tag, {"booleanValue": str(one.operation == "equals").lower()})
