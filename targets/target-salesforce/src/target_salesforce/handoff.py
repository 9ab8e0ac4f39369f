"""What to rebuild in Salesforce: filters of leads and contacts as SOQL, journeys as an outline for Flow."""

from __future__ import annotations

from crmlift.handoff import words
from crmlift.handoff.advice import Advice, Exactness, Fields, Held, Segment
from crmlift.handoff.conditions import All, AnyOf, Compare, InSegment, Node, Not
from crmlift.handoff.journey import Journey, Step, StepKind
from crmlift.handoff.outline import outline
from target_salesforce.entities import ENTITIES
from target_salesforce.soql import quoted

CRM = "Salesforce"
PEOPLE = ("lead", "contact")
_LONG = ("json", "html")
_COMPARED = {"eq": "=", "!eq": "!=", "gt": ">", "lt": "<"}
_STEPS = {
    StepKind.WAIT: "element “Wait for Amount of Time”, or a scheduled path",
    StepKind.WINDOW: "element “Wait Until Date”; Flow has no hours of the day",
    StepKind.WAIT_UNTIL: "element “Wait for Conditions”",
    StepKind.BRANCH: "element “Decision”, an outcome for each way",
    StepKind.LANGUAGES: "element “Decision” by the language field, a template for each",
    StepKind.SPLIT: "element “Decision” by a formula over RAND() that is kept in a field",
    StepKind.UPDATE: "element “Update Records”",
    StepKind.SEGMENT: "element “Create Records” or “Delete Records” of CampaignMember",
    StepKind.EVENT: "element “Create Records” of Task",
    StepKind.DATA: "by hand: Flow has no such step",
    StepKind.GATE: "the entry conditions of the flow's start",
    StepKind.EXIT: "nothing to do",
    StepKind.UNKNOWN: "by hand: what it does is not known",
}
_MESSAGES = {
    "email": "action “Send Email” with an email template",
    "webhook": "an outbound message, or an HTTP callout",
}


class SalesforceAdvisor:
    """Translates for Sales Cloud."""

    crm = CRM

    def segment(self, segment: Segment, fields: Fields) -> Advice:
        """A query of leads and one of contacts, for reports that a campaign is filled from."""
        steps = []
        if segment.listed:
            steps.append(f"The campaign “{segment.name}” holds those who were members when it was loaded.")
        lost: list[str] = []
        artefacts: dict[str, str] = {}
        if segment.dynamic and segment.tree is not None:
            for entity in PEOPLE:
                translator = _Soql(fields, entity)
                where = translator.where(segment.tree)
                lost += [one for one in translator.lost if one not in lost]
                if where is not None:
                    sobject = ENTITIES[entity].sobject
                    artefacts[f"{entity}s.soql"] = f"SELECT Id, Name, Email FROM {sobject} WHERE {where}\n"
        if artefacts:
            steps.append(
                "Make a report of leads and one of contacts with the filters of the SOQL files, and add "
                "their people to the campaign (“Add to Campaign”) on a schedule of your own."
            )
        elif segment.dynamic:
            steps.append("Build a report by hand, and add its people to the campaign.")
        else:
            steps.append("People were put in by hand in Customer.io: add members to the campaign by hand.")
        exactness = Exactness.PARTIAL if artefacts else Exactness.BY_HAND
        return Advice(crm=CRM, exactness=exactness, lost=lost, steps=steps, artefacts=artefacts)

    def journey(self, journey: Journey, fields: Fields) -> Advice:
        """An outline for a flow; nothing to deploy: a draft that only looks finished is worse than none."""
        lost = [] if journey.drawn == "graph" else [journey.statement]
        if journey.again is not False:
            lost.append(
                "A flow starts for a record as often as its trigger fires; limit it by a field if need be."
            )
        if journey.exits:
            lost.append(f"Who leaves early ({'; '.join(journey.exits)}) must be looked for before each step.")
        lines = outline(journey, _step, lambda node: _branch(node, fields))
        text = "".join(f"{number}. {line}\n" for number, line in enumerate(lines, 1))
        artefacts = {"outline.txt": text} if lines else {}
        steps = [
            _begins(journey, fields),
            *lines,
            "Save it inactive; try it with a record of your own first.",
        ]
        known = journey.drawn != "messages only" and bool(lines)
        exactness = Exactness.PARTIAL if known else Exactness.BY_HAND
        return Advice(crm=CRM, exactness=exactness, lost=lost, steps=steps, artefacts=artefacts)


