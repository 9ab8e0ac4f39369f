"""What to rebuild in Odoo: domains of contacts, saved filters, automation rules that are not active."""

from __future__ import annotations

from crmlift.handoff import words
from crmlift.handoff.advice import Advice, Exactness, Fields, Segment
from crmlift.handoff.conditions import Did, Node
from crmlift.handoff.journey import Journey, Step, StepKind
from crmlift.handoff.outline import outline
from target_odoo import drafts
from target_odoo.domains import ENTITY, Domain, OdooDomain
from target_odoo.kinds import EVENT

CRM = "Odoo"


class OdooAdvisor:
    """Translates for Odoo 17 and later."""

    crm = CRM

    def segment(self, segment: Segment, fields: Fields) -> Advice:
        """A domain, a saved filter, and automation rules that keep a tag in step."""
        translator = OdooDomain(fields, ENTITY)
        found = translator.translate(segment.tree) if segment.dynamic and segment.tree else None
        exactness = translator.exactness
        steps = []
        if found is None:
            found = translator.members(segment)
            exactness = Exactness.BY_HAND if segment.dynamic or found is None else translator.exactness
            if found is not None:
                steps.append(f"The tag “{segment.name}” is on those who were in it when it was loaded.")
            if segment.dynamic:
                steps.append("Build a filter of your own under Contacts, and save it as a favourite.")
            else:
                steps.append("People were put in by hand in Customer.io: put the tag on by hand in Odoo.")
        for did in fields.deeds(segment.tree):
            steps.append(
                f"For “{words.condition(did)}”, let a scheduled action search the model {EVENT} by "
                f"{event_domain(did)} and tag the contacts. Only events that were loaded, and those that "
                "your application goes on to write, are in it."
            )
        artefacts: dict[str, str] = {}
        if found is not None:
            domain = translator.all_of([*_people(fields), found])
            name = f"Customer.io: {segment.name}"
            artefacts["domain.txt"] = f"{domain!r}\n"
            artefacts["filter.xml"] = drafts.saved_filter(f"segment_{segment.id}", name, domain)
            steps.append("Import filter.xml, or paste domain.txt as a custom filter (developer mode).")
            if segment.dynamic and exactness is not Exactness.BY_HAND:
                artefacts["automation.xml"] = drafts.tag_rules(f"segment_{segment.id}", segment.name, domain)
                steps.append(
                    "automation.xml has two rules, not active: they put the tag on and take it off "
                    "when a contact changes. Look at them, then switch them on."
                )
        return Advice(crm=CRM, exactness=exactness, lost=translator.lost, steps=steps, artefacts=artefacts)

    def journey(self, journey: Journey, fields: Fields) -> Advice:
        """An outline for automation rules or Marketing Automation; the rule that begins it, not active."""
        translator = OdooDomain(fields, ENTITY)
        trigger = journey.trigger
        condition = translator.translate(trigger.condition) if trigger.condition else None
        filters = translator.translate(trigger.filters) if trigger.filters else None
        parts = [part for part in (condition, filters) if part is not None]
        domain = translator.all_of([*_people(fields), *parts]) if parts else None
        begins = _begins(journey, domain)
        translator.lose(
            "Automation rules do not remember who is where: waits and branches need Marketing Automation "
            "(Enterprise), or rules that look at dates and tags."
        )
        if trigger.event and domain is not None:
            translator.lose(
                f"The rule watches events: let its action go on only where the contact meets {domain!r}."
            )
        if journey.again is False:
            translator.lose("Nobody enters twice: put a tag on who entered, and leave those out.")
        if journey.exits:
            translator.lose(f"Who leaves early ({'; '.join(journey.exits)}) must be left out by each step.")
        lines = outline(journey, _step, lambda node: _branch(node, fields))
        artefacts: dict[str, str] = {}
        if domain is not None or trigger.event:
            artefacts["automation.xml"] = drafts.journey_rule(journey, domain, trigger.event, lines)
        known = journey.drawn != "messages only" and "automation.xml" in artefacts
        return Advice(
            crm=CRM,
            exactness=Exactness.PARTIAL if known else Exactness.BY_HAND,
            lost=[*([] if journey.drawn == "graph" else [journey.statement]), *translator.lost],
            steps=[begins, *lines],
            artefacts=artefacts,
        )


def event_domain(did: Did) -> Domain:
    """Return the domain of the loaded events that count, its window aside."""
    return [("x_name", "=", did.event), ("x_type", "=", "attribute_change" if did.change else "event")]


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
    if domain is not None:
        return f"Begins when a contact is saved that meets {domain!r}: an automation rule of that domain."
    return f"Begins with {trigger.words}: choose the trigger by hand."


_STEPS = {
    StepKind.WINDOW: "Marketing Automation has no hours of the day: set them in the mailing's schedule",
    StepKind.WAIT_UNTIL: "a time-based rule on a date that the awaited thing sets",
    StepKind.BRANCH: "one rule (or activity filter) for each way",
    StepKind.LANGUAGES: "one template, translated: Odoo chooses by the contact's language",
    StepKind.SPLIT: "A/B test of a mailing, or a rule that looks at a random number in a field",
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
        return f"{step.line}: delay of an activity in Marketing Automation, or a time-based rule"
    return f"{step.line}: {_STEPS[step.kind]}"
