"""Source and CRM beside each other, field by field, for the people of a rehearsal. Holds personal data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from crmlift.chunks import chunks
from crmlift.destination import Destination
from crmlift.ledger import Known, Ledger
from crmlift.loader.compare import said_by_one, same
from crmlift.loader.links import resolve
from crmlift.mapping.engine import Link, Row
from crmlift.mapping.model import Mapping as MappingFile
from crmlift.mapping.words import source_of
from crmlift.part import Part
from crmlift.rehearse.sample import PEOPLE, rows_of
from crmlift.verify import others_of

_PAGE = 200


class Pair(Part):
    """One field: where its value comes from, what the source says, what the CRM holds.

    `kept` says that another value stands there by the mapping's policy: the CRM's own, or the one of
    another record that writes the same row.
    """

    field: str
    source: str
    said: Any
    crm: Any
    same: bool
    kept: bool


class Side(Part):
    """One row: `crm_id` is None where it was not loaded; `about` names the people that it belongs to."""

    entity: str
    stream: str
    key: str
    crm_id: str | None
    about: list[str]
    pairs: list[Pair]

    @property
    def differs(self) -> bool:
        """Whether a field is not as the source says, or the row is not there."""
        return self.crm_id is None or not all(pair.same or pair.kept for pair in self.pairs)


def compare(
    messages: Path, mapping: MappingFile, ledger: Ledger, crm: Destination, people: set[str]
) -> list[Side]:
    """Lay the rows of a sample beside what the CRM holds of them, in the order of the sample."""
    sides: list[Side] = []
    for entity, group in groupby(rows_of(messages, mapping), key=lambda row: row.entity):
        for piece in chunks(group, _PAGE):
            sides += _compared(entity, piece, ledger, crm, people)
    return sides


def _compared(
    entity: str, rows: list[Row], ledger: Ledger, crm: Destination, people: set[str]
) -> Iterator[Side]:
    known = ledger.records.known(entity, {name for row in rows for name in (row.source, row.key)})
    ids = [_crm_id(row, known) for row in rows]
    names = sorted({name for row in rows for name in (*row.values, *row.links)})
    held = crm.read(entity, sorted({crm_id for crm_id in ids if crm_id}), names)
    for row, crm_id in zip(rows, ids, strict=True):
        values = dict(row.values) | _linked(row, ledger)
        expected = crm.expected(entity, values)
        there = held.get(crm_id or "")
        wrong = [name for name in values if there is None or not same(expected.get(name), there.get(name))]
        kept = _kept(entity, known.get(row.source), wrong, there, ledger)
        yield Side(
            entity=entity,
            stream=row.stream,
            key=row.key,
            crm_id=crm_id if there is not None else None,
            about=_about(row, people),
            pairs=[
                Pair(
                    field=name,
                    source=source_of(row.rule.rule, name),
                    said=value,
                    crm=None if there is None else there.get(name),
                    same=name not in wrong,
                    # What the CRM would hold as nothing overwrites nothing, as in the loader.
                    kept=name in kept or (expected.get(name) is None and value is not None),
                )
                for name, value in values.items()
            ],
        )


def _kept(
    entity: str, mine: Known | None, wrong: list[str], there: dict[str, Any] | None, ledger: Ledger
) -> set[str]:
    if mine is None or there is None:
        return set()
    kept = set(orjson.loads(mine.kept)) if mine.kept else set()
    if wrong:
        crm_id = mine.crm_id or ""
        others = others_of(ledger, entity, mine, ledger.records.at(entity, [crm_id]).get(crm_id, []))
        kept |= {name for name in wrong if said_by_one(ledger, others, name, there)}
    return kept


def _crm_id(row: Row, known: Mapping[str, Known]) -> str | None:
    found = known.get(row.source) or known.get(row.key)
    return found.crm_id if found else None


def _linked(row: Row, ledger: Ledger) -> dict[str, Any]:
    return {name: _ids_of(link, ledger) for name, link in row.links.items()}


def _ids_of(link: Link, ledger: Ledger) -> str | list[str] | None:
    ids = {entity: ledger.records.ids(entity, link.keys) for entity in link.entities}
    return resolve(link, ids)[0]


def _about(row: Row, people: set[str]) -> list[str]:
    mine = (
        {row.item.key} if row.stream == PEOPLE else {key for link in row.links.values() for key in link.keys}
    )
    mine.add(row.key)
    return sorted(mine & people)