class _Soql:
    """Conditions over the fields of one entity; `lost` says what cannot be asked."""

    def __init__(self, fields: Fields, entity: str) -> None:
        self._fields = fields
        self._entity = entity
        self.lost: list[str] = []

    def where(self, node: Node) -> str | None:
        """Return a condition, or None where a part has none: half a filter finds the wrong people."""
        match node:
            case All() | AnyOf():
                parts = [self.where(one) for one in node.of]
                found = [part for part in parts if part is not None]
                if len(found) < len(parts) or not found:
                    return None
                word = " AND " if isinstance(node, All) else " OR "
                return found[0] if len(found) == 1 else f"({word.join(found)})"
            case Not():
                inner = self.where(node.of)
                return None if inner is None else f"(NOT {inner})"
            case InSegment():
                key = quoted(f"segment-{node.id}")[1:-1]
                link = "LeadId" if self._entity == "lead" else "ContactId"
                self.lose("Membership of another segment is that of its campaign, as it was loaded.")
                member = (
                    f"SELECT {link} FROM CampaignMember WHERE Campaign.cio_key__c LIKE '%:campaign:{key}'"
                )
                return f"Id IN ({member})"
            case Compare() if node.owner == "person":
                return self._compare(node)
            case _:
                self.lose(f"“{words.condition(node)}” cannot be asked in a filter of people.")
                return None

    def lose(self, text: str) -> None:
        """Note what a translation does not do, once."""
        if text not in self.lost:
            self.lost.append(text)

    def _compare(self, test: Compare) -> str | None:
        held = self._fields.holding(test.field, self._entity)
        if held is None or (held.spec.custom and held.spec.custom.type in _LONG):
            self.lose(f"No field that can be filtered holds “{test.field}” on a {self._entity}.")
            return None
        found = _test(test, held)
        if found is None:
            self.lose(f"“{words.condition(test)}” has no counterpart in SOQL.")
        elif test.operator in ("eq", "!eq", "contains", "!contains"):
            self.lose("Salesforce compares text without its case.")
        return found


def _test(test: Compare, held: Held) -> str | None:
    name, value = held.field, test.value
    match test.operator:
        case "exists":
            return f"{name} != null"
        case "!exists":
            return f"{name} = null"
        case "contains" | "!contains" if isinstance(value, str):
            pattern = quoted(value)[1:-1].replace("_", "\\_").replace("%", "\\%")
            like = f"{name} LIKE '%{pattern}%'"
            return like if test.operator == "contains" else f"(NOT {like})"
        case operator if operator in _COMPARED and (literal := _literal(value, held)) is not None:
            return f"{name} {_COMPARED[operator]} {literal}"
        case _:
            return None


def _literal(value: object, held: Held) -> str | None:
    if held.conversion == "boolean":
        return str(value).lower() if str(value).lower() in ("true", "false") else None
    if held.conversion in ("integer", "number"):
        try:
            return f"{float(str(value)):g}"
        except ValueError:
            return None
    if held.conversion in ("date", "datetime") or value is None:
        return None
    return quoted(words.plain(value))


def _begins(journey: Journey, fields: Fields) -> str:
    trigger = journey.trigger
    if trigger.event:
        return (
            f"Begins with the event {trigger.event}: a record-triggered flow on Task whose subject is "
            f"{trigger.event}, once your application goes on to write such tasks."
        )
    if trigger.condition is not None and (where := _branch(trigger.condition, fields)):
        return f"Begins when a record meets {where}: a record-triggered flow, “only when updated to meet”."
    return f"Begins with {trigger.words}: choose the trigger by hand."


def _branch(node: Node, fields: Fields) -> str | None:
    found = [where for entity in PEOPLE if (where := _Soql(fields, entity).where(node))]
    return " or, for contacts, ".join(dict.fromkeys(found)) or None


def _step(step: Step) -> str:
    """A step, and what does it in Flow."""
    said = step.title if step.title == step.words or not step.words else f"{step.title}: {step.words}"
    if step.kind is StepKind.MESSAGE:
        return (
            f"{said}: {_MESSAGES.get(step.channel or '', f'Sales Cloud has no channel for {step.channel}')}"
        )
    return f"{said}: {_STEPS[step.kind]}"
