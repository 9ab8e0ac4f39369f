"""What to rebuild in Salesforce: queries, list views and report filters, flows that are drafts."""

from __future__ import annotations

from collections.abc import Mapping

from crmlift.handoff import words
from crmlift.handoff.advice import Advice, Exactness, Fields, Segment
from crmlift.handoff.conditions import Did
from crmlift.handoff.journey import Journey, Step, StepKind
from crmlift.handoff.outline import outline
from target_salesforce import flows
from target_salesforce.clauses import SOBJECTS, Clause, Clauses, Filter
from target_salesforce.soql import quoted

CRM = "Salesforce"
_DAY = 86_400


class SalesforceAdvisor:
    """Translates for Sales Cloud, where people are leads and contacts."""

    crm = CRM

    def segment(self, segment: Segment, fields: Fields) -> Advice:
        """A query for leads and one for contacts, their list views, and campaigns for lists made by hand."""
        found, lost, told = _clauses(segment, fields)
        artefacts: dict[str, str] = {}
        for entity, clause in found.items():
            artefacts[f"{entity}.soql"] = f"{_query(entity, clause, fields)}\n"
            if clause.view is not None:
                artefacts[f"{entity}.filters.txt"] = flows.lines(clause.view)
                name = flows.full_name("segment", segment.id)
                if xml := flows.list_view(name, segment.name, clause.view):
                    artefacts[f"{SOBJECTS[entity]}.object-meta.xml"] = xml
        steps = []
        if not segment.dynamic:
            steps.append("The campaign of this name has its people as members; add new ones by hand.")
        elif not found or told:
            steps.append("The campaign of this name has those of the export as members; nobody follows.")
        if any(name.endswith("filters.txt") for name in artefacts):
            steps.append("Enter filters.txt in a list view, or in a report of leads, and one of contacts.")
            steps.append("Where there is an object file, deploy it: it adds the list view and nothing else.")
        for n, did in enumerate(fields.deeds(segment.tree), 1):
            artefacts[f"people-{n}.soql"] = f"{_tasks(did, lost)}\n"
            steps.append(
                f"people-{n}.soql lists who “{words.condition(did)}”, of the tasks that were loaded: "
                "no query takes tasks inside another, so let a scheduled flow put them in the campaign."
            )
        exactness = Exactness.PARTIAL if lost else Exactness.EXACT
        if not found or told:
            exactness = Exactness.BY_HAND
        return Advice(crm=CRM, exactness=exactness, lost=lost, steps=steps, artefacts=artefacts)

    def journey(self, journey: Journey, fields: Fields) -> Advice:
        """An outline for Flow, and flows that begin it as drafts."""
        said = outline(journey, _step, lambda _node: None)
        lost = [] if journey.drawn == "graph" else [journey.statement]
        artefacts: dict[str, str] = {}
        if journey.trigger.event:
            view = Filter("cio_event_name__c", "equals", journey.trigger.event)
            if journey.trigger.condition or journey.trigger.filters:
                lost.append(f"The draft runs for every such event; it is to check: {journey.trigger.words}.")
            if xml := flows.flow(f"Customer.io {journey.name}", "Task", view, said):
                artefacts[f"{flows.full_name('journey', journey.id)}.flow-meta.xml"] = xml
        else:
            for entity in _entities(fields):
                clause = _trigger(journey, Clauses(fields, entity), lost)
                label = f"Customer.io {journey.name} ({entity})"
                xml = flows.flow(label, SOBJECTS[entity], clause.view if clause else None, said)
                if xml:
                    artefacts[f"{flows.full_name('journey', journey.id, entity)}.flow-meta.xml"] = xml
        lost.append("Sales Cloud limits email alerts, and has no SMS or push: Flow is no marketing tool.")
        if any(step.kind is StepKind.SPLIT for step in journey.steps):
            lost.append("Flow has no random split.")
        if journey.exits:
            lost.append(f"Who leaves early ({'; '.join(journey.exits)}) must be left out by each element.")
        known = bool(artefacts) and journey.drawn != "messages only"
        return Advice(
            crm=CRM,
            exactness=Exactness.PARTIAL if known else Exactness.BY_HAND,
            lost=list(dict.fromkeys(lost)),
            steps=[_begins(journey, artefacts), *said],
            artefacts=artefacts,
        )

    def package(self, artefacts: Mapping[str, Mapping[str, str]]) -> dict[str, bytes]:
        """Nothing yet."""
        del artefacts
        return {}


def _entities(fields: Fields) -> list[str]:
    return [entity for entity in fields.entities() if entity in SOBJECTS]


