"""Leads and activities: what they take from their contact, and the mail that they can cause."""

from __future__ import annotations

from typing import Any

from target_odoo.sandbox.contacts import Thread, normalized, queue_mail
from target_odoo.sandbox.errors import validation
from target_odoo.sandbox.orm import Model, Vals, model, root
from target_odoo.sandbox.store import Doc

_SHARED = {"email_from": "email", "phone": "phone"}


@model("crm.lead")
class Lead(Thread):
    """Leads: an email or phone that is written to one with a contact goes on to the contact (CrmLead)."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Take from the contact what is not given, and give it what is."""
        if docs is None and not vals.get("name"):
            raise validation("Missing required value for the field 'Opportunity' (name).")
        partner_id = vals.get("partner_id") or next(
            (doc.get("partner_id") for doc in (docs or {}).values()), None
        )
        if partner_id:
            partner = self.store.get("res.partner", [partner_id]).get(partner_id, {})
            changed = {
                theirs: vals[ours]
                for ours, theirs in _SHARED.items()
                if vals.get(ours, partner.get(theirs)) != partner.get(theirs)
            }
            if changed:
                root(self.env)["res.partner"].browse([partner_id]).write(changed)
            if docs is None:
                vals = {**{ours: partner.get(theirs) for ours, theirs in _SHARED.items()}, **vals}
        if "email_from" in vals:
            vals["email_normalized"] = normalized(vals["email_from"])
        if docs is None and not vals.get("stage_id"):
            first = root(self.env)["crm.stage"].search([], limit=1, order="sequence, name, id")
            vals["stage_id"] = first[0] if first else False
        return vals


@model("crm.tag")
class LeadTag(Model):
    """Tags of leads: their names are unique."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Refuse a name that is taken."""
        taken = root(self.env)[self.model].search([["name", "=", vals.get("name")]])
        if set(taken) - set(docs or ()):
            raise validation("Tag name already exists!")
        return vals


@model("mail.activity")
class Activity(Model):
    """Activities: one for another user tells that user, unless it is quiet."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Refuse one of no record; a done one has a day."""
        if docs is None:
            if not vals.get("res_model_id") or not vals.get("res_id"):
                raise validation("Activities have to be linked to records with a not null res_id.")
            owner: dict[str, Any] = (
                root(self.env)["ir.model"].browse([vals["res_model_id"]]).read(["model"])[0]
            )
            vals["res_model"] = owner["model"]
            if vals.get("active") is False and not vals.get("date_done"):
                vals["date_done"] = self.env.now()[:10]
        return vals

    def created(self, rows: list[Vals]) -> None:
        """Tell the user."""
        for id_, row in zip(self.ids, rows, strict=True):
            user = row.get("user_id")
            if user and user != self.env.uid and not self.env.context.get("mail_activity_quick_update"):
                queue_mail(self.env, {"model": self.model, "res_id": id_, "body": "Activity"})
