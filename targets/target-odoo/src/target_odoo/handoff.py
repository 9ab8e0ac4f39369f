"""What to rebuild in Odoo: domains of contacts, saved filters, rules and jobs that are not active."""

from __future__ import annotations

from collections.abc import Mapping

from crmlift.handoff import words
from crmlift.handoff.advice import Advice, Exactness, Fields, Segment
from crmlift.handoff.conditions import Node
from crmlift.handoff.journey import Journey, Step, StepKind
from crmlift.handoff.outline import outline
from target_odoo import deeds, drafts
from target_odoo.deeds import OdooPeople
from target_odoo.domains import ENTITY, Domain, OdooDomain
from target_odoo.import_module import MODULE, module
from target_odoo.journeys import drafted, of_run
from target_odoo.kinds import EVENT

CRM = "Odoo"


class OdooAdvisor:
    """Translates for Odoo 17 and later."""

    crm = CRM

    def segment(self, segment: Segment, fields: Fields) -> Advice:
        """A domain and a saved filter, and rules or a scheduled action that keep a tag in step."""
        if segment.dynamic and fields.deeds(segment.tree):
            return _of_events(segment, fields)
        translator = OdooDomain(fields, ENTITY)
        found = translator.translate(segment.tree) if segment.dynamic and segment.tree else None
        if found is None:
            return _tagged(segment, fields, [])
        id, domain = f"segment_{segment.id}", translator.all_of([*_people(fields), found])
        files = {"automation.xml": drafts.tag_rules(id, segment.name, domain)}
        steps = [
            "automation.xml has two rules, not active: they put the tag on and take it off "
            "when a contact changes. Look at them, then switch them on."
        ]
        return _advice(segment, translator.exactness, translator.lost, domain, steps, files)

    def journey(self, journey: Journey, fields: Fields) -> Advice:
        """Automation rules that do the journey together, not active, and its outline."""
        translator = OdooDomain(fields, ENTITY)
        trigger = journey.trigger
        condition = translator.translate(trigger.condition) if trigger.condition else None
        filters = translator.translate(trigger.filters) if trigger.filters else None
        parts = [part for part in (condition, filters) if part is not None]
        domain = translator.all_of([*_people(fields), *parts]) if parts else None
        begins = _begins(journey, domain)
        lines = outline(journey, begins, _step, lambda node: _branch(node, fields))
        artefacts: dict[str, str] = {}
        begins_with = deeds.event_rules(fields) if trigger.event else domain
        if begins_with and journey.steps and not trigger.by_call:
            start = _on_event(trigger.event, domain) if trigger.event else domain or []
            draft = drafted(journey, fields, start, on_event=bool(trigger.event))
            artefacts["automation.xml"] = draft.text
            for lost in draft.lost:
                translator.lose(lost)
            translator.lose("Odoo runs rules by time about every hour: a wait may last that much longer.")
            if draft.by_hand:
                translator.lose(f"Steps that do nothing before you fill them in: {'; '.join(draft.by_hand)}.")
        if len(journey.exits) > len(journey.exit_conditions):
            translator.lose(f"Who leaves early ({'; '.join(journey.exits)}) is not in the rules as a whole.")
        known = journey.drawn != "messages only" and "automation.xml" in artefacts
        return Advice(
            crm=CRM,
            exactness=Exactness.PARTIAL if known else Exactness.BY_HAND,
            lost=[*([] if journey.drawn == "graph" else [journey.statement]), *translator.lost],
            steps=lines,
            artefacts=artefacts,
        )

    def package(self, artefacts: Mapping[str, Mapping[str, str]]) -> dict[str, bytes]:
        """All data files as one module, for Apps, Import Module; uninstalling it removes them again."""
        files = {
            f"{item}.{name}": text
            for item, named in artefacts.items()
            for name, text in named.items()
            if name.endswith(".xml")
        }
        return {f"{MODULE}.zip": module(files)} if files else {}


def _of_events(segment: Segment, fields: Fields) -> Advice:
    """A segment of what people did: a scheduled action counts, and a tag holds the result."""
    people = OdooPeople(fields)
    found = people.translate(segment.tree) if segment.tree else None
    if found is None:
        return _tagged(segment, fields, people.lost)
    code = deeds.code(found, OdooDomain(fields, ENTITY).all_of(_people(fields)))
    files = {"schedule.xml": drafts.tag_job(f"segment_{segment.id}", segment.name, code)}
    steps = [
        "schedule.xml has a scheduled action, not active, that counts the events every day and gives the tag "
        "to whom the rule picks, and to nobody else. Look at it, then switch it on (Odoo 17: with -1 calls).",
        f"It counts what was loaded, and what your application goes on to write to the model {EVENT}.",
    ]
    return _advice(segment, people.exactness, people.lost, _tag(segment, fields)[0], steps, files)


