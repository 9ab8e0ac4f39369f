"""What else a map has to decide, with the numbers of the profile: split, accounts, duplicates, events.

Suggestions are never written as rules: they stand in the mapping as comments and in `--json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import orjson

from crmlift.destination import FieldType
from crmlift.mapping.model import Mapping, Rule
from crmlift.propose.fieldnames import FieldNames
from crmlift.propose.lines import Line
from crmlift.propose.mapped import named
from crmlift.propose.types import type_of
from crmlift.scope.model import Event, Profile, Property

_MOSTLY_EMPTY = 0.8
_SHOWN_EVENTS = 3
_MOST_EVIDENCE = 20


@dataclass(slots=True)
class Suggestion:
    """`yaml` is what to put under `where` in the mapping; empty where nothing needs to be put anywhere."""

    topic: str
    text: str
    evidence: list[str]
    where: str = ""
    yaml: list[str] = field(default_factory=list)


def suggest(
    profile: Profile, mapping: Mapping, lines: Sequence[Line], names: FieldNames
) -> Iterator[Suggestion]:
    """Yield the suggestions for a workspace."""
    if profile.people.total:
        yield _split(profile, lines)
        yield _accounts(profile)
        yield from _duplicates(profile, mapping)
    if rules := mapping.streams.get("activities"):
        yield from _event_columns(profile, rules[0], names)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def _split(profile: Profile, lines: Sequence[Line]) -> Suggestion:
    people = profile.people
    evidence = [
        f"{_share(people.with_email, people.total)} of {people.total:,} people have an email address",
        f"{people.anonymous:,} have neither email address nor id",
    ]
    found = [a for a in profile.attributes if a.stream == "people" and _is_stage(a.name, lines)]
    if not found:
        evidence.append("no attribute holds a lifecycle stage")
        text = "Without a lifecycle stage: who can be reached and is known is a contact, others are leads."
        return Suggestion("split", text, evidence, "hooks.split", ["preset: email_and_traits"])
    stage = max(found, key=lambda attribute: attribute.filled)
    evidence.append(
        f"“{stage.name}” holds a lifecycle stage for {_share(stage.filled, stage.total)} of people"
    )
    if profile.values_shown:
        evidence.append(f"values found: {', '.join(stage.examples)}")
    rows = ["preset: lifecycle", f"stage_from: [{orjson.dumps(f'attributes.{stage.name}').decode()}]"]
    return Suggestion(
        "split", "Early stages become leads, later ones contacts.", evidence, "hooks.split", rows
    )


def _is_stage(name: str, lines: Sequence[Line]) -> bool:
    labelled = {line.attribute for line in lines if line.label == "lifecycle_stage" and line.band != "decide"}
    return name in labelled or named(name) == "lifecycle_stage"


def _accounts(profile: Profile) -> Suggestion:
    people = profile.people
    linked = max((kind for kind in profile.objects), key=lambda kind: kind.relationships, default=None)
    company = next(
        (a for a in profile.attributes if a.stream == "people" and named(a.name) == "company"), None
    )
    evidence = [
        f"{kind.objects:,} objects of type “{kind.name or kind.slug}”, {kind.relationships:,} links to people"
        for kind in profile.objects[:4]
    ]
    if company is not None:
        evidence.append(f"“{company.name}” is filled for {_share(company.filled, company.total)} of people")
    business = _share(people.business_email, people.with_email)
    evidence.append(f"{business} of the email addresses are at a domain that is no free mail service")
    by = "company"
    if linked is not None and linked.relationships:
        text = f"Accounts are the objects of type “{linked.name or linked.slug}”, by their relationships."
        return Suggestion("accounts", text, evidence)
    if company is not None and company.null_rate < _MOSTLY_EMPTY:
        text = f"There are no linked objects: accounts are the values of “{company.name}”, by name."
    elif people.business_email:
        by, text = "domain", "No objects and no company names: accounts are email domains, without free mail."
    else:
        return Suggestion("accounts", "Nothing says to which company people belong.", evidence)
    source = f", company_from: [{orjson.dumps(f'attributes.{company.name}').decode()}]" if company else ""
    return Suggestion("accounts", text, evidence, "hooks", [f"accounts: {{by: [{by}]{source}}}"])


def _duplicates(profile: Profile, mapping: Mapping) -> Iterator[Suggestion]:
    shared = {"email": "email address", "mailbox": "mailbox (+tags aside)", "id": "id"}
    evidence = [
        f"{found.groups:,} groups ({found.people:,} people) share the same {shared[found.by]}"
        for found in profile.duplicates
        if found.groups
    ]
    if not evidence:
        yield Suggestion("dedupe", "Nobody shares an address or an id: nothing to merge.", [])
        return
    text = "One row per email address: the first person seen owns it, later ones fill its gaps."
    there = "email" in mapping.hooks.get("dedupe", {}).get("by", [])
    yield Suggestion(
        "dedupe",
        text,
        evidence,
        "" if there else "hooks",
        [] if there else ["dedupe: {stream: people, by: [email]}"],
    )


def _event_columns(profile: Profile, rule: Rule, names: FieldNames) -> Iterator[Suggestion]:
    """Properties that enough occurrences of some event have; one column holds them for all events."""
    found: dict[str, list[tuple[Event, Property]]] = {}
    for event in profile.events:
        for part in event.properties:
            if part.column and not _many(part.name) and "object" not in part.types:
                found.setdefault(part.name, []).append((event, part))
    rows, evidence = [], []
    for name, uses in sorted(found.items(), key=lambda item: -sum(event.count for event, _ in item[1])):
        types = {type_of(part, values_shown=profile.values_shown)[:2] for _, part in uses}
        type_, convert = types.pop() if len(types) == 1 else (FieldType.TEXT, "text")
        where = ", ".join(
            f"{event.name or event.kind} {part.share:.0%}" for event, part in uses[:_SHOWN_EVENTS]
        )
        more = f" and {len(uses) - _SHOWN_EVENTS} more" if len(uses) > _SHOWN_EVENTS else ""
        evidence.append(f"“{name}” in {where}{more}")
        column = {"from": f"data.{name}", "as": convert, "custom": {"type": type_.value, "label": name}}
        rows.append(f"{names.name(name, rule.fields)}: {orjson.dumps(column).decode()}")
    if rows:
        text = f"{len(rows)} properties are frequent enough for a column; the others stay in the JSON of all."
        yield Suggestion("event columns", text, evidence[:_MOST_EVIDENCE], "streams.activities", rows)


def _many(name: str) -> bool:
    """Whether a name stands for the elements of an array, or for keys that are ids."""
    return "[]" in name or "*" in name
