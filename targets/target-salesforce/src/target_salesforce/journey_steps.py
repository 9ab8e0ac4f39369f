"""The steps of a journey as elements of a flow, for leads or for contacts."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from crmlift.handoff.advice import Fields
from crmlift.handoff.conditions import Node, awaited_event
from crmlift.handoff.journey import Journey, Step, StepKind, Way
from crmlift.handoff.xml_file import child
from target_salesforce import flow_file as xml
from target_salesforce.clauses import SOBJECTS, Clauses, Filter, Tree, numbered
from target_salesforce.flow_file import FlowFile

PERSON, TO_DO, CHANCE = "person", "to_do", "chance"
_DAY = 86_400
_IDS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The last two of the 15 characters of an id count up, one after the other.
_CHANCE = " + ".join(
    f'(FIND(MID({{!{PERSON}.Id}}, {place}, 1), "{_IDS}") - 1) * {100 * 62**power / 62**2:g}'
    for place, power in ((14, 1), (15, 0))
)


class Steps:
    """Adds elements to a flow; `asked` are the fields of the person that they look at.

    `lost` is what they do not do, and `by_hand` names what is empty in them.
    """

    def __init__(self, journey: Journey, fields: Fields, entity: str, file: FlowFile) -> None:
        self.journey = journey
        self.fields = fields
        self.entity = entity
        self.file = file
        self.asked: dict[str, None] = {"Id": None}
        self.lost: list[str] = []
        self.by_hand: list[str] = []
        self._made: dict[str, str | None] = {}
        self._chance = False

    def element(self, id: str | None) -> str | None:
        """The element that does a step, made once; None where a path ends there, at a wait or an exit."""
        step = self.journey.step(id) if id else None
        if step is None or waits(step) or step.kind is StepKind.EXIT:
            return None
        return self.after(step)

    def _make(self, step: Step) -> str | None:
        ways = self.journey.ways_from(step)
        goes = self.element(self.goes(ways[0])) if ways else None
        match step.kind:
            case StepKind.WAIT_UNTIL if not waits(step):
                self.lose(
                    f"A wait without an end, “{step.title}”, has no path: what is awaited must begin it."
                )
            case StepKind.BRANCH | StepKind.SPLIT | StepKind.LANGUAGES | StepKind.WAIT_UNTIL:
                return self.decision(step, "", {way.end: self.element(self.goes(way)) for way in ways}, 0)
            case StepKind.GATE:
                return goes
            case StepKind.UPDATE if values := self.fields.sets(step.changes, self.entity):
                return self._update(step, values, goes)
            case StepKind.EVENT if step.event:
                return self._create(step, step.event, goes)
        return self._line(step, goes)

    def _line(self, step: Step, goes: str | None) -> str:
        """A step that nothing does yet: a line of text that says what is to be put here."""
        self.by_hand.append(step.title)
        what = f"{step.channel or step.kind.value}: {step.line}"
        name = self.file.name(f"To do {step.title}")
        made = self.file.node("assignments", name, step.title, f"TO DO, nothing is done or sent here: {what}")
        item = ET.SubElement(made, "assignmentItems")
        child(item, "assignToReference", TO_DO)
        child(item, "operator", "Add")
        xml.put(item, "value", {"stringValue": f"{what}\n"})
        xml.connect(made, "connector", goes)
        return name

    def _update(self, step: Step, values: dict[str, str], goes: str | None) -> str:
        name = self.file.name(step.title)
        made = self.file.node("recordUpdates", name, step.title, step.line)
        child(made, "filterLogic", "and")
        filter_by(made, "Id", "EqualTo", {"elementReference": f"{PERSON}.Id"})
        for one, value in values.items():
            _assign(made, one, {"stringValue": value})
        child(made, "object", SOBJECTS[self.entity])
        xml.connect(made, "connector", goes)
        return name

    def _create(self, step: Step, event: str, goes: str | None) -> str:
        """An event is a task, as those that were loaded."""
        name = self.file.name(step.title)
        made = self.file.node("recordCreates", name, step.title, step.line)
        for one, value in {"Subject": event, "Status": "Completed", "Priority": "Normal",
                           "cio_event_name__c": event, "cio_event_type__c": "event"}.items():  # fmt: skip
            _assign(made, one, {"stringValue": value})
        _assign(made, "WhoId", {"elementReference": f"{PERSON}.Id"})
        child(made, "object", "Task")
        child(made, "storeOutputAutomatically", "true")
        xml.connect(made, "connector", goes)
        return name

    def after(self, step: Step) -> str | None:
        """What comes when the time of a wait is over: has it happened by then?"""
        if step.id not in self._made:
            self._made[step.id] = self._make(step)
        return self._made[step.id]

    def decision(self, step: Step, when: str, targets: dict[str, str | None], since: int) -> str:
        """A decision with an outcome for each way but the last; its conditions are said, or to be set."""
        ways = self.journey.ways_from(step)
        name = self.file.name(f"{step.title} {when}")
        decision = self.file.node("decisions", name, step.title, step.line)
        enters = name
        sum = 0.0
        for way in ways[:-1]:
            sum += way.share_percent or 0
            when_so, looked = self._outcome(step, way, sum, since + (waits(step) or 0), name)
            enters = looked or enters
            label = way.label or way.words or "Yes"
            outcome = self.file.name(f"{label} {step.id} {when}")
            xml.rule(decision, outcome, label, targets[way.end], when_so)
        if ways:
            xml.connect(decision, "defaultConnector", targets[ways[-1].end])
        child(decision, "defaultConnectorLabel", (ways[-1].label if ways else "") or "Everybody else")
        return enters

    def _outcome(
        self, step: Step, way: Way, share: float, since: int, decision: str
    ) -> tuple[xml.Conditions, str | None]:
        """The conditions of a way, and the element that must come before the decision, if any."""
        if step.kind is StepKind.SPLIT and way.share_percent is not None:
            self._chance = True
            return xml.condition(CHANCE, "LessThan", {"numberValue": f"{share:g}"}), None
        if step.kind is StepKind.LANGUAGES and (held := self.fields.holding("language", self.entity)):
            self.asked[held.field] = None
            left = f"{PERSON}.{held.field}"
            return xml.condition(left, "StartsWith", {"stringValue": way.label[:2]}), None
        if step.kind is StepKind.WAIT_UNTIL and (event := awaited_event(way.condition)):
            found = self._look_for(step, event, since, decision)
            return xml.condition(f"{found}.Id", "IsNull", {"booleanValue": "false"}), found
        if way.condition is not None and (view := self.view(way.condition)) is not None:
            return self.conditions(view), None
        asked = way.words or way.label or "its condition"
        self.by_hand.append(f"{step.title}: {asked}")
        # Never so, until somebody puts the right condition here.
        return xml.condition(TO_DO, "EqualTo", {"stringValue": f"SET: {asked}"}), None

    def _look_for(self, step: Step, event: str, since: int, decision: str) -> str:
        """Look for the task of an awaited event, since the wait began."""
        formula = self.file.name(f"Since {step.id}")
        expression = f"{{!$Flow.CurrentDateTime}} - {since / _DAY:g}"
        self.file.resource("formulas", formula, dataType="DateTime", expression=expression)
        name = self.file.name(f"Look for {event}")
        made = self.file.node("recordLookups", name, f"Has {event} come?")
        child(made, "assignNullValuesIfNoRecordsFound", "false")
        child(made, "filterLogic", "and")
        filter_by(made, "WhoId", "EqualTo", {"elementReference": f"{PERSON}.Id"})
        filter_by(made, "cio_event_name__c", "EqualTo", {"stringValue": event})
        filter_by(made, "CreatedDate", "GreaterThanOrEqualTo", {"elementReference": formula})
        child(made, "getFirstRecordOnly", "true")
        child(made, "object", "Task")
        child(made, "storeOutputAutomatically", "true")
        xml.connect(made, "connector", decision)
        return name

    def goes(self, way: Way) -> str | None:
        """Where a way leads. No flow goes back: it would not end."""
        if way.back:
            self.lose("A way that leads back ends here: let the flow's trigger begin it again.")
            return None
        return self.journey.goes_on(way)

    def view(self, node: Node) -> Tree | Filter | None:
        """A condition as filters, where a flow has all its operators."""
        translator = Clauses(self.fields, self.entity)
        clause = translator.translate(node)
        if clause is None or clause.view is None or not xml.sayable(clause.view):
            return None
        for lost in translator.lost:
            self.lose(lost)
        return clause.view

    def conditions(self, view: Tree | Filter) -> xml.Conditions:
        """Return filters as conditions on the person."""
        self.asked |= dict.fromkeys(one.field for one in numbered(view)[0])
        return xml.conditions(view, PERSON)

    def lose(self, what: str) -> None:
        """Say once what a flow does not do."""
        if what not in self.lost:
            self.lost.append(what)

    def resources(self) -> None:
        """Add the variables and the formula that the elements look at."""
        flags = {"isCollection": "false", "isInput": "false", "isOutput": "false"}
        self.file.resource("variables", TO_DO, dataType="String", **flags)
        self.file.resource("variables", PERSON, dataType="SObject", objectType=SOBJECTS[self.entity], **flags)
        if self._chance:
            self.file.resource("formulas", CHANCE, dataType="Number", expression=_CHANCE, scale="2")


def filter_by(element: ET.Element, name: str, operator: str, value: xml.Value) -> None:
    """Add a filter to an element that looks for records."""
    line = ET.SubElement(element, "filters")
    child(line, "field", name)
    child(line, "operator", operator)
    xml.put(line, "value", value)


def _assign(element: ET.Element, name: str, value: xml.Value) -> None:
    line = ET.SubElement(element, "inputAssignments")
    child(line, "field", name)
    xml.put(line, "value", value)


def decides(step: Step) -> bool:
    """Whether a step has several ways out of it."""
    return step.kind in (StepKind.BRANCH, StepKind.SPLIT, StepKind.LANGUAGES, StepKind.WAIT_UNTIL)


def waits(step: Step) -> int | None:
    """How long people wait at a step, at most; None where they do not."""
    return step.seconds if step.kind in (StepKind.WAIT, StepKind.WAIT_UNTIL) and step.seconds else None
