"""Make rows ready: links become CRM ids, values take the form that the CRM will hold, digests are taken."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from crmlift.destination import Destination, EntitySpec, Value
from crmlift.ledger import Ledger
from crmlift.loader.compare import digest, survives
from crmlift.loader.counts import Counts, Result
from crmlift.loader.links import resolve
from crmlift.loader.ready import Ready
from crmlift.mapping.engine import Row

Park = Callable[[Row, tuple[str, ...], str], None]


class Preparation:
    """Makes rows of one entity ready; `park` takes those that wait for a row, with its entities and key."""

    def __init__(self, destination: Destination, ledger: Ledger, counts: Counts, park: Park) -> None:
        self._crm = destination
        self._ledger = ledger
        self._counts = counts
        self._park = park
        self._shapes: dict[tuple[str, ...], tuple[tuple[str, ...], int]] = {}

    def ready(self, spec: EntitySpec, rows: Sequence[Row]) -> Iterator[Ready]:
        """Yield the rows that can go; a row that lacks a link goes without it, where its rule allows that."""
        wanted = linked_keys(rows)
        ids = {entity: self._ledger.records.ids(entity, keys) for entity, keys in wanted.items()}
        changed = self._counts.changed.setdefault(spec.name, Counter())
        for row in rows:
            values = self._linked(spec, row, ids)
            if values is not None:
                yield self._ready(row, values, changed)

    def _linked(
        self, spec: EntitySpec, row: Row, ids: Mapping[str, Mapping[str, str]]
    ) -> dict[str, Value] | None:
        """Return values and links of a row, or None where it must wait for a linked row."""
        values = dict(row.values)
        missing: tuple[tuple[str, ...], str] | None = None
        blocked = False
        for name, link in row.links.items():
            linked, absent = resolve(link, ids)
            if linked is not None:
                values[name] = linked
            if absent is not None:
                missing = link.entities, absent
                blocked |= spec.natural or name in row.rule.required_links
        if missing is not None:
            if not self._accepted_gone(*missing):
                self._park(row, *missing)
            elif blocked:
                self._counts.entity(row.entity)[Result.LEFT_OUT] += 1
        return None if blocked else values

    def _accepted_gone(self, entities: Sequence[str], key: str) -> bool:
        """Say whether a linked row was deleted in the CRM for good, so that there is nothing to wait for."""
        return any(self._ledger.records.accepted_gone(entity, [key]) for entity in entities)

    def _ready(self, row: Row, values: dict[str, Value], changed: Counter[str]) -> Ready:
        expected = dict(self._crm.expected(row.entity, values))
        if expected != values:
            changed.update(name for name, value in values.items() if not survives(value, expected.get(name)))
        if None in expected.values():
            # What the CRM would hold as nothing is no value either: a null overwrites only by policy.
            expected = {
                name: value for name, value in expected.items() if value is not None or values[name] is None
            }
        names, shape = self._shape(expected)
        return Ready(row, expected, shape, digest(names, expected))

    def _shape(self, values: Mapping[str, Value]) -> tuple[tuple[str, ...], int]:
        """Return the sorted names of some values, and their number in the ledger."""
        given = tuple(values)
        if given not in self._shapes:
            names = tuple(sorted(given))
            self._shapes[given] = names, self._ledger.records.shape(names)
        return self._shapes[given]


def linked_keys(rows: Sequence[Row]) -> dict[str, set[str]]:
    """Return the keys that rows link to, by each entity that may hold them."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for link in row.links.values():
            for target in link.entities:
                wanted[target].update(link.keys)
    return wanted
