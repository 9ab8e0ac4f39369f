"""The live schema, and the fields, the model and the page that a migration adds to it."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from crmlift.destination import Field, FieldType
from crmlift.errors import BatchRefused, ConfigError
from crmlift.http import Unanswered
from target_odoo.client import OdooClient
from target_odoo.entities import EVENT, KEY_FIELD, KEYED_BY_FIELD, MODEL_OF, PARTNER
from target_odoo.errors import NoSuchModel
from target_odoo.values import Column, column

logger = logging.getLogger(__name__)

MAX_NAME = 63
VIEW = "crmlift.partner.page"
EVENTS = "Customer.io events"
EVENT_VIEW = "crmlift.event.list"
_CONTACTS_MENU = "contacts.menu_contacts"
_ATTRIBUTES = ("type", "string", "required", "readonly", "store", "relation", "selection", "size")
_TTYPES = {
    FieldType.TEXT: "char",
    FieldType.HTML: "html",
    FieldType.INTEGER: "integer",
    FieldType.NUMBER: "float",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATE: "date",
    FieldType.DATETIME: "datetime",
    FieldType.JSON: "json",
    FieldType.CHOICE: "selection",
    FieldType.LINK: "many2one",
    FieldType.LINKS: "many2many",
}
_ALL = {"active_test": False}
_NOT_SHOWN = ("json", "binary", "one2many")
_GRANTS = {
    "base.group_user": {"perm_read": True},
    "base.group_partner_manager": {
        "perm_read": True,
        "perm_write": True,
        "perm_create": True,
        "perm_unlink": True,
    },
}


def field_name(label: str) -> str:
    """Return a legal name for a custom field ("subscription.plan_name" -> "x_subscription_plan_name").

    Names that are too long end in a hash of the label, so that two of them stay two.
    """
    name = "x_" + re.sub(r"[^A-Za-z0-9_]", "_", label).removeprefix("x_")
    if len(name) <= MAX_NAME:
        return name
    digest = hashlib.blake2b(label.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{name[: MAX_NAME - 9]}_{digest}"


class Schema:
    """Models and fields of one database, read once and again after a change."""

    def __init__(self, client: OdooClient) -> None:
        self._client = client
        self._columns: dict[str, dict[str, Column]] = {}

    def columns(self, model: str) -> dict[str, Column]:
        """Return the stored fields of a model by name; none where the model is not there."""
        if model not in self._columns:
            try:
                raw = self._client.call(model, "fields_get", attributes=list(_ATTRIBUTES))
            except NoSuchModel:
                return {}
            self._columns[model] = {
                name: column(model, name, entry) for name, entry in raw.items() if entry.get("store", True)
            }
        return self._columns[model]

    def provision(self, model: str, fields: Sequence[Field]) -> None:
        """Create the fields that are missing, in one call, and the event model where it is missing.

        A model that carries our key in a field gets that one too.

        Raises ConfigError for a field that is there with another type, or whose name Odoo refuses.
        """
        self._columns.pop(model, None)
        if model in KEYED_BY_FIELD:
            key = Field(KEY_FIELD, FieldType.TEXT, label="Customer.io key", indexed=True)
            fields = [key, *(field for field in fields if field.name != KEY_FIELD)]
        if model == EVENT and not self.columns(EVENT):
            self._create_event_model(fields)
        else:
            self._create_fields(model, fields)
        self._columns.pop(model, None)
        missing = {field.name for field in fields} - self.columns(model).keys()
        if missing:
            raise ConfigError(f"Odoo did not create {', '.join(sorted(missing))} on {model}.")
        if model == PARTNER:
            self._show_on_partner()
        if model == EVENT:
            self._show_events()

    def _create_fields(self, model: str, fields: Sequence[Field]) -> None:
        there = self.columns(model)
        for field in fields:
            known = there.get(field.name)
            if known and known.ttype != _TTYPES.get(field.type) and known.field.type is not field.type:
                raise ConfigError(
                    f"{model}.{field.name} is there as {known.ttype}; the mapping wants {field.type}.",
                    hint="Odoo cannot change a field's type: give the mapping another name.",
                )
        missing = [field for field in fields if field.name not in there]
        if not missing:
            return
        model_id = self._model_id(model)
        vals = [{"model_id": model_id, **_field_vals(model, field)} for field in missing]
        self._create("ir.model.fields", vals, done=lambda: self._has(model, missing))

    def _has(self, model: str, fields: Iterable[Field]) -> bool:
        self._columns.pop(model, None)
        return {field.name for field in fields} <= self.columns(model).keys()

    def _create_event_model(self, fields: Sequence[Field]) -> None:
        name = Field("x_name", FieldType.TEXT, label="Name")
        wanted = {field.name: field for field in (name, *fields)}
        groups = self.external_ids(_GRANTS)
        vals = {
            "name": "Customer.io event",
            "model": EVENT,
            "field_id": [[0, 0, _field_vals(EVENT, field)] for field in wanted.values()],
            "access_ids": [
                [0, 0, {"name": f"{EVENT} {xmlid}", "group_id": groups[xmlid], **rights}]
                for xmlid, rights in _GRANTS.items()
            ],
        }
        self._create("ir.model", [vals], done=lambda: self._has(EVENT, wanted.values()))

    def _create(self, model: str, vals: list[dict[str, Any]], *, done: Callable[[], bool]) -> None:
        try:
            self._client.call(model, "create", vals_list=vals)
        except Unanswered:
            if not done():
                raise
        except BatchRefused as error:
            # The reason is about names and types of fields, not about anybody's data.
            raise ConfigError(f"Odoo refuses a change of its schema: {error.reason.detail}") from None

    def _model_id(self, model: str) -> int:
        return int(self._client.call("ir.model", "search", domain=[["model", "=", model]])[0])

    def external_ids(self, xmlids: Iterable[str]) -> dict[str, int]:
        """Return record ids by external id. Raises ConfigError for one that is not there."""
        found = {}
        for xmlid in xmlids:
            module, _, name = xmlid.partition(".")
            rows = self._client.call(
                "ir.model.data",
                "search_read",
                domain=[["module", "=", module], ["name", "=", name]],
                fields=["res_id"],
            )
            if not rows:
                raise ConfigError(f"Odoo has no record {xmlid}.", hint="Is its module installed?")
            found[xmlid] = rows[0]["res_id"]
        return found

    def _show_on_partner(self) -> None:
        """Put our fields on a page of the contact form: Odoo shows no field that is in no view."""
        names = [name for name, c in self.columns(PARTNER).items() if _is_ours(c)]
        arch = partner_page(names)
        view = self._client.call(
            "ir.ui.view",
            "search_read",
            domain=[["name", "=", VIEW], ["model", "=", PARTNER]],
            fields=["arch"],
        )
        try:
            if not view:
                form = self.external_ids(["base.view_partner_form"])["base.view_partner_form"]
                vals = {"name": VIEW, "model": PARTNER, "type": "form", "inherit_id": form, "arch": arch}
                self._client.call("ir.ui.view", "create", vals_list=[vals])
            elif any(f'name="{name}"' not in view[0]["arch"] for name in names):
                self._client.call("ir.ui.view", "write", [view[0]["id"]], vals={"arch": arch})
        except (BatchRefused, Unanswered, ConfigError):
            # A changed contact form may have no notebook; the data is the same without the page.
            logger.warning("The page with the Customer.io fields could not be added to the contact form.")

    def _show_events(self) -> None:
        """Give the event model a list, newest first, and a place in the menu of the contacts."""
        try:
            if self._client.call("ir.ui.menu", "search_count", domain=[["name", "=", EVENTS]], context=_ALL):
                return
            parent = self.external_ids([_CONTACTS_MENU])[_CONTACTS_MENU]
            view = {"name": EVENT_VIEW, "model": EVENT, "type": "list"}
            view["arch"] = event_list(self.columns(EVENT))
            self._client.call("ir.ui.view", "create", vals_list=[view])
            action = {"name": EVENTS, "res_model": EVENT, "view_mode": "list,form"}
            (number,) = self._client.call("ir.actions.act_window", "create", vals_list=[action])
            menu = {"name": EVENTS, "parent_id": parent, "sequence": 90}
            menu["action"] = f"ir.actions.act_window,{number}"
            self._client.call("ir.ui.menu", "create", vals_list=[menu])
        except (BatchRefused, Unanswered, ConfigError, NoSuchModel):
            # Without the module contacts there is no such menu; the data is the same.
            logger.warning("The menu of the Customer.io events could not be added.")


def event_list(columns: Iterable[str]) -> str:
    """Return the arch of the list of events."""
    order = ' default_order="x_occurred_at desc"' if "x_occurred_at" in columns else ""
    shown = [name for name in ("x_occurred_at", "x_name", "x_type", "x_partner_id") if name in columns]
    fields = "".join(f'<field name="{name}"/>' for name in shown)
    return f'<list create="0" edit="0"{order}>{fields}</list>'


def partner_page(names: Sequence[str]) -> str:
    """Return the arch of the page that shows these fields, read-only."""
    fields = "".join(f'<field name="{escape(name)}" readonly="1"/>' for name in sorted(names))
    return (
        '<xpath expr="//notebook" position="inside">'
        f'<page string="Customer.io" name="crmlift"><group>{fields}</group></page></xpath>'
    )


def _is_ours(column: Column) -> bool:
    return column.name.startswith("x_cio_") and column.ttype not in _NOT_SHOWN


def _field_vals(model: str, field: Field) -> Mapping[str, Any]:
    ttype = _TTYPES.get(field.type)
    if ttype is None:
        raise ConfigError(f"{field.name}: target-odoo cannot create a field of type {field.type}.")
    vals: dict[str, Any] = {
        "name": field.name,
        "field_description": field.label or field.name.removeprefix("x_").replace("_", " "),
        "ttype": ttype,
        "state": "manual",
        # A link without an index makes every deletion of a linked record read the whole table.
        "index": field.indexed or field.type is FieldType.LINK,
    }
    if field.links_to:
        vals["relation"] = MODEL_OF.get(field.links_to, field.links_to)
    if field.type is FieldType.LINK:
        vals["on_delete"] = "cascade" if model == EVENT else "set null"
    if field.type is FieldType.CHOICE:
        vals["selection_ids"] = [
            [0, 0, {"value": choice, "name": choice, "sequence": n}] for n, choice in enumerate(field.choices)
        ]
    return vals
