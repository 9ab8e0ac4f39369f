"""A CRM in memory: the smallest complete destination, for tests of what is not a CRM's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

from crmlift.destination import (
    Can,
    Create,
    EntitySpec,
    Field,
    FieldType,
    Finding,
    Found,
    Outcome,
    TakenBack,
    Update,
    Values,
)
from crmlift.errors import BatchRefused, Refusal

ENTITIES = {
    "company": EntitySpec("company", "Company", batch_limit=50, atomic=True),
    "person": EntitySpec(
        "person",
        "Person",
        depends_on=("company",),
        batch_limit=100,
        atomic=True,
        can=frozenset({Can.DELETE, Can.BACKDATE}),
        archive={"active": False},
        match=frozenset({"email"}),
    ),
    "lead": EntitySpec("lead", "Lead"),
    "tag": EntitySpec("tag", "Tag", batch_limit=50),
    "person_tag": EntitySpec("person_tag", "Tag of a person", depends_on=("person", "tag"), natural=True),
    "event": EntitySpec("event", "Event", depends_on=("person",), batch_limit=1000),
}


class MemoryCrm:
    """Records as dicts by entity and id; `refuses` names rows it will not take.

    `calls` counts calls by method, and `before_call` may raise to play a failing network.
    """

    entities: Mapping[str, EntitySpec] = ENTITIES

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in self.entities}
        self.keys: dict[str, dict[str, str]] = {name: {} for name in self.entities}
        self.adopted: dict[str, set[str]] = {name: set() for name in self.entities}
        self.fields: dict[str, dict[str, Field]] = {name: {} for name in self.entities}
        self.calls: Counter[str] = Counter()
        self.refuses: Callable[[str, Values], bool] = lambda _entity, _values: False
        self.before_call: Callable[[str], None] = lambda _method: None
        self.after_call: Callable[[str], None] = lambda _method: None
        self.findings: list[Finding] = []
        self.messages = 0
        self._next = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def outgoing(self) -> Mapping[str, int]:
        """Return messages queued so far."""
        return {"mail": self.messages}

    def preflight(self, entities: Sequence[str]) -> list[Finding]:
        """Return what a test put into `findings`."""
        return self.findings

    def describe(self, entity: str) -> dict[str, Field]:
        """Return the standard fields and those that were provisioned."""
        standard = (
            "name",
            "email",
            "phone",
            "plan",
            "active",
            "company",
            "person",
            "tag",
            "at",
            "data",
            "city",
        )
        return {name: Field(name, FieldType.TEXT) for name in standard} | self.fields[entity]

    def provision(self, entity: str, fields: Sequence[Field]) -> None:
        """Add custom fields."""
        self.fields[entity] |= {spec.name: spec for spec in fields}

    def unprovision(self, *, dry_run: bool = False) -> TakenBack:
        """Take away custom fields that no record holds a value of."""
        named = {
            f"{entity}.{name}": (entity, name) for entity, fields in self.fields.items() for name in fields
        }
        filled = {
            label
            for label, (entity, name) in named.items()
            if any(row.get(name) is not None for row in self.rows[entity].values())
        }
        for label in named.keys() - filled if not dry_run else ():
            entity, name = named[label]
            del self.fields[entity][name]
        return TakenBack(tuple(sorted(named.keys() - filled)), dict.fromkeys(filled, "it holds values"))

    def expected(self, entity: str, values: Values) -> Values:
        """Return the values unchanged: this CRM normalises nothing."""
        return values

    def find(self, entity: str, keys: Sequence[str]) -> dict[str, str]:
        """Return ids by key."""
        self._call("find")
        return {key: self.keys[entity][key] for key in keys if key in self.keys[entity]}

    def scan(self, entity: str, fields: Sequence[str], *, ours: bool) -> Iterator[list[Found]]:
        """Yield one page of all records of ours, or of all others."""
        self._call("scan")
        by_id = {crm_id: key for key, crm_id in self.keys[entity].items()}
        yield [
            Found(
                crm_id,
                by_id.get(crm_id),
                {name: row.get(name) for name in fields},
                adopted=by_id.get(crm_id) in self.adopted[entity],
            )
            for crm_id, row in self.rows[entity].items()
            if (crm_id in by_id) is ours
        ]

    def read(self, entity: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return values by id."""
        self._call("read")
        rows = self.rows[entity]
        return {crm_id: {name: rows[crm_id].get(name) for name in fields} for crm_id in ids if crm_id in rows}

    def count(self, entity: str) -> int:
        """Return how many records carry our key."""
        self._call("count")
        return len(self.rows[entity]) if self.entities[entity].natural else len(self.keys[entity])

    def create(self, entity: str, rows: Sequence[Create]) -> list[Outcome]:
        """Write records; an atomic entity refuses the whole call and names no row."""
        self._call("create")
        return self._all_or_each(entity, rows, self._create)

    def update(self, entity: str, rows: Sequence[Update]) -> list[Outcome]:
        """Change records."""
        self._call("update")
        return self._all_or_each(entity, rows, self._update)

    def adopt(self, entity: str, ids: Mapping[str, str]) -> None:
        """Put keys on records."""
        self._call("adopt")
        self.keys[entity].update(ids)
        self.adopted[entity].update(ids)

    def release(self, entity: str, keys: Sequence[str]) -> None:
        """Take keys off records."""
        for key in keys:
            self.keys[entity].pop(key, None)

    def delete(self, entity: str, rows: Mapping[str, str]) -> list[Outcome]:
        """Delete records."""
        self._call("delete")
        for key, crm_id in rows.items():
            self.rows[entity].pop(crm_id, None)
            self.keys[entity].pop(key, None)
        return [Outcome(key, crm_id) for key, crm_id in rows.items()]

    def _call(self, method: str) -> None:
        self.before_call(method)
        self.calls[method] += 1

    def _all_or_each(
        self, entity: str, rows: Sequence[Any], write: Callable[[str, Any], Outcome]
    ) -> list[Outcome]:
        refusal = Refusal("refused", "the CRM said no")
        bad = [self.refuses(entity, row.values) for row in rows]
        if any(bad) and self.entities[entity].atomic:
            raise BatchRefused("A call was refused.", reason=refusal)
        outcomes = [
            Outcome(row.key, refusal=refusal) if no else write(entity, row)
            for row, no in zip(rows, bad, strict=True)
        ]
        self.after_call("write")
        return outcomes

    def _create(self, entity: str, row: Create) -> Outcome:
        if self.entities[entity].natural:
            crm_id = ":".join(str(row.values[name]) for name in sorted(row.values))
            existed = crm_id in self.rows[entity]
        else:
            self._next += 1
            crm_id, existed = str(self._next), False
            self.keys[entity][row.key] = crm_id
        self.rows[entity][crm_id] = dict(row.values)
        return Outcome(row.key, crm_id, existed)

    def _update(self, entity: str, row: Update) -> Outcome:
        self.rows[entity][row.id] |= row.values
        return Outcome(row.key, row.id)
