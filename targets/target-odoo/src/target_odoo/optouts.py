"""Addresses not to mail and numbers not to text: Odoo keeps one record of each, whoever it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from crmlift.destination import Create, Outcome
from crmlift.errors import BatchRefused, Refusal
from target_odoo.records import ALL
from target_odoo.xmlids import XmlIdTable


class OptOutTable(XmlIdTable):
    """A list that only ever grows.

    Its `create` gives back what is there, in another order (MailBlackList.create, PhoneBlacklist.create),
    so that is looked up first and gets our key; what was taken off the list in Odoo is put back on it.
    """

    field: ClassVar[str]
    lacking: ClassVar[str]

    def create(self, rows: Sequence[Create]) -> list[Outcome]:
        """Put addresses on the list."""
        nobody = Refusal(self.lacking, field=self.field)
        refused = {n: nobody for n, row in enumerate(rows) if not row.values.get(self.field)}
        if refused:
            raise BatchRefused(f"{self.model}: {self.lacking}.", reason=nobody, rows=refused)
        floor = self._floor
        there = self._listed([row.values[self.field] for row in rows])
        new: dict[str, Create] = {}
        for row in rows:
            if row.values[self.field] not in there:
                new.setdefault(row.values[self.field], row)
        try:
            made = super().create(list(new.values())) if new else []
        except BatchRefused:
            # A call of a run that was killed may have put them on the list in between.
            if not self._listed(list(new)):
                raise
            return self.create(rows)
        there |= {text: int(str(outcome.id)) for text, outcome in zip(new, made, strict=True)}
        born = {row.key for row in new.values()}
        known = {row.key: str(there[row.values[self.field]]) for row in rows if row.key not in born}
        if known:
            self.adopt(known)
        ids = [there[row.values[self.field]] for row in rows]
        return [
            Outcome(row.key, id=str(id_), existed=id_ <= floor) for row, id_ in zip(rows, ids, strict=True)
        ]

    def _listed(self, texts: Sequence[str]) -> dict[str, int]:
        """Return the records of these addresses; those that were taken off are put back on."""
        rows = self.client.call(
            self.model,
            "search_read",
            domain=[[self.field, "in", sorted(set(texts))]],
            fields=[self.field, "active"],
            context=ALL,
        )
        off = [row["id"] for row in rows if not row["active"]]
        if off:
            self.client.call(self.model, "write", off, vals={"active": True})
        return {row[self.field]: row["id"] for row in rows}


class AddressOptOuts(OptOutTable):
    """`mail.blacklist`."""

    field = "email"
    lacking = "no_email_address"


class NumberOptOuts(OptOutTable):
    """`phone.blacklist`: a number needs its country, or Odoo would take it for one of its own."""

    field = "number"
    lacking = "no_international_number"
