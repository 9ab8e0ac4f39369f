"""What to rebuild in Salesforce: queries, list views and report filters, flows that are drafts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crmlift.handoff import words
from crmlift.handoff.advice import Advice, Exactness, Fields, Segment
from crmlift.handoff.conditions import Did
from crmlift.handoff.journey import Journey, Step, StepKind
from crmlift.handoff.outline import outline
from target_salesforce import list_views
from target_salesforce.clauses import SOBJECTS, Clause, Clauses, Filter, Tree
from target_salesforce.flow_file import sayable
from target_salesforce.journeys import MOST_PATHS, draft, waits_of
from target_salesforce.package import PACKAGE, package
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
                artefacts[f"{entity}.filters.txt"] = list_views.lines(clause.view)
                name = list_views.full_name("segment", segment.id)
                if xml := list_views.list_view(name, segment.name, clause.view):
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
            steps += _cross_filter(did)
        exactness = Exactness.PARTIAL if lost else Exactness.EXACT
        if isinstance(segment.tree, Did):
            exactness = Exactness.PARTIAL  # one query says it, but for what is lost
        elif not found or told:
            exactness = Exactness.BY_HAND
        return Advice(crm=CRM, exactness=exactness, lost=lost, steps=steps, artefacts=artefacts)

    def journey(self, journey: Journey, fields: Fields) -> Advice:
        """Flows that do the journey as far as Sales Cloud can, as drafts, and an outline."""
        lost = [] if journey.drawn == "graph" else [journey.statement]
        by_hand: dict[str, None] = {}
        artefacts: dict[str, str] = {}
        for entity in _entities(fields):
            begins = _trigger(journey, Clauses(fields, entity), lost)
            if begins is None or not sayable(begins, list_views.MOST_FILTERS) or not journey.steps:
                continue
            made = draft(journey, fields, entity, f"Customer.io {journey.name} ({entity})", begins)
            for part, text in enumerate(made.texts, 1):
                more = (entity, str(part)) if part > 1 else (entity,)
                artefacts[f"{list_views.full_name('journey', journey.id, *more)}.flow-meta.xml"] = text
            lost += made.lost
            by_hand |= dict.fromkeys(made.by_hand)
        lost.append("Sales Cloud limits email alerts, and has no SMS or push: Flow is no marketing tool.")
        if by_hand:
            named = "; ".join(_in_order(by_hand, journey))
            lost.append(f"Steps that do nothing before you fill them in: {named}.")
        lost += _limits(journey)
        known = bool(artefacts) and journey.drawn != "messages only"
        return Advice(
            crm=CRM,
            exactness=Exactness.PARTIAL if known else Exactness.BY_HAND,
            lost=list(dict.fromkeys(lost)),
            steps=outline(journey, _begins(journey, artefacts), _step, lambda _node: None),
            artefacts=artefacts,
        )

    def package(self, artefacts: Mapping[str, Mapping[str, str]]) -> dict[str, bytes]:
        """All flows and list views as a package to deploy."""
        found = package(one for named in artefacts.values() for one in named.items())
        return {PACKAGE: found} if found else {}


def _in_order(by_hand: Iterable[str], journey: Journey) -> list[str]:
    """Sort what begins with the title of a step as the steps are."""
    titles = [step.title for step in journey.steps]
    return sorted(by_hand, key=lambda one: next((n for n, t in enumerate(titles) if one.startswith(t)), -1))


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
        where.append(f"cio_sent_at__c = LAST_N_DAYS:{_days(did.within_seconds)}")
        lost.append(f"“{words.condition(did)}” is counted in whole days.")
    if did.filters is not None:
        lost.append(f"“{words.condition(did.filters)}” is in a long text, which no query looks into.")
    having = f" HAVING COUNT(Id) >= {did.times}" if did.times > 1 else ""
    return f"SELECT WhoId, COUNT(Id) FROM Task WHERE {' AND '.join(where)} GROUP BY WhoId{having}"


def _cross_filter(did: Did) -> list[str]:
    """How a report says that somebody did something at all: it cannot count, nor look into long texts."""
    if did.times > 1 or did.filters is not None or did.change:
        return []
    since = (
        f" and Sent at greater or equal LAST {_days(did.within_seconds)} DAYS" if did.within_seconds else ""
    )
    return [
        f"In a report, “{words.condition(did)}” is a cross filter: leads (or contacts) with activities, "
        f"whose Customer.io event equals {did.event}{since}; without activities, for those who did not."
    ]


def _days(seconds: int) -> int:
    return max(1, round(seconds / _DAY))


def _trigger(journey: Journey, translator: Clauses, lost: list[str]) -> Tree | Filter | None:
    """The filters of the record that begins a journey: a task for an event, else a person; no call does."""
    if journey.trigger.by_call:
        return None
    if journey.trigger.event:
        return Filter("cio_event_name__c", "equals", journey.trigger.event)
    nodes = [node for node in (journey.trigger.condition, journey.trigger.filters) if node is not None]
    parts = [clause for node in nodes if (clause := translator.translate(node)) is not None]
    lost += translator.lost
    return translator.all_of([*_ours(translator), *parts]).view if parts else None


def _limits(journey: Journey) -> list[str]:
    """What no flow of a journey does."""
    kinds = {step.kind for step in journey.steps}
    said = []
    if kinds & {StepKind.WAIT, StepKind.WAIT_UNTIL}:
        said.append(
            "After a wait, conditions before it are looked at again: who no longer meets them does not go on."
        )
    if StepKind.WAIT_UNTIL in kinds:
        said.append("What is awaited is looked for when its time is over, not when it happens.")
    if StepKind.SPLIT in kinds:
        said.append("A random split goes by the last characters of the record's id.")
    if len(waits_of(journey)) > MOST_PATHS:
        said.append(f"A flow has at most {MOST_PATHS} scheduled paths: later waits are flows of their own.")
    if journey.again is False and not journey.trigger.event:
        said.append("Who meets the trigger a second time enters again.")
    if len(journey.exits) > len(journey.exit_conditions):
        said.append(f"Who leaves early ({'; '.join(journey.exits)}) is not looked at as a whole.")
    elif journey.exits:
        said.append("Who is to leave early is looked at after each wait only.")
    return said


def _begins(journey: Journey, artefacts: Mapping[str, str]) -> str:
    if not artefacts:
        return f"Choose by hand what begins it, which was: {journey.trigger.words}."
    name = ", ".join(artefacts)
    if journey.trigger.event:
        return (
            f"Begins with the event {journey.trigger.event}: let your application write it as a task. "
            f"Drafts to deploy, which run when such a task is created: {name}."
        )
    return f"Begins when a record is saved that meets the trigger. Drafts to deploy: {name}."


_STEPS = {
    StepKind.WAIT: "scheduled path",
    StepKind.WINDOW: "scheduled path; Flow has no hours of the day, so let a formula find the next",
    StepKind.WAIT_UNTIL: "scheduled path that looks for what was awaited",
    StepKind.BRANCH: "Decision element, one outcome for each way",
    StepKind.LANGUAGES: "Decision element by the language of the record",
    StepKind.SPLIT: "Decision element by a formula over the record's id",
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
