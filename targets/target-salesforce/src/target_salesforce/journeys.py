"""A journey as a record-triggered flow, a draft: the same steps, branches and ends.

A record-triggered flow takes no Wait element. What comes after a wait is a scheduled path from the start, at
the sum of the waits before it. The path goes through the decisions again that lead to its wait, with the
values of then, so that only those go on who would have waited there. Nothing sends: a message is a text.

A journey with more waits than a flow has paths becomes several flows that the same records begin: the first
does what comes at once and after the first waits, each other what comes after the next ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from crmlift.chunks import chunks
from crmlift.handoff import words
from crmlift.handoff.advice import Fields
from crmlift.handoff.journey import Journey, Step, StepKind, Way
from crmlift.handoff.xml_file import child
from target_salesforce import flow_file as xml
from target_salesforce.clauses import SOBJECTS, Filter, Tree
from target_salesforce.flow_file import FlowFile
from target_salesforce.journey_steps import PERSON, Steps, decides, filter_by, waits

MOST_PATHS = 10
"""Scheduled paths of a flow: the number that administrators meet; Salesforce's own pages name none."""


@dataclass
class Draft:
    """A journey's files; `lost` is what they do not do, `by_hand` names what is empty in them."""

    texts: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)


def draft(journey: Journey, fields: Fields, entity: str, label: str, begins: Tree | Filter) -> Draft:
    """Return the flows of a journey for leads or for contacts, that records which meet the filters begin."""
    parts = list(chunks(waits_of(journey), MOST_PATHS)) or [[]]
    made = Draft()
    for number, after in enumerate(parts, 1):
        named = label if len(parts) == 1 else f"{label} {number} of {len(parts)}"
        writer = _Writer(journey, fields, entity, named)
        if writer.write(begins, after, at_once=number == 1) or number == 1:
            made.texts.append(writer.file.text())
            made.lost += writer.steps.lost
            made.by_hand += writer.steps.by_hand
    return made


_Made = dict[tuple[str, int], str | None]
"""Elements by their step and the time after the start."""


@dataclass(frozen=True)
class _After:
    """What follows a wait, so many seconds after the start."""

    wait: Step
    seconds: int


def waits_of(journey: Journey) -> list[_After]:
    """Every wait that people come to, with each time after the start at which it is over."""
    found: dict[tuple[str, int], _After] = {}
    seen: set[tuple[str, int]] = set()
    waiting = [(journey.first_step(), 0)]
    while waiting:
        id, seconds = waiting.pop(0)
        step = journey.step(id) if id else None
        if step is None or (step.id, seconds) in seen:
            continue
        seen.add((step.id, seconds))
        if span := waits(step):
            seconds += span
            found[step.id, seconds] = _After(step, seconds)
        ways = (way for way in journey.ways_from(step) if not way.back)
        waiting += [(journey.goes_on(way), seconds) for way in ways]
    return sorted(found.values(), key=lambda one: one.seconds)


