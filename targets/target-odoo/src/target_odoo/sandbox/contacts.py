"""Contacts: the addresses that wander between people and companies, and the mail that writes can cause."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from target_odoo.sandbox.errors import OdooError, user_error, validation
from target_odoo.sandbox.orm import Model, Vals, model, public, public_model, root
from target_odoo.sandbox.registry import F
from target_odoo.sandbox.store import Doc

ADDRESS = ("street", "street2", "zip", "city", "state_id", "country_id")
COMMERCIAL = ("vat", "company_registry", "industry_id")
_EMAIL = re.compile(r"[^\s<>,;]+@[^\s<>,;]+\.[^\s<>,;]+")


class Thread(Model):
    """A model with chatter: writes without the quiet flags leave messages, and some queue mail."""

    def created(self, rows: list[Vals]) -> None:
        """Log the creation unless told not to, tell a new salesperson, and run the customer's own rules."""
        env = root(self.env)
        if not self.env.context.get("tracking_disable"):
            env["mail.message"].create([self._note(id_, "Contact created") for id_ in self.ids])
            env["mail.followers"].create([
                {"res_model": self.model, "res_id": id_, "partner_id": 3} for id_ in self.ids
            ])  # fmt: skip
            self._tell(dict(zip(self.ids, rows, strict=True)))
        self._automate("on_create")

    def written(self, vals: Vals) -> None:
        """Do the same for a change."""
        if not self.env.context.get("tracking_disable"):
            self._tell(dict.fromkeys(self.ids, vals))
        self._automate("on_write")

    def _note(self, id_: int, body: str) -> Vals:
        return {"model": self.model, "res_id": id_, "body": body, "message_type": "notification"}

    def _tell(self, rows: dict[int, Vals]) -> None:
        for id_, vals in rows.items():
            if vals.get("user_id") and vals["user_id"] != self.env.uid:
                queue_mail(self.env, self._note(id_, "You have been assigned to a record"))

    def _automate(self, trigger: str) -> None:
        rules = root(self.env)["base.automation"].search_read(
            [
                ["active", "=", True],
                ["model_name", "=", self.model],
                ["trigger", "in", [trigger, "on_create_or_write"]],
            ]
        )
        for _ in rules:
            for id_ in self.ids:
                queue_mail(self.env, self._note(id_, "Automation rule"))

    @public
    def message_post(self, body: str = "", **options: Any) -> int:
        """Post to the followers: they get mail at once."""
        del options
        for id_ in self.ids:
            queue_mail(self.env, self._note(id_, body))
        return self.ids[0] if self.ids else 0


def queue_mail(env: Any, note: Vals) -> None:
    """Put a mail into the queue, as our user."""
    system = root(env)
    message = system["mail.message"].create([note])[0]
    system["mail.notification"].create([{"mail_message_id": message, "notification_type": "email"}])
    system["mail.mail"].create([{"subject": note["body"]}])


