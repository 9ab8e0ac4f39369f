"""Entities whose rows are records that carry our key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from crmlift.chunks import chunks
from crmlift.destination import Create, Field, FieldType, Found, Outcome, Update, Value, Values
from crmlift.errors import Refusal, RunStopped
from target_salesforce import keys
from target_salesforce.client import SalesforceClient
from target_salesforce.entities import ADOPTED_FIELD, ENTITIES, KEY_FIELD, MEMBER, Records
from target_salesforce.errors import DUPLICATE, GONE
from target_salesforce.results import Sent
from target_salesforce.schema import Schema
from target_salesforce.sending import Sender, outcomes
from target_salesforce.soql import begins, lists, one_of, quoted
from target_salesforce.values import Column, Unfit, decode, encode, expected

RETRIEVE = 2000
"""Ids per call of sObject Collections that reads."""
DATED_FIELD = "CreatedDate"


class RecordTable:
    """Records of one object that are one entity of ours."""

    key_field = KEY_FIELD

    def __init__(self, sender: Sender, schema: Schema, entity: Records, workspace: str) -> None:
        self.sender, self.schema, self.entity = sender, schema, entity
        self.client: SalesforceClient = sender.client
        self.sobject = entity.sobject
        self.workspace = workspace
        self.prefix = keys.prefix(workspace, entity.spec.name)

    @property
    def columns(self) -> Mapping[str, Column]:
        """The object's live fields."""
        return self.schema.columns(self.sobject)

    @property
    def has_key(self) -> bool:
        """Whether the object is there, and our key field on it."""
        return self.key_field in self.columns

    @cached_property
    def constants(self) -> Mapping[str, Value]:
        """What every new record gets; a task is born closed."""
        closed = {"Status": self.schema.closed_status} if self.entity.archives else {}
        return {**self.entity.constants, **closed}

    # -- schema --------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Field]:
        """Return the fields, with those that a grant of ours will show, or that an object is born with."""
        live = {name: column.field for name, column in self.columns.items()}
        if not live:
            return {"Name": Field("Name", FieldType.TEXT)} if self.entity.custom else {}
        hidden = {name: Field(name, FieldType.BOOLEAN, label=name) for name in self.entity.granted}
        return hidden | live

    def provision(self, fields: Sequence[Field]) -> None:
        """Create what is missing."""
        self.schema.provision(self.entity, fields)

    def expected(self, values: Values) -> Values:
        """Return the values as Salesforce will hold them."""
        return expected(self.columns, values)

    # -- reading -------------------------------------------------------------------------------------

    def find(self, keys_: Sequence[str]) -> dict[str, str]:
        """Return ids by key."""
        if not self.has_key or not keys_:
            return {}
        self.sender.bulk.wait_for_others()
        return {
            self.decode_key(wire): id_
            for wire, id_ in self._find([self.encode_key(key) for key in keys_]).items()
        }

    def scan_ours(self, fields: Sequence[str]) -> Iterator[list[Found]]:
        """Page through our records."""
        if not self.has_key:
            return
        for page in self._pages([self.key_field, *self._marks, *fields], self._ours):
            yield [
                Found(
                    row["Id"],
                    self.decode_key(row[self.key_field]),
                    self._decode(row, fields),
                    adopted=bool(row.get(ADOPTED_FIELD)),
                )
                for row in page
            ]

    def scan_others(self, fields: Sequence[str]) -> Iterator[list[Found]]:
        """Page through records without a key of ours; none where the object is not there yet."""
        if not self.columns:
            return
        conditions = [self.entity.only, self._without_key]
        for page in self._pages(fields, " AND ".join(filter(None, conditions))):
            yield [Found(row["Id"], None, self._decode(row, fields)) for row in page]

    def read(self, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Return values by id."""
        names = self._names(fields)
        if self.entity.archives:
            # Only queryAll sees closed tasks of more than a year ago.
            found = (
                row for part in lists(ids) for page in self._pages(fields, one_of("Id", part)) for row in page
            )
            return {row["Id"]: self._decode(row, fields) for row in found}
        values = {}
        for part in chunks(ids, RETRIEVE):
            body = {"ids": part, "fields": list(dict.fromkeys(["Id", *names]))}
            rows = self.client.call(
                f"{self.sobject}.retrieve", "POST", f"/composite/sobjects/{self.sobject}", json=body
            )
            values.update({row["Id"]: self._decode(row, fields) for row in rows if row})
        return values

    def count(self) -> int:
        """Return how many records are ours."""
        if not self.has_key:
            return 0
        soql = f"SELECT count() FROM {self.sobject} WHERE {self._kept(self._ours)}"
        return self.client.count(soql, everything=self.entity.archives)

    # -- writing -------------------------------------------------------------------------------------

    def create(self, rows: Sequence[Create]) -> list[Outcome]:
        """Write new records; those whose key is there already are left as they are."""
        if not self.has_key:
            self.provision(())
        elsewhere = self._elsewhere([row.key for row in rows])
        bad: dict[str, Refusal] = {
            key: Refusal("exists_as_other", detail) for key, detail in elsewhere.items()
        }
        wire: dict[str, dict[str, Any]] = {}
        for row in rows:
            if row.key in bad:
                continue
            try:
                values = self._encode({**self.constants, **row.values})
                wire[row.key] = {
                    self.key_field: self.encode_key(row.key),
                    **values,
                    **self._dated(row.values),
                }
            except Unfit as unfit:
                bad[row.key] = unfit.refusal
        sent = dict(zip(wire, self._insert(list(wire.values())), strict=True))
        there = self._there(
            [key for key, one in sent.items() if one.refusal and one.refusal.code == DUPLICATE]
        )
        return [
            Outcome(row.key, refusal=bad[row.key])
            if row.key in bad
            else Outcome(row.key, id=there[row.key], existed=True)
            if row.key in there
            else Outcome(row.key, id=sent[row.key].id, refusal=sent[row.key].refusal)
            for row in rows
        ]

    def update(self, rows: Sequence[Update]) -> list[Outcome]:
        """Change records."""
        bad: dict[str, Refusal] = {}
        wire: dict[str, dict[str, Any]] = {}
        for row in rows:
            try:
                wire[row.key] = {"Id": row.id, **self._encode(expected(self.columns, row.values))}
            except Unfit as unfit:
                bad[row.key] = unfit.refusal
        sent = dict(
            zip(
                wire,
                self.sender.update(self.sobject, list(wire.values()), order=self.entity.parents),
                strict=True,
            )
        )
        return [
            Outcome(row.key, refusal=bad[row.key])
            if row.key in bad
            else Outcome(row.key, id=sent[row.key].id, refusal=sent[row.key].refusal)
            for row in rows
        ]

    def adopt(self, ids: Mapping[str, str]) -> None:
        """Write our key into the records, with a mark that they were there before us."""
        if not self.has_key:
            self.provision(())
        marks = dict.fromkeys(self._marks, True)
        rows = [{"Id": id_, self.key_field: self.encode_key(key), **marks} for key, id_ in ids.items()]
        self._mark(rows)

    def release(self, keys_: Sequence[str]) -> None:
        """Empty our key and the mark."""
        marks = dict.fromkeys(self._marks, False)
        self._mark([{"Id": id_, self.key_field: None, **marks} for id_ in self.find(keys_).values()])

    def delete(self, rows: Mapping[str, str]) -> list[Outcome]:
        """Delete records, but none below which others stand that Salesforce would delete along."""
        below = self._below(list(rows.values()))
        bad = {
            key: Refusal("has_children", f"deleting it would delete {number} records that are not ours")
            for key, id_ in rows.items()
            if (number := below.get(id_, 0))
        }
        doomed = {key: id_ for key, id_ in rows.items() if key not in bad}
        sent = self.sender.delete(self.sobject, list(doomed.values()))
        done = outcomes(doomed, sent)
        for outcome in done:
            if outcome.refusal and outcome.refusal.code in GONE:
                outcome.id, outcome.refusal = doomed[outcome.key], None
            else:
                outcome.id = doomed[outcome.key] if outcome.refusal is None else None
        return [*done, *(Outcome(key, refusal=reason) for key, reason in bad.items())]

    # -- the parts -----------------------------------------------------------------------------------

    def encode_key(self, key: str) -> str:
        """Return the key as the record carries it."""
        return self.prefix + keys.encode(key)

    def decode_key(self, text: str) -> str:
        """Return the key again."""
        return keys.decode(text.removeprefix(self.prefix))

    @property
    def _ours(self) -> str:
        return begins(self.key_field, self.prefix)

    @property
    def _without_key(self) -> str:
        return f"{self.key_field} = null" if self.has_key else ""

    @property
    def _marks(self) -> list[str]:
        return [ADOPTED_FIELD] if ADOPTED_FIELD in self.columns else []

    def _kept(self, condition: str) -> str:
        """Leave deleted records out, which queryAll takes in."""
        return f"{condition} AND IsDeleted = false" if self.entity.archives else condition

    def _pages(self, fields: Iterable[str], condition: str) -> Iterator[list[dict[str, Any]]]:
        where = self._kept(condition) if condition else ("IsDeleted = false" if self.entity.archives else "")
        names = ", ".join(dict.fromkeys(["Id", *self._names(fields)]))
        soql = f"SELECT {names} FROM {self.sobject}" + (f" WHERE {where}" if where else "")
        return self.client.query(soql, everything=self.entity.archives)

    def _names(self, fields: Iterable[str]) -> list[str]:
        return [name for name in dict.fromkeys(fields) if name in self.columns] or ["Id"]

    def _decode(self, row: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Value]:
        return {name: decode(self.columns[name], row[name]) for name in fields if name in self.columns}

    def _encode(self, values: Values) -> dict[str, Any]:
        columns = self.columns
        unknown = values.keys() - columns.keys()
        if unknown and unknown <= set(self.entity.granted):
            self.provision(())
            columns = self.columns
        elif unknown:
            raise RunStopped(
                f"{self.sobject} has no field {', '.join(sorted(unknown))}.", hint="Run crmlift provision."
            )
        return {name: encode(columns[name], value) for name, value in values.items()}

    def _insert(self, rows: Sequence[Mapping[str, Any]]) -> list[Sent]:
        return self.sender.insert(
            self.sobject, rows, by=[self.key_field], find=self._find, order=self.entity.parents
        )

    def _find(self, wire_keys: Sequence[str]) -> dict[str, str]:
        """Return ids by key as the records carry it."""
        found = {}
        for part in lists(wire_keys):
            for page in self._pages([self.key_field], one_of(self.key_field, part)):
                found.update({row[self.key_field]: row["Id"] for row in page})
        return found

    def _there(self, keys_: Sequence[str]) -> dict[str, str]:
        wire = self._find([self.encode_key(key) for key in keys_]) if keys_ else {}
        return {self.decode_key(text): id_ for text, id_ in wire.items()}

    def _dated(self, values: Values) -> dict[str, Any]:
        """Return the record's own creation date, where the user may set it: on insert only."""
        at = values.get(self.entity.dated_by)
        column = self.columns.get(DATED_FIELD)
        if not isinstance(at, datetime) or column is None or not column.createable or at > datetime.now(UTC):
            return {}
        return {DATED_FIELD: encode(column, at)}

    def _elsewhere(self, keys_: Sequence[str]) -> dict[str, str]:
        """Say which keys the other entity of people holds: only a user makes a lead a contact."""
        if not self.entity.other or not self._others_at_start:
            return {}
        other = self._other
        wire = {other.encode_key(key): key for key in keys_}
        label = other.sobject.lower()
        detail = f"the person is there as a {label}; convert it in Salesforce"
        return {wire[text]: detail for text in other._find(list(wire))}

    @cached_property
    def _other(self) -> RecordTable:
        entity = ENTITIES[self.entity.other]
        assert isinstance(entity, Records)
        return RecordTable(self.sender, self.schema, entity, self.workspace)

    @cached_property
    def _others_at_start(self) -> bool:
        """Whether an earlier run left rows in the other entity: within one run the hooks keep them apart."""
        return self._other.count() > 0

    def _mark(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        for sent in self.sender.update(self.sobject, rows):
            if sent.refusal and sent.refusal.code not in GONE:
                raise RunStopped(
                    f"{self.sobject}: our key cannot be put on or taken off a record ({sent.refusal.code}).",
                    hint="Run again once the integration user may change it.",
                )

    def _below(self, ids: Sequence[str]) -> dict[str, int]:
        """Count the records, by parent, that would go with it."""
        counts: dict[str, int] = {}
        for child, name in self._cascades:
            # Memberships that we put back hold no key; a rollback takes them along.
            foreign = f" AND CreatedById != {quoted(self.client.user_id)}" if child == MEMBER else ""
            for part in lists(ids):
                where = f"{one_of(name, part)}{foreign}"
                soql = f"SELECT {name}, COUNT(Id) n FROM {child} WHERE {where} GROUP BY {name}"
                for page in self.client.query(soql):
                    for row in page:
                        counts[row[name]] = counts.get(row[name], 0) + int(row["n"])
        return counts

    @cached_property
    def _cascades(self) -> list[tuple[str, str]]:
        children = self.schema.object(self.sobject).get("childRelationships", ())
        cascading = {(one["childSObject"], one["field"]) for one in children if one["cascadeDelete"]}
        return [pair for pair in self.entity.cascades if pair in cascading]
