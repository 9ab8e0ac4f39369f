"""Entities whose rows join two records, of which the platform keeps each pair once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crmlift.destination import Create, Field, FieldType, Found, Outcome, Update, Value, Values
from crmlift.errors import Refusal
from target_salesforce import keys
from target_salesforce.client import SalesforceClient
from target_salesforce.converted import Converted
from target_salesforce.entities import ENTITIES, KEY_FIELD, WHO_FIELD, Pairs
from target_salesforce.errors import DUPLICATE, GONE
from target_salesforce.reading import dated
from target_salesforce.results import Sent
from target_salesforce.schema import Schema
from target_salesforce.sending import Sender, outcomes
from target_salesforce.soql import PER_LIST, begins, lists, one_of
from target_salesforce.values import Column, Unfit, decode, encode, expected

Pair = tuple[str, str]
_LEAD_PREFIX = "00Q"
_MAKER = "CreatedById"
_WHO = ("LeadId", "ContactId")


class PairTable:
    """Pairs of one kind; a member of a campaign is a lead or a contact, as its id tells."""

    def __init__(
        self, sender: Sender, schema: Schema, entity: Pairs, workspace: str, converted: Converted
    ) -> None:
        self.sender, self.schema, self.entity, self.converted = sender, schema, entity, converted
        self.client: SalesforceClient = sender.client
        self.sobject = entity.sobject
        left = ENTITIES[entity.spec.depends_on[0]].spec.name
        self._prefix = keys.prefix(workspace, left)

    @property
    def columns(self) -> Mapping[str, Column]:
        """The object's live fields."""
        return self.schema.columns(self.sobject)

    def describe(self) -> dict[str, Field]:
        """Return the fields; both links can be written."""
        live = {name: column.field for name, column in self.columns.items()}
        if self.entity.right in live:
            live[self.entity.right] = Field(
                self.entity.right, FieldType.LINK, required=True, links_to="Contact"
            )
        return live

    def provision(self, fields: Sequence[Field]) -> None:
        """Create what is missing beside the two links."""
        if fields:
            self.schema.provision(self.entity, fields)

    def expected(self, values: Values) -> Values:
        """Return the values as Salesforce will hold them."""
        return expected(self.columns, values)

    def find(self, keys_: Sequence[str]) -> dict[str, str]:
        """Return nothing: pairs carry no key."""
        del keys_
        return {}

    def scan_ours(self, fields: Sequence[str]) -> Iterator[list[Found]]:
        """Page through the pairs of our records."""
        if not self.columns or not self._has_parents:
            return
        names = ", ".join(dict.fromkeys(["Id", *self._names(fields)]))
        where = begins(f"{self.entity.left_relation}.{KEY_FIELD}", self._prefix)
        for page in self.client.query(f"SELECT {names} FROM {self.sobject} WHERE {where}"):
            yield [Found(row["Id"], None, self._decode(row, fields)) for row in page]

    def scan_others(self, fields: Sequence[str]) -> Iterator[list[Found]]:
        """Yield nothing: there is no pair to adopt."""
        del fields
        yield from ()

    def read(self, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Return the values of those pairs that are there."""
        names = ", ".join(dict.fromkeys(["Id", *self._names(fields)]))
        found = {}
        for part in lists(ids):
            for page in self.client.query(f"SELECT {names} FROM {self.sobject} WHERE {one_of('Id', part)}"):
                found.update({row["Id"]: self._decode(row, fields) for row in page})
        return found

    def reading_calls(self, rows: int) -> int:
        """Return how many calls it takes to read so many pairs."""
        return math.ceil(rows / PER_LIST)

    def count(self) -> int:
        """Return how many pairs our records are in."""
        if not self.columns or not self._has_parents:
            return 0
        where = begins(f"{self.entity.left_relation}.{KEY_FIELD}", self._prefix)
        return self.client.count(f"SELECT count() FROM {self.sobject} WHERE {where}")

    def create(self, rows: Sequence[Create]) -> list[Outcome]:
        """Add pairs. Those that are there are said to have existed, and get the values beside their links."""
        wanted: dict[Pair, Values] = {}
        for row in rows:
            wanted.setdefault(self._pair(row.values), row.values)
        found: dict[Pair, Sent] = {}
        wire: dict[Pair, dict[str, Any]] = {}
        # Rows of one campaign or account side by side are not locked against each other.
        for pair in sorted(wanted):
            try:
                wire[pair] = self._wire(wanted[pair])
            except Unfit as unfit:
                found[pair] = Sent(refusal=unfit.refusal)
        by = [self.entity.left, *_WHO]
        found |= zip(wire, self.sender.insert(self.sobject, list(wire.values()), by=by), strict=True)
        there = self._there([pair for pair, one in found.items() if _doubled(one)])
        found |= {pair: Sent(id_) for pair, id_ in there.items()}
        found |= self._complete({pair: wanted[pair] for pair in there}, there)
        made = []
        for row in rows:
            pair = self._pair(row.values)
            one = found[pair]
            existed = pair in there and one.refusal is None
            made.append(Outcome(row.key, id=one.id, existed=existed, refusal=one.refusal))
        return made

    def update(self, rows: Sequence[Update]) -> list[Outcome]:
        """Change nothing: a pair has no values but its identity."""
        return [Outcome(row.key, id=row.id) for row in rows]

    def delete(self, rows: Mapping[str, str]) -> list[Outcome]:
        """Remove pairs; those that are gone count as removed, and those that must stay are ended."""
        ids = list(dict.fromkeys(rows.values()))
        refused: dict[str, Refusal] = {
            outcome.key: outcome.refusal
            for outcome in outcomes(ids, self.sender.delete(self.sobject, ids))
            if outcome.refusal and outcome.refusal.code not in GONE
        }
        if self.entity.active:
            # Salesforce keeps the relation to the account that the contact itself names.
            kept = [id_ for id_, refusal in refused.items() if refusal.code == "DELETE_FAILED"]
            ended = self.sender.update(self.sobject, [{"Id": id_, self.entity.active: False} for id_ in kept])
            for id_ in (id_ for id_, one in zip(kept, ended, strict=True) if not one.refusal):
                del refused[id_]
        return [
            Outcome(key, refusal=refused[id_]) if id_ in refused else Outcome(key, id=id_)
            for key, id_ in rows.items()
        ]

    def foreign_below(self, ids: Sequence[str]) -> dict[str, int]:
        """Return nothing: nothing hangs on a pair."""
        del ids
        return {}

    def adopt(self, ids: Mapping[str, str]) -> None:
        """Do nothing: no pair is adopted."""

    def release(self, keys_: Sequence[str]) -> None:
        """Do nothing: no pair is adopted."""

    # -- the parts -----------------------------------------------------------------------------------

    @property
    def _has_parents(self) -> bool:
        parent = {"Account": "Account", "Campaign": "Campaign"}[self.entity.left_relation]
        return KEY_FIELD in self.schema.columns(parent)

    def _names(self, fields: Sequence[str]) -> list[str]:
        return [name for name in fields if name in self.columns] or ["Id"]

    def _decode(self, row: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Value]:
        live = self.columns
        return self.converted.from_wire(
            {name: decode(live[name], row[name]) for name in fields if name in live}
        )

    def _pair(self, values: Values) -> Pair:
        links = self.converted.to_wire({name: values[name] for name in (self.entity.left, self.entity.right)})
        return str(links[self.entity.left]), str(links[self.entity.right])

    def _wire(self, values: Values) -> dict[str, Any]:
        """Return the fields to send; who is a member goes into the field of its kind."""
        live = self.columns
        wire = self.converted.to_wire({name: encode(live[name], value) for name, value in values.items()})
        if who := wire.pop(WHO_FIELD, None):
            wire["LeadId" if who.startswith(_LEAD_PREFIX) else "ContactId"] = who
        return wire | dated(self.columns, values.get(self.entity.dated_by))

    def _complete(self, wanted: Mapping[Pair, Values], ids: Mapping[Pair, str]) -> dict[Pair, Sent]:
        """Write values of pairs that are there; of those that others made, only what is empty.

        Returns the pairs whose values were refused.
        """
        links = {self.entity.left, self.entity.right}
        beside = {pair: {n: v for n, v in row.items() if n not in links} for pair, row in wanted.items()}
        names = sorted({name for row in beside.values() for name in row})
        flag = [self.entity.active] if self.entity.active else []
        current = self.read(list(ids.values()), [*names, *flag, _MAKER]) if names or flag else {}
        wire: dict[Pair, dict[str, Any]] = {}
        for pair, row in beside.items():
            now = current.get(ids[pair], {})
            mine = now.get(_MAKER) == self.client.user_id
            new = {name: v for name, v in row.items() if v != now.get(name) and (mine or not now.get(name))}
            # One that `delete` ended goes on.
            new |= {name: True for name in flag if mine and now.get(name) is False}
            if new:
                values = {name: encode(self.columns[name], value) for name, value in new.items()}
                wire[pair] = {"Id": ids[pair], **values}
        sent = self.sender.update(self.sobject, list(wire.values())) if wire else []
        return {pair: one for pair, one in zip(wire, sent, strict=True) if one.refusal}

    def _there(self, pairs: Sequence[Pair]) -> dict[Pair, str]:
        left, right = self.entity.left, self.entity.right
        found: dict[Pair, str] = {}
        for part in lists(sorted({pair[1] for pair in pairs})):
            soql = f"SELECT Id, {left}, {right} FROM {self.sobject} WHERE {one_of(right, part)}"
            for page in self.client.query(soql):
                found.update({(row[left], row[right]): row["Id"] for row in page})
        return {pair: found[pair] for pair in pairs if pair in found}


def _doubled(one: Sent) -> bool:
    return one.refusal is not None and one.refusal.code == DUPLICATE