def _clauses(segment: Segment, fields: Fields) -> tuple[dict[str, Clause], list[str], bool]:
    """A clause for each kind of people, what is lost, and whether it is members instead of a rule."""
    found: dict[str, Clause] = {}
    lost: dict[str, None] = {}
    snapshot = False
    for entity in _entities(fields):
        translator = Clauses(fields, entity)
        clause = translator.translate(segment.tree) if segment.dynamic and segment.tree else None
        if clause is None:
            clause = translator.members(segment)
            snapshot |= segment.dynamic
        if clause is not None:
            found[entity] = translator.all_of([*_ours(translator), clause])
        lost |= dict.fromkeys(translator.lost)
    return found, list(lost), snapshot


def _query(entity: str, clause: Clause, fields: Fields) -> str:
    """A query for the people of one kind; a converted lead is a contact."""
    id = fields.holding("cio_id", entity)
    open_lead = "IsConverted = false AND " if entity == "lead" else ""
    columns = ", ".join(["Id", *([id.field] if id else [])])
    return f"SELECT {columns} FROM {SOBJECTS[entity]} WHERE {open_lead}{clause.soql}"


def _ours(translator: Clauses) -> list[Clause]:
    """Only people who came from Customer.io."""
    id = translator.fields.holding("cio_id", translator.entity)
    return [translator.filled(id)] if id else []


def _tasks(did: Did, lost: list[str]) -> str:
    """Who did something often enough, by the tasks that events became."""
    where = [f"cio_event_name__c = {quoted(did.event)}"]
    where.append(f"cio_event_type__c = '{'attribute_change' if did.change else 'event'}'")
    if did.within_seconds:
        days = max(1, round(did.within_seconds / _DAY))
        where.append(f"cio_sent_at__c = LAST_N_DAYS:{days}")
        lost.append(f"“{words.condition(did)}” is counted in whole days.")
    if did.filters is not None:
        lost.append(f"“{words.condition(did.filters)}” is in a long text, which no query looks into.")
    having = f" HAVING COUNT(Id) >= {did.times}" if did.times > 1 else ""
    return f"SELECT WhoId, COUNT(Id) FROM Task WHERE {' AND '.join(where)} GROUP BY WhoId{having}"


def _trigger(journey: Journey, translator: Clauses, lost: list[str]) -> Clause | None:
    """What lets people in, and their filters."""
    nodes = [node for node in (journey.trigger.condition, journey.trigger.filters) if node is not None]
    parts = [clause for node in nodes if (clause := translator.translate(node)) is not None]
    lost += translator.lost
    return translator.all_of([*_ours(translator), *parts]) if parts else None


def _begins(journey: Journey, artefacts: Mapping[str, str]) -> str:
    if not artefacts:
        return f"Begins with {journey.trigger.words}: choose the trigger by hand."
    name = " and ".join(artefacts)
    if journey.trigger.event:
        return (
            f"Begins with the event {journey.trigger.event}: let your application write it as a task. "
            f"Deploy {name}, a draft that runs when such a task is created."
        )
    return f"Begins when a record is saved that meets the trigger: deploy {name}, which is a draft."


_STEPS = {
    StepKind.WAIT: "scheduled path, or a Wait element",
    StepKind.WINDOW: "scheduled path; Flow has no hours of the day, so let a formula find the next",
    StepKind.WAIT_UNTIL: "Wait element for a platform event or a field, with a time at most",
    StepKind.BRANCH: "Decision element, one outcome for each way",
    StepKind.LANGUAGES: "Decision element by the language of the record",
    StepKind.SPLIT: "by hand: a formula over a random field",
    StepKind.UPDATE: "Update Records element",
    StepKind.SEGMENT: "Create or Delete Records element for a campaign member",
    StepKind.EVENT: "Create Records element for a task, or a platform event",
    StepKind.DATA: "by hand: Flow has no such step",
    StepKind.GATE: "entry conditions of the flow",
    StepKind.EXIT: "end of the path",
    StepKind.UNKNOWN: "by hand: what it does is not known",
}


def _step(step: Step) -> str:
    """A step, and what does it in Flow."""
    if step.kind is StepKind.MESSAGE:
        if step.channel == "email":
            return f"{step.line}: Send Email action with a template"
        if step.channel == "webhook":
            return f"{step.line}: HTTP callout (External Services)"
        return f"{step.line}: Sales Cloud has no channel for {step.channel}"
    return f"{step.line}: {_STEPS[step.kind]}"
