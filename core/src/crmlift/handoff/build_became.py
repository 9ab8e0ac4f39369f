"""The item that says what each segment, campaign and message became in the CRM, by the mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crmlift.batch import split_key
from crmlift.handoff.advice import Exactness
from crmlift.handoff.gather import Gathered, members_file
from crmlift.handoff.model import Fact, Item, Kind, Table
from crmlift.ledger import Ledger
from crmlift.mapping.model import Mapping as MappingFile
from crmlift.mapping.model import Rule

Record = dict[str, Any]
_MEMBERSHIPS = "segment_memberships"
_STREAMS = {
    "campaigns": "Campaigns",
    "broadcasts": "API-triggered broadcasts",
    "newsletters": "Newsletters",
    "transactional_messages": "Transactional messages",
}


def members_loaded(mapping: MappingFile, ledger: Ledger) -> dict[str, int]:
    """Return how many memberships of each segment the ledger knows to be in the CRM, by the segment's id."""
    found: dict[str, int] = {}
    for rule in mapping.streams.get(_MEMBERSHIPS, ()):
        if "segment_id" not in rule.key or rule.mode == "update":
            continue
        place = list(rule.key).index("segment_id")
        for page in ledger.records.pages(rule.entity):
            for known in page:
                # Rows of other streams may be of this entity, too: their keys begin with a word.
                parts = split_key(known.source)
                if known.crm_id is not None and place < len(parts):
                    found[parts[place]] = found.get(parts[place], 0) + 1
    return found


def item(
    gathered: Gathered,
    items: Sequence[Item],
    mapping: MappingFile,
    crm: str,
    loaded: Mapping[str, int] | None,
) -> Item:
    """Return the item; `loaded` are memberships in the CRM by segment, if that is known."""
    segments = [one for one in items if one.kind is Kind.SEGMENT]
    rows = [_segment(one, mapping, gathered, loaded) for one in segments]
    columns = ["Segment", "Name", f"In {crm}", "People held", "Memberships loaded", "Its rule"]
    tables = [Table(title="Segments", columns=columns, rows=rows)]
    tables += [
        Table(
            title=title,
            columns=["Id", "Name", f"In {crm}"],
            rows=[
                [str(one["id"]), str(one.get("name") or ""), became(mapping, stream, one)]
                for one in gathered.documents[stream]
            ],
        )
        for stream, title in _STREAMS.items()
    ]
    held = sum(one.members.counted for one in segments if one.members)
    return Item(
        kind=Kind.BECAME,
        id="crm",
        name=f"What became what in {crm}",
        facts=[
            Fact(label="Segments", value=f"{len(segments):,}"),
            Fact(label="Memberships held", value=f"{held:,}"),
            Fact(label="Memberships loaded", value="not known" if loaded is None else f"{_sum(rows):,}"),
        ],
        statements=list(_statements(gathered, loaded)),
        tables=[table for table in tables if table.rows],
        tasks=["Compare the people of each segment with its counterpart, and name who keeps it from now on"],
    )


def _segment(
    one: Item, mapping: MappingFile, gathered: Gathered, loaded: Mapping[str, int] | None
) -> list[str]:
    known = one.members is not None and gathered.has(_MEMBERSHIPS)
    held = f"{gathered.files.counts[members_file(one.id)]:,}" if known else "not listed"
    here = "not known" if loaded is None else f"{loaded.get(one.id, 0):,}"
    exactness = one.advice[0].exactness if one.advice else Exactness.BY_HAND
    rule = "a list, kept by hand" if one.rule is None else exactness.value.replace("_", " ")
    archived = one.members is None
    there = "nothing: it is archived" if archived else became(mapping, "segments", {"name": one.name})
    return [one.id, one.name, there, held, "" if archived else here, rule]


def became(mapping: MappingFile, stream: str, record: Record) -> str:
    """Return the entities that records of a stream become, with the name that they have there."""
    rules = [rule for rule in mapping.streams.get(stream, ()) if rule.mode != "update" and _own(rule)]
    if not rules:
        return f"nothing: {mapping.skip.get(stream, 'the mapping has no rule for it')}"
    found = dict.fromkeys(_named(rule, record) for rule in rules)
    return ", ".join(found)


def _own(rule: Rule) -> bool:
    """Whether a rule makes a row of each record, and not one for all of them."""
    return any(not part.startswith("='") or "id" in part.partition("+")[2] for part in rule.key)


def _named(rule: Rule, record: Record) -> str:
    label = rule.entity.removesuffix("__c").replace("_", " ")
    named = any("name" in (spec.from_ or ()) for spec in rule.fields.values())
    return f"{label} “{record.get('name') or ''}”" if named else label


def _statements(gathered: Gathered, loaded: Mapping[str, int] | None) -> Iterator[str]:
    if not gathered.has(_MEMBERSHIPS):
        yield "The people of segments were not read: select the stream segment_memberships."
    if loaded is None:
        yield "What was loaded is not known here: no run of this mapping has a ledger in this project."
    else:
        yield (
            "Memberships loaded are those that the ledger has of runs so far. Where they are fewer, people "
            "were left out, held or rejected, or joined since."
        )


def _sum(rows: Sequence[Sequence[str]]) -> int:
    return sum(int(row[4].replace(",", "")) for row in rows if row[4])