def _tagged(segment: Segment, fields: Fields, lost: list[str]) -> Advice:
    """A segment whose people are known by its tag alone."""
    domain, more = _tag(segment, fields)
    exactness = Exactness.PARTIAL if more else Exactness.EXACT
    if segment.dynamic or domain is None:
        exactness = Exactness.BY_HAND
    steps = []
    if domain is not None:
        steps.append(f"The tag “{segment.name}” is on those who were in it when it was loaded.")
    if segment.dynamic:
        steps.append("Build a filter of your own under Contacts, and save it as a favourite.")
        steps += [f"By hand: {words.condition(did)}." for did in fields.deeds(segment.tree)]
    else:
        steps.append("People were put in by hand in Customer.io: put the tag on by hand in Odoo.")
    lost = [*lost, *(one for one in more if one not in lost)]
    return _advice(segment, exactness, lost, domain, steps, {})


def _tag(segment: Segment, fields: Fields) -> tuple[Domain | None, list[str]]:
    """The domain of those who have a segment's tag, and what that loses."""
    translator = OdooDomain(fields, ENTITY)
    found = translator.members(segment)
    return None if found is None else translator.all_of([*_people(fields), found]), translator.lost


def _advice(
    segment: Segment,
    exactness: Exactness,
    lost: list[str],
    domain: Domain | None,
    steps: list[str],
    files: dict[str, str],
) -> Advice:
    """The advice on a segment, with its domain as a favourite where there is one."""
    if domain is not None:
        name = f"Customer.io: {segment.name}"
        favourite = drafts.saved_filter(f"segment_{segment.id}", name, domain)
        files = {"domain.txt": f"{domain!r}\n", "filter.xml": favourite, **files}
        steps = [*steps, "Import filter.xml, or paste domain.txt as a custom filter (developer mode)."]
    return Advice(crm=CRM, exactness=exactness, lost=lost, steps=steps, artefacts=files)


def _on_event(event: str, domain: Domain | None) -> Domain:
    """Events of a name whose contact is in a domain."""
    named: Domain = [("x_name", "=", event), ("x_type", "=", "event")]
    return ["&", *named] if domain is None else ["&", "&", *named, *of_run(domain)]


def _people(fields: Fields) -> list[Domain]:
    """Contacts that are people and came from Customer.io; companies are contacts, too."""
    id = fields.holding("cio_id", ENTITY)
    return [[("is_company", "=", False)], *([[(id.field, "!=", False)]] if id else [])]


def _branch(node: Node, fields: Fields) -> str | None:
    translator = OdooDomain(fields, ENTITY)
    found = translator.translate(node)
    return f"domain {found!r}" if found is not None and not translator.lost else None


def _begins(journey: Journey, domain: Domain | None) -> str:
    trigger = journey.trigger
    if trigger.event:
        return (
            f"Begins with the event {trigger.event}. Let your application write it to the model {EVENT}; "
            "the rule runs when a record is created."
        )
    if trigger.by_call:
        whom = f" to the contacts of {domain!r}" if domain is not None else ""
        return f"Begins with a call of the API: let what calls it send a mailing{whom}."
    if domain is not None:
        return f"Begins when a contact is saved that meets {domain!r}: an automation rule of that domain."
    return f"Begins with {trigger.words}: choose the trigger by hand."


_STEPS = {
    StepKind.WINDOW: "Marketing Automation has no hours of the day: set them in the mailing's schedule",
    StepKind.WAIT_UNTIL: "a rule for what is awaited, and one by time",
    StepKind.BRANCH: "one rule for each way, with its domain",
    StepKind.LANGUAGES: "one template, translated: Odoo chooses by the contact's language",
    StepKind.SPLIT: "code that takes the runs in turn; for mailings alone, an A/B test",
    StepKind.UPDATE: "action “Update Record”",
    StepKind.SEGMENT: "action “Update Record” that puts the tag on or takes it off",
    StepKind.EVENT: f"action “Create Record” in {EVENT}",
    StepKind.DATA: "by hand: Odoo has no such step",
    StepKind.GATE: "the rule's own domain",
    StepKind.EXIT: "nothing to do",
    StepKind.UNKNOWN: "by hand: what it does is not known",
}
_MESSAGES = {
    "email": "action “Send Email” with a template",
    "SMS": "action “Send SMS” (paid by Odoo's credits)",
    "webhook": "action “Send Webhook Notification”",
    "WhatsApp": "action “Send WhatsApp” (Enterprise)",
}


def _step(step: Step) -> str:
    """A step, and what does it in Odoo."""
    if step.kind is StepKind.MESSAGE:
        return f"{step.line}: {_MESSAGES.get(step.channel or '', f'Odoo has no channel for {step.channel}')}"
    if step.kind is StepKind.WAIT:
        return f"{step.line}: a rule by time (in Marketing Automation, a delay)"
    return f"{step.line}: {_STEPS[step.kind]}"
