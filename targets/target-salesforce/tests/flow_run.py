"""Runs the drafts of flows for one person, as far as they go: what they would do, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

_NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
_UNITS = {"Minutes": 60, "Hours": 3_600, "Days": 86_400}
_MOST = 1_000


def run(text: str, person: Mapping[str, Any], came: frozenset[str] = frozenset()) -> list[tuple[int, str]]:
    """Return (seconds after the start, what was done), for somebody with these fields and events."""
    root = ET.fromstring(re.sub(r' xmlns="[^"]+"', "", text).encode())
    elements = {str(one.findtext("name")): one for one in root if one.find("locationX") is not None}
    start = root.find("start")
    assert start is not None
    paths = [(0, start.findtext("connector/targetReference"))]
    for path in start.findall("scheduledPaths"):
        seconds = int(str(path.findtext("offsetNumber"))) * _UNITS[str(path.findtext("offsetUnit"))]
        paths.append((seconds, path.findtext("connector/targetReference")))
    return sorted((at, what) for at, first in paths for what in _Path(elements, person, came).go(first))


class _Path:
    """One path: the same graph, with variables of its own."""

    def __init__(
        self, elements: Mapping[str, ET.Element], person: Mapping[str, Any], came: frozenset[str]
    ) -> None:
        self.elements = elements
        self.known = person
        self.came = came
        self.variables: dict[str, Any] = {"to_do": None, "person": {}, "chance": person.get("chance", 0)}

    def go(self, name: str | None) -> list[str]:
        done: list[str] = []
        for _ in range(_MOST):
            if name is None:
                return done
            name = self._at(self.elements[name], done)
        raise AssertionError("the flow does not end")

    def _at(self, element: ET.Element, done: list[str]) -> str | None:
        match element.tag:
            case "recordLookups":
                self._look(element)
            case "decisions":
                return self._decide(element)
            case "assignments":
                done.append(str(element.findtext("assignmentItems/value/stringValue")).strip())
            case "recordUpdates":
                sets = {str(one.findtext("field")): one.findtext("value/stringValue")
                        for one in element.findall("inputAssignments")}  # fmt: skip
                done.append(f"update {sets}")
            case "recordCreates":
                done.append(f"create {element.findtext('object')}")
        return element.findtext("connector/targetReference")

    def _look(self, element: ET.Element) -> None:
        if variable := element.findtext("outputReference"):
            asked = {str(one.text) for one in element.findall("queriedFields")}
            self.variables[variable] = {
                "Id": "00Q",
                **{name: self.known.get(name) for name in asked - {"Id"}},
            }
            return
        wanted = {str(one.findtext("field")): one.findtext("value/stringValue")
                  for one in element.findall("filters")}  # fmt: skip
        found = wanted["cio_event_name__c"] in self.came
        self.variables[str(element.findtext("name"))] = {"Id": "00T"} if found else {}

    def _decide(self, element: ET.Element) -> str | None:
        for rule in element.findall("rules"):
            held = [self._holds(one) for one in rule.findall("conditions")]
            if _together(held, str(rule.findtext("conditionLogic"))):
                return rule.findtext("connector/targetReference")
        return element.findtext("defaultConnector/targetReference")

    def _holds(self, condition: ET.Element) -> bool:
        name, _, field = str(condition.findtext("leftValueReference")).partition(".")
        found = self.variables[name]
        if field:
            assert name != "person" or field in found, f"{field} is compared, and was not queried"
            found = found.get(field)
        (value,) = condition.find("rightValue") or ()
        match condition.findtext("operator"):
            case "IsNull":
                return (found is None) == (value.text == "true")
            case "EqualTo":
                return found is not None and _same(found) == _same(value.text)
            case "NotEqualTo":
                return found is None or _same(found) != _same(value.text)
            case "Contains":
                return found is not None and _same(value.text) in _same(found)
            case "StartsWith":
                return found is not None and _same(found).startswith(_same(value.text))
            case "LessThan":
                return found is not None and float(found) < float(str(value.text))
            case "GreaterThan":
                return found is not None and float(found) > float(str(value.text))
            case operator:
                raise AssertionError(f"no such operator: {operator}")


def _together(held: list[bool], logic: str) -> bool:
    """Whether conditions hold by their logic: `and`, or such as `1 AND (2 OR 3)`."""
    if logic == "and":
        return all(held)
    said = re.sub(r"\d+", lambda number: str(held[int(number[0]) - 1]), logic)
    return bool(eval(said.replace("AND", "and").replace("OR", "or")))


def _same(value: Any) -> str:
    return str(value).casefold()
