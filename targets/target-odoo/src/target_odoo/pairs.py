"""Entities whose rows are pairs in a many2many of the contact: its tags, its companies.

A pair's id is `{contact}:{other}`. Its values are the two ids, under `partner_id` and the other's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from crmlift.destination import Create, Field, FieldType, Found, Outcome, Update, Value
from crmlift.errors import BatchRefused, Refusal
from target_odoo.client import OdooClient
from target_odoo.errors import NoSuchModel
from target_odoo.kinds import PARTNER, PARTNER_FIELD, Pairs
from target_odoo.records import ALL, pages
from target_odoo.schema import Schema

Pair = tuple[int, int]
_ADD, _REMOVE = 4, 3


class PairTable:
    """Pairs of one kind."""

    def __init__(self, client: OdooClient, schema: Schema, entity: Pairs) -> None:
        self.client, self.schema, self.entity = client, schema, entity

    def describe(self) -> dict[str, Field]:
        """Return both fields; the other one only where the many2many is there."""
        fields = [Field(PARTNER_FIELD, FieldType.LINK, required=True, links_to=PARTNER)]
        if self.entity.member in self.schema.columns(PARTNER):
            fields.append(
                Field(self.entity.other, FieldType.LINK, required=True, links_to=self.entity.other_model)
            )
        return {field.name: field for field in fields}

    def provision(self) -> None:
        """Create the many2many where it is a custom one."""
        if self.entity.member.startswith("x_"):
            label = self.entity.spec.label
            links = Field(self.entity.member, FieldType.LINKS, label=label, links_to=self.entity.other_model)
            self.schema.provision(PARTNER, [links])

    def find(self, keys: Sequence[str]) -> dict[str, str]:
        """Return nothing: pairs carry no key."""
        del keys
        return {}

    def scan_ours(self, fields: Sequence[str]) -> Iterator[list[Found]]:
        """Page through all pairs."""
        member = self.entity.member
        for page in pages(self.client, PARTNER, [[member, "!=", False]], [member]):
            yield [
                Found(_id((row["id"], other)), None, self._values((row["id"], other), fields))
                for row in page
                for other in row[member]
            ]

    def scan_others(self, fields: Sequence[str]) -> Iterator[list[Found]]:
        """Yield nothing: there is no pair to adopt."""
        del fields
        yield from ()

    def read(self, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Return the values of those pairs that are there."""
        wanted = {_pair(id_) for id_ in ids}
        return {_id(pair): self._values(pair, fields) for pair in sorted(self._there(wanted))}

    def count(self) -> int:
        """Return how many pairs there are."""
        return sum(len(page) for page in self.scan_ours(()))

    def create(self, rows: Sequence[Create]) -> list[Outcome]:
        """Add pairs; those that are there stay, and are said to have existed."""
        wanted = [(int(row.values[PARTNER_FIELD]), int(row.values[self.entity.other])) for row in rows]
        there = self._there(set(wanted), refuse=wanted)
        self._write(_ADD, set(wanted) - there)
        return [
            Outcome(row.key, id=_id(pair), existed=pair in there)
            for row, pair in zip(rows, wanted, strict=True)
        ]

    def update(self, rows: Sequence[Update]) -> list[Outcome]:
        """Change nothing: a pair has no values but its identity."""
        return [Outcome(row.key, id=row.id) for row in rows]

    def delete(self, rows: Mapping[str, str]) -> list[Outcome]:
        """Remove pairs; those that are gone count as removed."""
        self._write(_REMOVE, self._there({_pair(id_) for id_ in rows.values()}))
        return [Outcome(key, id=id_) for key, id_ in rows.items()]

    def _values(self, pair: Pair, fields: Sequence[str]) -> dict[str, Value]:
        both = {PARTNER_FIELD: str(pair[0]), self.entity.other: str(pair[1])}
        return {name: both[name] for name in fields if name in both}

    def _there(self, wanted: set[Pair], refuse: Sequence[Pair] | None = None) -> set[Pair]:
        """Return which pairs exist; with `refuse`, raise for those whose contact is gone."""
        partners = sorted({pair[0] for pair in wanted})
        rows = self.client.call(
            PARTNER, "search_read", domain=[["id", "in", partners]], fields=[self.entity.member], context=ALL
        )
        others = {row["id"]: set(row[self.entity.member]) for row in rows}
        if refuse is not None and len(others) < len(partners):
            reason = Refusal("contact_is_gone", field=PARTNER_FIELD)
            gone = {n: reason for n, pair in enumerate(refuse) if pair[0] not in others}
            raise BatchRefused(
                f"{self.entity.spec.name}: {len(gone)} contacts are gone.", reason=reason, rows=gone
            )
        return {pair for pair in wanted if pair[1] in others.get(pair[0], ())}

    def _write(self, command: int, pairs: Iterable[Pair]) -> None:
        """Add or remove pairs, in one call where the server can write several records at once."""
        by_owner: dict[int, list[int]] = {}
        for partner, other in sorted(pairs):
            owner, member = (partner, other) if self.entity.owner == PARTNER_FIELD else (other, partner)
            by_owner.setdefault(owner, []).append(member)
        if not by_owner:
            return
        name = self.entity.owner_field
        vals = [{name: [[command, id_] for id_ in members]} for members in by_owner.values()]
        model, owners = self.entity.owner_model, list(by_owner)
        try:
            self.client.call(model, "web_save_multi", owners, vals_list=vals, specification={}, context=ALL)
        except NoSuchModel:
            for owner, values in zip(owners, vals, strict=True):
                self.client.call(model, "write", [owner], vals=values, context=ALL)


def _id(pair: Pair) -> str:
    return f"{pair[0]}:{pair[1]}"


def _pair(id_: str) -> Pair:
    partner, _, other = id_.partition(":")
    return int(partner), int(other)
