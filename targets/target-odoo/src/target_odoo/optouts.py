"""Addresses that must not be mailed: Odoo keeps one record per address, whoever it belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from crmlift.destination import Create, Outcome
from crmlift.errors import BatchRefused, Refusal
from target_odoo.records import ALL
from target_odoo.xmlids import XmlIdTable


class OptOutTable(XmlIdTable):
    """`mail.blacklist`, which only ever grows.

    Its `create` gives back addresses that are there, in another order (MailBlackList.create), so those
    are looked up first and get our key; one that was taken off the list in Odoo is put back on it.
    """

    def create(self, rows: Sequence[Create]) -> list[Outcome]:
        """Put addresses on the list."""
        nobody = Refusal("no_email_address", field="email")
        refused = {n: nobody for n, row in enumerate(rows) if not row.values.get("email")}
        if refused:
            raise BatchRefused(f"{self.model}: no address.", reason=nobody, rows=refused)
        floor = self._floor
        there = self._listed([row.values["email"] for row in rows])
        new: dict[str, Create] = {}
        for row in rows:
            if row.values["email"] not in there:
                new.setdefault(row.values["email"], row)
        try:
            made = super().create(list(new.values())) if new else []
        except BatchRefused:
            # A call of a run that was killed may have put them on the list in between.
            if not self._listed(list(new)):
                raise
            return self.create(rows)
        there |= {email: int(str(outcome.id)) for email, outcome in zip(new, made, strict=True)}
        born = {row.key for row in new.values()}
        known = {row.key: str(there[row.values["email"]]) for row in rows if row.key not in born}
        if known:
            self.adopt(known)
        ids = [there[row.values["email"]] for row in rows]
        return [
            Outcome(row.key, id=str(id_), existed=id_ <= floor) for row, id_ in zip(rows, ids, strict=True)
        ]

    def _listed(self, emails: Sequence[str]) -> dict[str, int]:
        """Return the records of these addresses; those that were taken off are put back on."""
        rows = self.client.call(
            self.model,
            "search_read",
            domain=[["email", "in", sorted(set(emails))]],
            fields=["email", "active"],
            context=ALL,
        )
        off = [row["id"] for row in rows if not row["active"]]
        if off:
            self.client.call(self.model, "write", off, vals={"active": True})
        return {row["email"]: row["id"] for row in rows}
