"""Read rows back from the CRM and compare them, field by field, with what was loaded.

The ledger keeps a digest per field, not the values, so a miss names row and field only. Links and
memberships are fields and rows like any other. What the CRM itself makes of a value was foreseen by the
destination's `expected`: such values are compared as the CRM holds them, and counted.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from itertools import chain

import orjson
from pydantic import computed_field

from crmlift.destination import Destination, NamesChanges, Value
from crmlift.ledger import Known, Ledger
from crmlift.ledger.runs import ROLLED_BACK
from crmlift.loader.compare import differing, digest, said_by_one
from crmlift.part import Part


class Miss(Part):
    """A field that differs, or (`field` None) a row that is not in the CRM."""

    entity: str
    key: str
    crm_id: str
    field: str | None = None


class Changed(Part):
    """A field whose values the CRM does not keep as they came: how many, and what it makes of them."""

    field: str
    values: int
    how: str


class EntityCheck(Part):
    """What was compared for one entity: CRM records, and the rows of ours that say something of them.

    `kept` counts fields whose own value the CRM kept, by the mapping's policy.
    """

    entity: str
    label: str
    records: int
    rows: int
    fields: int
    kept: int
    misses: list[Miss]
    changed: list[Changed]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def misses_by_field(self) -> dict[str, int]:
        """How many rows differ in each field; a missing row stands under `(row)`."""
        return dict(Counter(miss.field or "(row)" for miss in self.misses))


class Verification(Part):
    """The result of a read-back; `sample` is rows per entity, or None for all."""

    sample: int | None
    seed: int | None
    entities: list[EntityCheck]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> bool:
        """Whether every compared field is as it was loaded."""
        return not any(check.misses for check in self.entities)


def verify(
    ledger: Ledger, destination: Destination, *, sample: int | None = None, seed: int = 0
) -> Verification:
    """Compare all rows, or a sample of so many per entity, chosen by the seed.

    A sample takes one row more for each field that it would have left out, so that every field which was
    loaded anywhere is compared at least once.
    """
    changed = _changed(ledger, destination)
    entities = []
    for entity in ledger.records.entities():
        comparison = _Comparison(entity, ledger, destination)
        pages = ledger.records.pages(entity)
        if sample is None:
            for page in pages:
                comparison.add(page)
            records = ledger.records.count(entity, distinct=destination.entities[entity].natural)
        else:
            chosen = _sample(chain.from_iterable(pages), ledger, sample, f"{seed}:{entity}")
            comparison.add(chosen)
            records = len({row.crm_id for row in chosen})
        entities.append(comparison.result(changed.get(entity, []), records))
    return Verification(sample=sample, seed=seed if sample else None, entities=entities)


def _sample(rows: Iterable[Known], ledger: Ledger, size: int, seed: str) -> list[Known]:
    """Reservoir sampling: every row has the same chance, in one pass and little memory; so for each field."""
    chance = random.Random(seed)
    chosen: list[Known] = []
    by_field: dict[str, Known] = {}
    seen: Counter[str] = Counter()
    for number, row in enumerate(rows):
        if len(chosen) < size:
            chosen.append(row)
        elif (place := chance.randrange(number + 1)) < size:
            chosen[place] = row
        for name in ledger.records.shape_names(row.shape) if row.shape else ():
            seen[name] += 1
            if chance.randrange(seen[name]) == 0:
                by_field[name] = row
    covered = {name for row in chosen if row.shape for name in ledger.records.shape_names(row.shape)}
    for name, row in by_field.items():
        if name not in covered:
            chosen.append(row)
            covered.update(ledger.records.shape_names(row.shape or 0))
    return chosen


def _changed(ledger: Ledger, destination: Destination) -> dict[str, list[Changed]]:
    """Count the values that the CRM does not keep as they came: the most that a run that stands has seen."""
    counts: dict[str, Counter[str]] = {}
    for run in ledger.runs.all():
        if run["status"] != ROLLED_BACK:
            for entity, fields in run["counts"].get("changed", {}).items():
                counter = counts.setdefault(entity, Counter())
                for name, number in fields.items():
                    counter[name] = max(counter[name], number)
    return {
        entity: [
            Changed(field=name, values=number, how=_how(destination, entity).get(name, ""))
            for name, number in sorted(fields.items())
        ]
        for entity, fields in counts.items()
    }


def _how(destination: Destination, entity: str) -> dict[str, str]:
    return dict(destination.changes(entity)) if isinstance(destination, NamesChanges) else {}


class _Comparison:
    """Comparing the rows of one entity."""

    def __init__(self, entity: str, ledger: Ledger, destination: Destination) -> None:
        self._entity = entity
        self._ledger = ledger
        self._crm = destination
        self._counts: Counter[str] = Counter()
        self._misses: list[Miss] = []

    def result(self, changed: list[Changed], records: int) -> EntityCheck:
        """Return what was compared."""
        rows, fields, kept = (self._counts[name] for name in ("rows", "fields", "kept"))
        return EntityCheck(
            entity=self._entity,
            label=self._crm.entities[self._entity].label,
            records=records,
            rows=rows,
            fields=fields,
            kept=kept,
            misses=self._misses,
            changed=changed,
        )

    def add(self, page: list[Known]) -> None:
        """Read rows back and compare them."""
        records = self._ledger.records
        rows = [row for row in page if row.crm_id and row.shape and row.digest]
        names = sorted({name for row in rows for name in records.shape_names(row.shape or 0)})
        ids = sorted({row.crm_id or "" for row in rows})
        current = self._crm.read(self._entity, ids, names) if rows else {}
        wrong: list[tuple[Known, list[str]]] = []
        for row in rows:
            shape = records.shape_names(row.shape or 0)
            kept = set(orjson.loads(row.kept)) if row.kept else set()
            self._counts.update(rows=1, fields=len(shape) - len(kept), kept=len(kept))
            there = current.get(row.crm_id or "")
            differ = differing(shape, row.digest or b"", digest(shape, there)) if there else []
            if there is None or not kept.issuperset(differ):
                wrong.append((row, [name for name in differ if name not in kept]))
        self._judge(wrong, current)

    def _judge(self, wrong: list[tuple[Known, list[str]]], current: dict[str, dict[str, Value]]) -> None:
        """Note records that are gone, and fields that hold neither this row's value nor another's."""
        # A natural row has no key of its own that the rows of twins would share: only its record tells.
        natural = self._crm.entities[self._entity].natural
        ids = {row.crm_id or "" for row, _ in wrong}
        beside = self._ledger.records.at(self._entity, ids) if natural else {}
        for row, names in wrong:
            there = current.get(row.crm_id or "")
            if there is None:
                self._miss(row, None)
                continue
            others = others_of(self._ledger, self._entity, row, beside.get(row.crm_id or "", ()))
            for name in names:
                if not said_by_one(self._ledger, others, name, there):
                    self._miss(row, name)

    def _miss(self, row: Known, field: str | None) -> None:
        self._misses.append(Miss(entity=self._entity, key=row.key, crm_id=row.crm_id or "", field=field))


def others_of(ledger: Ledger, entity: str, row: Known, beside: Iterable[Known]) -> list[Known]:
    """Return the rows of other source records that write the same CRM record.

    `beside` are rows that are known to be of it, whatever their keys.
    """
    records = ledger.records
    # A twin has a key of its own under which streams patch the row that it joined.
    keys = {row.key, *(known.key for known in records.known(entity, [row.key]).values())}
    for twins in records.sharing(entity, keys).values():
        keys.update(twin.source for twin in twins)
    others = [other for some in records.sharing(entity, keys).values() for other in some]
    rows = (*beside, *others, *records.known(entity, keys).values())
    return [other for other in rows if other.source != row.source]
