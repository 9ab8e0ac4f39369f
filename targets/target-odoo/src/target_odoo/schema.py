"""The live schema, and the fields and models that a migration adds to it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from crmlift.destination import Field, FieldType
from crmlift.errors import BatchRefused, ConfigError
from crmlift.http import Unanswered
from target_odoo.client import OdooClient
from target_odoo.columns import Column, column
from target_odoo.custom_models import CUSTOM_MODELS
from target_odoo.entities import KEYED_BY_FIELD, MODEL_OF
from target_odoo.errors import NoSuchModel
from target_odoo.kinds import ATTACHMENT, KEY_FIELD, PARTNER
from target_odoo.marks import Marks, external_ids
from target_odoo.pages import Pages

MAX_NAME = 63
_ATTRIBUTES = ("type", "string", "required", "readonly", "store", "relation", "related", "selection", "size")
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
    return _cut("x_" + re.sub(r"[^A-Za-z0-9_]", "_", label).removeprefix("x_"), label)


def _table_name(model: str, field: str) -> str:
    """Return the name of the table behind a many2many of ours: PostgreSQL takes small letters alone."""
    return _cut(f"{field}_{model.replace('.', '_')}_rel".lower(), f"{model}.{field}")


def _cut(name: str, whole: str) -> str:
    if len(name) <= MAX_NAME:
        return name
    digest = hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{name[: MAX_NAME - 9]}_{digest}"


class Schema:
    """Models and fields of one database, read once and again after a change."""

    def __init__(self, client: OdooClient) -> None:
        self._client = client
        self._columns: dict[str, dict[str, Column]] = {}
        self.marks = Marks(client)
        self.pages = Pages(client, self.marks)

    def columns(self, model: str) -> dict[str, Column]:
        """Return the stored fields of a model by name; none where the model is not there."""
        if model not in self._columns:
            try:
                raw = self._client.call(model, "fields_get", attributes=list(_ATTRIBUTES))
            except NoSuchModel:
                return {}
            self._columns[model] = {
                name: column(model, name, entry)
                for name, entry in raw.items()
                if _is_held(model, name, entry)
            }
        return self._columns[model]

    def forget(self) -> None:
        """Read everything again on the next use."""
        self._columns.clear()

    def provision(self, model: str, fields: Sequence[Field]) -> None:
        """Create the fields that are missing, in one call, and a model of ours where it is missing.

        A model that carries our key in a field gets that one too. All of it is marked as ours by an
        external id, so that it can be taken back.

        Raises ConfigError for a field that is there with another type, or whose name Odoo refuses.
        """
        self._columns.pop(model, None)
        self._provision_linked(fields)
        if model in KEYED_BY_FIELD:
            key = Field(KEY_FIELD, FieldType.TEXT, label="Customer.io key", indexed=True)
            fields = [key, *(field for field in fields if field.name != KEY_FIELD)]
        if model in CUSTOM_MODELS and not self.columns(model):
            self._create_model(model, fields)
        else:
            self._create_fields(model, fields)
        self._columns.pop(model, None)
        missing = {field.name for field in fields} - self.columns(model).keys()
        if missing:
            raise ConfigError(f"Odoo did not create {', '.join(sorted(missing))} on {model}.")
        if model == PARTNER:
            self.pages.show_fields(self.columns(PARTNER))
        if model in CUSTOM_MODELS:
            self.pages.show_model(model, self.columns(model))

    def _provision_linked(self, fields: Sequence[Field]) -> None:
        """Create models of ours that fields point to: Odoo makes no link to what is not there."""
        # A field of the mapping names an entity, one that was described in another database a model.
        linked = [field.links_to for field in fields if field.links_to]
        for model in dict.fromkeys(MODEL_OF.get(name, name) for name in linked):
            if model in CUSTOM_MODELS and not self.columns(model):
                self.provision(model, ())

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
        self.marks.put("ir.model.fields", self._field_ids(model, [field.name for field in missing]))

    def _has(self, model: str, fields: Iterable[Field]) -> bool:
        self._columns.pop(model, None)
        return {field.name for field in fields} <= self.columns(model).keys()

    def _field_ids(self, model: str, names: Sequence[str]) -> dict[str, int]:
        """Return the ids of custom fields by `{model}.{field}`."""
        domain = [["model", "=", model], ["name", "in", list(names)], ["state", "=", "manual"]]
        rows = self._client.call("ir.model.fields", "search_read", domain=domain, fields=["name"])
        return {f"{model}.{row['name']}": row["id"] for row in rows}

    def _create_model(self, model: str, fields: Sequence[Field]) -> None:
        name = Field("x_name", FieldType.TEXT, label="Name")
        wanted = {field.name: field for field in (name, *fields)}
        groups = self.external_ids(_GRANTS)
        vals = {
            "name": CUSTOM_MODELS[model].name,
            "model": model,
            "field_id": [[0, 0, _field_vals(model, field)] for field in wanted.values()],
            "access_ids": [
                [0, 0, {"name": f"{model} {xmlid}", "group_id": groups[xmlid], **rights}]
                for xmlid, rights in _GRANTS.items()
            ],
        }
        self._create("ir.model", [vals], done=lambda: self._has(model, wanted.values()))
        self.marks.put("ir.model", {model: self._model_id(model)})

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
        return external_ids(self._client, xmlids)


def _is_held(model: str, name: str, entry: Mapping[str, Any]) -> bool:
    """Say whether a record keeps a field's value: in a column, or in a file.

    A mail shows the fields of the message inside it (mail.mail inherits it); they are written there.
    """
    return bool(entry.get("store", True)) or (model, name) == (ATTACHMENT, "datas")


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
        vals["on_delete"] = "cascade" if model in CUSTOM_MODELS else "set null"
    if field.type is FieldType.LINKS:
        # Odoo's own name for it is the same for all fields between two models: they would share their values.
        vals["relation_table"] = _table_name(model, field.name)
    if field.type is FieldType.CHOICE:
        vals["selection_ids"] = [
            [0, 0, {"value": choice, "name": choice, "sequence": n}] for n, choice in enumerate(field.choices)
        ]
    return vals