@model("res.partner")
class Partner(Thread):
    """Contacts and companies."""

    def selection(self, name: str, f: F) -> Sequence[tuple[str, str]]:
        """Offer the installed languages."""
        if name != "lang":
            return f.selection
        langs = root(self.env)["res.lang"].search_read([["active", "=", True]])
        return [(lang["code"], lang["name"]) for lang in langs]

    @public_model
    def default_get(self, fields: list[str]) -> Vals:
        """Take language and time zone from the context, as Odoo does."""
        defaults = super().default_get(fields)
        if "tz" in fields and self.env.context.get("tz"):
            defaults["tz"] = self.env.context["tz"]
        if "lang" in fields:
            defaults["lang"] = self.env.context.get("lang") or "en_US"
        return defaults

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Complete websites and computed fields, and refuse a contact without a name."""
        if vals.get("website"):
            vals["website"] = clean_website(vals["website"])
        if vals.get("parent_id"):
            vals["company_name"] = False
        if "email" in vals:
            vals["email_normalized"] = normalized(vals["email"])
        for doc in docs.values() if docs else [{}]:
            merged = {**doc, **vals}
            if merged.get("type", "contact") == "contact" and merged.get("name") in (None, False):
                raise validation("The operation cannot be completed: Contacts require a name")
        if docs and vals.get("active") is False:
            self._refuse_users("archive")
        return vals

    def created(self, rows: list[Vals]) -> None:
        """Bring addresses in line."""
        self._sync(dict(zip(self.ids, rows, strict=True)))
        super().created(rows)

    def written(self, vals: Vals) -> None:
        """Bring addresses in line."""
        self._sync(dict.fromkeys(self.ids, vals))
        super().written(vals)

    def before_unlink(self) -> None:
        """Keep contacts of users."""
        self._refuse_users("delete")

    def _refuse_users(self, verb: str) -> None:
        users = root(self.env)["res.users"].search([["partner_id", "in", self.ids], ["active", "=", True]])
        if users:
            text = f"You cannot {verb} contacts linked to an active user."
            raise OdooError("odoo.exceptions.RedirectWarning", text, 500)

    def _sync(self, rows: dict[int, Vals]) -> None:
        """Do what res.partner's `_fields_sync` does: parent to child, child to parent, parent to children."""
        for id_, vals in rows.items():
            if not vals.keys() & {"parent_id", "type", "is_company", *ADDRESS, *COMMERCIAL}:
                continue
            doc = self.store.get(self.model, [id_])[id_]
            parent_id = doc.get("parent_id")
            if parent_id:
                self._sync_parent(id_, doc, parent_id, vals)
            if vals.keys() & set(ADDRESS):
                self._sync_children(id_)

    def _sync_parent(self, id_: int, doc: Doc, parent_id: int, vals: Vals) -> None:
        if parent_id == id_:
            raise validation("You cannot create recursive Partner hierarchies.")
        parent = self.store.get(self.model, [parent_id])[parent_id]
        address = _part(parent, ADDRESS)
        if vals.get("parent_id"):
            doc = self._merge(id_, doc, _whole(parent, COMMERCIAL))
        if doc.get("type", "contact") != "contact":
            return
        if (vals.get("parent_id") or vals.get("type") == "contact") and address:
            doc = self._merge(id_, doc, _whole(parent, ADDRESS))
        if _part(doc, ADDRESS) and _part(doc, ADDRESS) != address:
            self._merge(parent_id, parent, _whole(doc, ADDRESS))
            self._sync_children(parent_id)

    def _sync_children(self, id_: int) -> None:
        parent = self.store.get(self.model, [id_])[id_]
        where = "json_extract(doc, '$.parent_id') = ? AND json_extract(doc, '$.type') = 'contact'"
        children = self.store.get(self.model, self.store.ids(self.model, where, [id_]))
        for child, doc in children.items():
            self._merge(child, doc, _whole(parent, ADDRESS))

    def _merge(self, id_: int, doc: Doc, values: Vals) -> Doc:
        merged = {key: value for key, value in {**doc, **values}.items() if value is not None}
        self.store.put(self.model, [(id_, merged)])
        return merged


@model("res.partner.category")
class Category(Model):
    """Tags."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Refuse a tag that is its own ancestor."""
        parent = vals.get("parent_id")
        while docs and parent:
            if parent in docs:
                raise user_error("You can not create recursive tags.")
            parent = self.store.get(self.model, [parent]).get(parent, {}).get("parent_id")
        return vals


def normalized(email: Any) -> str | Literal[False]:
    """Return an address as Odoo compares it; False where there is not exactly one."""
    found = _EMAIL.findall(str(email or ""))
    return found[0].lower() if len(found) == 1 else False


def clean_website(website: str) -> str:
    """Return what Odoo stores for a website."""
    if urlsplit(website).scheme and not re.match(r"^[^/]*:\d+(/|$)", website):
        return website
    return "http://" + website.lstrip("/")


def _part(doc: Doc, names: tuple[str, ...]) -> Doc:
    return {name: doc[name] for name in names if doc.get(name)}


def _whole(doc: Doc, names: tuple[str, ...]) -> Vals:
    return {name: doc.get(name) for name in names}