class _Writer:
    def __init__(self, journey: Journey, fields: Fields, entity: str, label: str) -> None:
        self.journey = journey
        self.entity = entity
        self.on_event = journey.trigger.event is not None
        self.file = FlowFile(label, f"Customer.io campaign {journey.id}: {journey.trigger.words}.")
        self.steps = Steps(journey, fields, entity, self.file)
        self._lookups: list[ET.Element] = []

    def write(self, begins: Tree | Filter, waited: Sequence[_After], *, at_once: bool) -> bool:
        """The start with its paths, and all elements; what comes `at_once` is on a path without a time.

        Returns whether there is a path at all.
        """
        start = self.file.start()
        xml.filters(start, begins)
        child(start, "object", "Task" if self.on_event else SOBJECTS[self.entity])
        child(start, "recordTriggerType", "Create" if self.on_event else "CreateAndUpdate")
        child(start, "triggerType", "RecordAfterSave")
        if not self.on_event:
            # Else every save would begin it again, and there could be no scheduled paths.
            child(start, "doesRequireRecordChangedToMeetCriteria", "true")
        first = self.journey.first_step()
        if at_once:
            xml.connect(start, "connector", self._stage("now", self.steps.element(first), filtered=True))
        for after in waited:
            self._path(start, after, first)
        for lookup in self._lookups:
            for name in self.steps.asked:
                child(lookup, "queriedFields", name)
        self.steps.resources()
        return any(start.find(tag) is not None for tag in ("connector", "scheduledPaths"))

    # -- stages: now, and after each wait -----------------------------------------------------------

    def _path(self, start: ET.Element, after: _After, first: str | None) -> None:
        """A scheduled path for what follows a wait."""
        label = f"After {words.span(after.seconds)}: {after.wait.title}"
        target = self._stage(label, self._again(first, 0, after, {}))
        if target is None:
            return
        number, unit = words.in_one_unit(after.seconds)
        path = ET.SubElement(start, "scheduledPaths")
        child(path, "name", self.file.name(f"After {words.span(after.seconds)}"))
        child(path, "label", label[:80])
        xml.connect(path, "connector", target)
        child(path, "offsetNumber", str(number))
        child(path, "offsetUnit", f"{unit.title()}s")
        child(path, "timeSource", "RecordTriggerEvent")

    def _stage(self, label: str, target: str | None, *, filtered: bool = False) -> str | None:
        """Get the person as it is now, and go on if it is there, meets the filters, and is not to leave."""
        if target is None:
            return None
        name = self.file.name(f"Get person {label}")
        got = self.file.node("recordLookups", name, f"Get person: {label}")
        child(got, "assignNullValuesIfNoRecordsFound", "true")
        child(got, "filterLogic", "and")
        key = "$Record.WhoId" if self.on_event else "$Record.Id"
        filter_by(got, "Id", "EqualTo", {"elementReference": key})
        child(got, "object", SOBJECTS[self.entity])
        child(got, "outputReference", PERSON)
        self._lookups.append(got)
        goes = self._meets(label, target) if filtered and self.on_event else target
        known = self.file.name(f"Goes on {label}")
        decision = self.file.node("decisions", known, "Goes on?")
        none = xml.condition(f"{PERSON}.Id", "IsNull", {"booleanValue": "true"})
        xml.rule(decision, self.file.name(f"Nobody {label}"), "Not of this kind", None, none)
        for n, (said, view) in enumerate(self._ends(label), 1):
            out = self.file.name(f"Leaves {n} {label}")
            xml.rule(decision, out, f"Leaves early: {said}", None, self.steps.conditions(view))
        xml.connect(decision, "defaultConnector", goes)
        child(decision, "defaultConnectorLabel", "Goes on")
        xml.connect(got, "connector", known)
        return name

    def _ends(self, label: str) -> list[tuple[str, Tree | Filter]]:
        """The conditions on which people leave early; nobody leaves before the first step."""
        found = []
        for node in self.journey.exit_conditions if label != "now" else ():
            if (view := self.steps.view(node)) is not None:
                found.append((words.condition(node), view))
        return found

    def _meets(self, label: str, target: str) -> str:
        """The filters of a journey that an event begins are of the person."""
        trigger = self.journey.trigger
        for node in (trigger.condition, trigger.filters):
            if node is None:
                continue
            view = self.steps.view(node)
            if view is None:
                self.steps.by_hand.append(f"the filter “{words.condition(node)}”")
                continue
            name = self.file.name(f"Meets {label}")
            decision = self.file.node("decisions", name, "Meets the filters?", words.condition(node))
            xml.rule(decision, self.file.name("Meets them"), "Yes", target, self.steps.conditions(view))
            child(decision, "defaultConnectorLabel", "No")
            target = name
        return target

    # -- decisions ----------------------------------------------------------------------------------

    def _again(self, id: str | None, seconds: int, after: _After, made: _Made) -> str | None:
        """The way to what follows a wait, by the decisions that led to the wait; None if it does not."""
        step = self.journey.step(id) if id else None
        if step is None:
            return None
        ways = self.journey.ways_from(step)
        seconds += waits(step) or 0
        if step == after.wait and seconds == after.seconds:
            return self._follows(step, ways)
        if seconds > after.seconds or (step.id, seconds) in made:
            return made.get((step.id, seconds))
        made[step.id, seconds] = None
        targets = {way.end: self._again(self.steps.goes(way), seconds, after, made) for way in ways}
        if len(set(targets.values())) <= 1 or not decides(step):
            found = next(iter(targets.values()), None)
        else:
            when = f"again after {words.span(after.seconds)}"
            found = self.steps.decision(step, when, targets, after.seconds - seconds)
        made[step.id, seconds] = found
        return found

    def _follows(self, step: Step, ways: list[Way]) -> str | None:
        if step.kind is StepKind.WAIT_UNTIL:
            return self.steps.after(step)
        return self.steps.element(self.steps.goes(ways[0])) if ways else None
