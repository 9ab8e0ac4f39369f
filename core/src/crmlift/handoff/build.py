"""Make all items of a hand-off out of what was gathered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from crmlift.handoff import (
    build_became,
    build_content,
    build_journeys,
    build_rest,
    build_segments,
    variables,
)
from crmlift.handoff.advice import Advisor, Fields
from crmlift.handoff.gather import Gathered
from crmlift.handoff.model import Fact, Item, Kind
from crmlift.mapping.model import Mapping as MappingFile

_SENT_TO_MANY = {Kind.NEWSLETTER: "newsletters", Kind.BROADCAST: "broadcasts"}


@dataclass(frozen=True, slots=True)
class Destination:
    """The CRM that advice is for: who translates, and by which mapping.

    `loaded` are memberships of segments that are in the CRM, by the segment's id, where that is known.
    """

    name: str
    advisor: Advisor
    mapping: MappingFile
    approved: bool
    loaded: Mapping[str, int] | None = None


def now() -> str:
    """Return this moment."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def build(gathered: Gathered, *, at: str, destination: Destination | None = None) -> list[Item]:
    """Return all items in the order of the index."""
    rules = build_segments.segments(gathered)
    names = {id: segment.name for id, segment in rules.items()}
    items = [
        *build_segments.items(gathered, names, at),
        *build_journeys.campaigns(gathered, names),
        *build_journeys.broadcasts(gathered, names),
        *build_content.newsletters(gathered, names),
        *build_content.transactional(gathered),
        *build_rest.items(gathered),
    ]
    if destination is None:
        return items
    fields = Fields(destination.mapping, gathered, rules)
    crm = destination.advisor.crm
    advised = [_placed(_advised(item, destination.advisor, fields), fields, crm) for item in items]
    became = build_became.item(gathered, advised, destination.mapping, crm, destination.loaded)
    place = next(n for n, item in enumerate(advised) if item.kind is Kind.PUSH)
    return [*advised[:place], became, *advised[place:]]


def _placed(item: Item, fields: Fields, crm: str) -> Item:
    """Say what a message to many became in the CRM, what its audience did, and where its variables are."""
    facts = list(item.facts)
    if item.kind in _SENT_TO_MANY:
        record = {"name": item.name}
        there = build_became.became(fields.mapping, _SENT_TO_MANY[item.kind], record)
        facts.append(Fact(label=f"In {crm}", value=there))
        segments = [fields.segments[id] for id in item.audience.segments] if item.audience else []
        who = [build_became.became(fields.mapping, "segments", {"name": one.name}) for one in segments]
        facts += [Fact(label=f"Its audience in {crm}", value=", ".join(who))] if who else []
    tables = [*variables.table(item, fields, crm), *item.tables]
    return item.model_copy(update={"facts": facts, "tables": tables})


def _advised(item: Item, advisor: Advisor, fields: Fields) -> Item:
    if item.kind is Kind.SEGMENT and item.id in fields.segments:
        advice = [advisor.segment(fields.segments[item.id], fields)]
    elif item.journey is not None:
        advice = [advisor.journey(item.journey, fields)]
    else:
        return item
    return item.model_copy(update={"advice": advice})
