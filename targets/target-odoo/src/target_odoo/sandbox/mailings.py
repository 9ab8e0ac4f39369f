"""Mailings, their statistics, and the addresses that are not mailed."""

from __future__ import annotations

from typing import Any

from target_odoo.sandbox.contacts import Thread, normalized, queue_mail
from target_odoo.sandbox.errors import user_error, validation
from target_odoo.sandbox.orm import Model, Vals, model, public_model, root
from target_odoo.sandbox.store import Doc


@model("mail.blacklist")
class Blacklist(Thread):
    """Addresses: one record each, and `create` gives back those that are there."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Bring the address into its normal form."""
        del docs
        if "email" in vals:
            vals["email"] = normalized(vals["email"])
        return vals

    @public_model
    def create(self, vals_list: list[Vals] | Vals) -> list[int]:
        """Create the addresses that are not there; return all, known ones first (MailBlackList.create)."""
        rows = [vals_list] if isinstance(vals_list, dict) else list(vals_list)
        wanted: dict[str, Vals] = {}
        for row in rows:
            email = normalized(row.get("email"))
            if not email:
                raise user_error(f"Invalid email address \u201c{row.get('email')}\u201d")
            wanted.setdefault(email, {**row, "email": email})
        known = root(self.env)[self.model].search_read([["email", "in", list(wanted)]])
        there = {row["email"]: row["id"] for row in known}
        made = super().create([row for email, row in wanted.items() if email not in there])
        return [*there.values(), *made]


@model("mailing.mailing")
class Mailing(Thread):
    """Mailings: each brings a source of its own, and is sent unless it is done."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Make the source of a new mailing."""
        if docs is None and not vals.get("source_id"):
            name = vals.get("name") or f"{vals.get('subject')} (Mass Mailing)"
            sources = root(self.env)["utm.source"]
            taken = {row["name"] for row in sources.search_read([])}
            number, free = 1, name
            while free in taken:
                number += 1
                free = f"{name} [{number}]"
            vals["source_id"] = sources.create([{"name": free}])[0]
            vals["name"] = free
        return vals

    def created(self, rows: list[Vals]) -> None:
        """Send what is queued."""
        super().created(rows)
        for id_, row in zip(self.ids, rows, strict=True):
            self._send(id_, row)

    def written(self, vals: Vals) -> None:
        """Send what is queued."""
        super().written(vals)
        for id_ in self.ids:
            self._send(id_, vals)

    def _send(self, id_: int, vals: Vals) -> None:
        if vals.get("state") in ("in_queue", "sending"):
            queue_mail(self.env, {**self._note(id_, "Mailing"), "message_type": "email"})


@model("utm.source")
class Source(Model):
    """Sources: kept while a mailing has them."""

    def before_unlink(self) -> None:
        """Refuse what is in use."""
        if root(self.env)["mailing.mailing"].search_count([["source_id", "in", self.ids]]):
            raise validation("Another model requires the record being deleted.")


@model("mailing.trace")
class Trace(Model):
    """Statistics of one delivery."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Refuse one of nobody."""
        for doc in docs.values() if docs else [{}]:
            merged: dict[str, Any] = {**doc, **vals}
            if not merged.get("res_id"):
                raise validation("Traces have to be linked to records with a not null res_id.")
        return vals
