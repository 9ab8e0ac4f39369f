"""Mails with the message inside them, templates, subscriptions, and numbers that are not texted."""

from __future__ import annotations

import re
from typing import Any

from target_odoo.sandbox.contacts import Thread, normalized
from target_odoo.sandbox.errors import user_error, validation
from target_odoo.sandbox.orm import Model, Vals, model, public_model, root
from target_odoo.sandbox.store import Doc

_INLINE = re.compile(r"\{\{(.+?)(?:\|\|\|.*?)?\}\}", re.DOTALL)
_OUT = re.compile(r"<t\s[^>]*t-(?:out|if|elif)=\"([^\"]*)\"")
_FIELD = re.compile(r"\bobject\.(\w+)")
_E164 = re.compile(r"\+[1-9]\d{6,14}")


@model("mail.message")
class Message(Model):
    """Entries of the chatter, which shows the highest id first, whatever the times."""

    order = "id desc"


@model("mail.mail")
class Mail(Model):
    """Mails: each has a message inside it, which goes with it, unless it tells of one that was there."""

    order = "id desc"

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Make the message of a new mail, or change that of an old one; the mail shows what is in it."""
        messages = root(self.env)["mail.message"]
        shared = {name: vals.pop(name) for name in list(vals) if self.fields[name].inside}
        if docs is not None:
            messages.browse([doc["mail_message_id"] for doc in docs.values()]).write(shared)
        elif vals.get("mail_message_id"):
            vals.setdefault("is_notification", True)
            messages.browse([vals["mail_message_id"]]).write({"message_type": shared["message_type"]})
        else:
            vals["mail_message_id"] = messages.create([shared])[0]
        return vals

    def before_unlink(self) -> None:
        """Delete the messages that came with the mails."""
        docs = self.existing().values()
        own = [doc["mail_message_id"] for doc in docs if not doc.get("is_notification")]
        self.store.delete("mail.message", own)


@model("mail.template")
class Template(Model):
    """Templates: their placeholders are compiled when they are saved."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Refuse what names no field of the contact."""
        del docs
        found = _INLINE.findall(str(vals.get("subject") or ""))
        found += _OUT.findall(str(vals.get("body_html") or ""))
        known = self.env.db.registry.models["res.partner"]
        for expression in found:
            unknown = [name for name in _FIELD.findall(expression) if name not in known]
            if unknown or re.match(r"\s*(customer|event|trigger)\b", expression):
                raise validation(
                    "Oops! We couldn't save your template due to an issue with this value: "
                    f"{expression}. Correct it and try again."
                )
        return vals


@model("phone.blacklist")
class PhoneBlacklist(Thread):
    """Numbers: one record each, and `create` gives back those that are there."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Bring the number into its normal form."""
        del docs
        if "number" in vals:
            vals["number"] = _sanitized(vals["number"])
        return vals

    @public_model
    def create(self, vals_list: list[Vals] | Vals) -> list[int]:
        """Create the numbers that are not there; return all, in the order of the first of each."""
        rows = [vals_list] if isinstance(vals_list, dict) else list(vals_list)
        wanted: dict[str, Vals] = {}
        for row in rows:
            number = _sanitized(row.get("number"))
            wanted.setdefault(number, {**row, "number": number})
        known = root(self.env)[self.model].search_read([["number", "in", list(wanted)]])
        there = {row["number"]: row["id"] for row in known}
        new = [row for number, row in wanted.items() if number not in there]
        made = super().create(new)
        there |= {row["number"]: id_ for row, id_ in zip(new, made, strict=True)}
        return [there[number] for number in wanted]


def _sanitized(number: Any) -> str:
    digits = re.sub(r"[\s().-]", "", str(number or ""))
    if not _E164.fullmatch(digits):
        raise user_error(f"Invalid number {number}: probably incorrect prefix. Please correct the number.")
    return digits


@model("mailing.contact")
class Subscriber(Thread):
    """People on mailing lists."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Compute the normal form of the address."""
        del docs
        if "email" in vals:
            vals["email_normalized"] = normalized(vals["email"])
        return vals


@model("mailing.contact.subscription")
@model("mailing.subscription")
class Subscription(Model):
    """Who is on which list: once. Its first name is that of Odoo 16."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Refuse a second one, and note when somebody opted out."""
        if docs is None:
            pair = [["contact_id", "=", vals.get("contact_id")], ["list_id", "=", vals.get("list_id")]]
            if root(self.env)[self.model].search_count(pair):
                raise validation(
                    "A mailing contact cannot subscribe to the same mailing list multiple times."
                )
        if vals.get("opt_out_datetime"):
            vals["opt_out"] = True
        elif vals.get("opt_out") and "opt_out_datetime" in self.fields:
            vals["opt_out_datetime"] = self.env.now()
        return vals
