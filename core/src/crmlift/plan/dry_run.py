"""A destination that reads the real CRM and keeps every write to itself."""

from __future__ import annotations

import pickle
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from crmlift.chunks import chunks
from crmlift.destination import (
    CountsCalls,
    Create,
    Destination,
    EntitySpec,
    Field,
    Finding,
    Found,
    NeedsFields,
    Outcome,
    Severity,
    Update,
    Value,
    Values,
)
from crmlift.loader.compare import digest

_PAGE = 500
_PLANNED = "planned:"


class DryRun:
    """Stands for a CRM in a run that only plans; itself a `Destination`.

    What would be written is kept in a file, so that a row which comes again is compared with it.
    `planned` holds the fields that would be created, `reads` and `writes` count calls by entity, and
    `findings` what the preflight said. An error of the preflight is a finding like any other here, and an
    entity without a live field is one that is not there yet.
    """

    def __init__(self, crm: Destination, file: Path) -> None:
        self._crm = crm
        self.entities: Mapping[str, EntitySpec] = crm.entities
        self.planned: dict[str, dict[str, Field]] = {}
        self.findings: list[Finding] = []
        self.reads: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self._live: dict[str, dict[str, Field]] = {}
        self._added: Counter[str] = Counter()
        self._next = 0
        # Creates come from the loader's second thread, never two calls at once.
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        # The file lives as long as the plan: there is nothing to keep after a crash.
        self._db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
            "CREATE TABLE written (entity TEXT, id TEXT, data BLOB, PRIMARY KEY (entity, id)) WITHOUT ROWID;"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._db.close()

    def preflight(self, entities: Sequence[str]) -> list[Finding]:
        """Ask the real CRM; whatever it finds is told, nothing stops a plan."""
        self.findings = self._crm.preflight(entities)
        return [replace(finding, severity=Severity.INFO) for finding in self.findings]

    def describe(self, entity: str) -> dict[str, Field]:
        """Return the live fields and those that would be created."""
        return self.live(entity) | self.planned.get(entity, {})

    def live(self, entity: str) -> dict[str, Field]:
        """Return the fields that are there now."""
        if entity not in self._live:
            self.reads[entity] += 1
            self._live[entity] = self._crm.describe(entity)
        return self._live[entity]

    def provision(self, entity: str, fields: Sequence[Field]) -> None:
        """Note the fields."""
        self.planned.setdefault(entity, {}).update({spec.name: spec for spec in fields})

    def own_fields(self, entity: str) -> Sequence[Field]:
        """Return the fields that the target itself needs."""
        return self._crm.own_fields(entity) if isinstance(self._crm, NeedsFields) else ()

    def expected(self, entity: str, values: Values) -> Values:
        """Return what the CRM would make of the values; of a field that is not there yet nobody knows."""
        new = self.planned.get(entity)
        if not new:
            return self._crm.expected(entity, values)
        there = {name: value for name, value in values.items() if name not in new}
        return {**self._crm.expected(entity, there), **{n: v for n, v in values.items() if n in new}}

    def find(self, entity: str, keys: Sequence[str]) -> dict[str, str]:
        """Look in the CRM."""
        if not self.live(entity):
            return {}
        self.reads[entity] += self._calls(entity, len(keys), writing=False)
        return self._crm.find(entity, keys)

    def scan(self, entity: str, fields: Sequence[str], *, ours: bool) -> Iterator[list[Found]]:
        """Read the CRM's own records; fields that are not there yet are empty."""
        if not self.live(entity):
            return
        for page in self._crm.scan(entity, self._there(entity, fields), ours=ours):
            self.reads[entity] += 1
            yield page

    def read(self, entity: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Read from the CRM, and from what would have been written by now."""
        real = [crm_id for crm_id in ids if not crm_id.startswith(_PLANNED)]
        found: dict[str, dict[str, Value]] = {}
        if real:
            self.reads[entity] += self._calls(entity, len(real), writing=False)
            nothing = dict.fromkeys(fields)
            there = self._crm.read(entity, real, self._there(entity, fields))
            found = {crm_id: nothing | values for crm_id, values in there.items()}
        for crm_id, values in self._written(entity, ids).items():
            known = found.setdefault(crm_id, dict.fromkeys(fields))
            known.update({name: values[name] for name in fields if name in values})
        return found

    def count(self, entity: str) -> int:
        """Count in the CRM, and what would have been added by now."""
        if not self.live(entity):
            return self._added[entity]
        self.reads[entity] += 1
        return self._crm.count(entity) + self._added[entity]

    def create(self, entity: str, rows: Sequence[Create]) -> list[Outcome]:
        """Give every row an id that no CRM gives; a natural one has one id, however often it is created."""
        self.writes[entity] += self._calls(entity, len(rows), writing=True)
        natural = self.entities[entity].natural
        ids = [f"{_PLANNED}{self._number(row.values if natural else None)}" for row in rows]
        there = self._written(entity, ids) if natural else {}
        values = {crm_id: row.values for crm_id, row in zip(ids, rows, strict=True)}
        self._added[entity] += len(values.keys() - there.keys())
        self._keep(entity, values)
        return [
            Outcome(row.key, crm_id, existed=crm_id in there) for row, crm_id in zip(rows, ids, strict=True)
        ]

    def _number(self, identity: Values | None) -> str:
        if identity is not None:
            return digest(sorted(identity), identity).hex()
        self._next += 1
        return str(self._next)

    def update(self, entity: str, rows: Sequence[Update]) -> list[Outcome]:
        """Keep the values on top of those that are there."""
        self.writes[entity] += self._calls(entity, len(rows), writing=True)
        before = self._written(entity, [row.id for row in rows])
        self._keep(entity, {row.id: before.get(row.id, {}) | row.values for row in rows})
        return [Outcome(row.key, row.id) for row in rows]

    def adopt(self, entity: str, ids: Mapping[str, str]) -> None:
        """Count the call and the records."""
        self.writes[entity] += self._calls(entity, len(ids), writing=True)
        self._added[entity] += len(ids)

    def release(self, entity: str, keys: Sequence[str]) -> None:
        """Count the call and the records."""
        self.writes[entity] += self._calls(entity, len(keys), writing=True)
        self._added[entity] -= len(keys)

    def delete(self, entity: str, rows: Mapping[str, str]) -> list[Outcome]:
        """Take the rows for deleted."""
        self.writes[entity] += self._calls(entity, len(rows), writing=True)
        self._added[entity] -= len(rows)
        return [Outcome(key, crm_id) for key, crm_id in rows.items()]

    def _calls(self, entity: str, rows: int, *, writing: bool) -> int:
        return self._crm.calls_for(entity, rows, writing=writing) if isinstance(self._crm, CountsCalls) else 1

    def _there(self, entity: str, fields: Sequence[str]) -> list[str]:
        missing = self.planned.get(entity, {})
        return [name for name in fields if name not in missing]

    def _keep(self, entity: str, rows: Mapping[str, dict[str, Any]]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO written VALUES (?, ?, ?)",
            [(entity, crm_id, pickle.dumps(values)) for crm_id, values in rows.items()],
        )

    def _written(self, entity: str, ids: Sequence[str]) -> dict[str, dict[str, Value]]:
        found: dict[str, dict[str, Value]] = {}
        for page in chunks(ids, _PAGE):
            marks = ",".join("?" * len(page))
            query = f"SELECT id, data FROM written WHERE entity = ? AND id IN ({marks})"
            rows = self._db.execute(query, [entity, *page])
            # Our own file, written by this process.
            found |= {crm_id: pickle.loads(data) for crm_id, data in rows}
        return found
