"""Models with which the schema is made: ir.model and its kin."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from target_odoo.sandbox.errors import OdooError, user_error, validation
from target_odoo.sandbox.orm import Database, Model, Vals, model, public_model, root
from target_odoo.sandbox.registry import F, automatic
from target_odoo.sandbox.store import Doc

_TYPES = {
    "char", "text", "html", "integer", "float", "boolean", "date", "datetime", "json", "binary", "selection",
    "many2one", "many2many", "one2many",
}  # fmt: skip
_FIELD = re.compile(r"^x_[A-Za-z0-9_]*$")
_MODEL = re.compile(r"^x_[a-z0-9_.]*$")


@model("ir.model")
class IrModel(Model):
    """Models; new ones are usable in the next call."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Check the name of a new model and make its table."""
        if docs is None and vals.get("state", "manual") == "manual":
            name = vals.get("model") or ""
            if not _MODEL.match(name):
                raise validation("The model name must start with 'x_'.")
            if name in self.env.db.registry.models:
                raise validation("Each model must have a unique name.")
            self.env.db.registry.models[name] = automatic()
        return vals

    @public_model
    def create(self, vals_list: list[Vals] | Vals) -> list[int]:
        """Create custom models."""
        rows = [vals_list] if isinstance(vals_list, dict) else vals_list
        return super().create([{**row, "state": "manual"} for row in rows])

    def before_unlink(self) -> None:
        """Drop the model with its records."""
        for row in self.read(["model", "state"]):
            if row["state"] != "manual":
                raise user_error(f"Model '{row['model']}' contains module data and cannot be removed.")
            # The fields go with it in the database, so that their external ids stay.
            fields = root(self.env)["ir.model.fields"].search([["model_id", "=", row["id"]]])
            self.store.delete("ir.model.fields", fields)
            self.store.delete(row["model"], self.store.ids(row["model"], "1", []))
            del self.env.db.registry.models[row["model"]]


@model("ir.model.fields")
class IrModelFields(Model):
    """Fields; new ones are usable in the next call."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Check a new field."""
        if docs is not None:
            return vals
        name, kind = str(vals.get("name") or ""), vals.get("ttype")
        owner = root(self.env)["ir.model"].browse([int(vals.get("model_id") or 0)])
        docs_of_owner = owner.existing()
        vals["model"] = docs_of_owner[owner.ids[0]]["model"]
        if not name.startswith("x_"):
            raise validation("Custom fields must have a name that starts with 'x_'!")
        if not _FIELD.match(name) or len(name) > 63:
            raise validation("Field names can only contain characters, digits and underscores (up to 63).")
        if name in self.env.db.registry.models[vals["model"]]:
            raise validation("Field names must be unique per model.")
        if kind not in _TYPES:
            raise OdooError("builtins.ValueError", f"Wrong value for ir.model.fields.ttype: {kind!r}", 500)
        if (
            kind in ("many2one", "many2many", "one2many")
            and vals.get("relation") not in self.env.db.registry.models
        ):
            raise user_error(f"Model {vals.get('relation')} does not exist!")
        # Known at once: a model is made with its fields in one call.
        _register(self.env.db, vals["model"], name, field_of(vals))
        return vals

    def created(self, rows: list[Vals]) -> None:
        """Make the columns."""
        del rows
        for row in self.read():
            options = root(self.env)["ir.model.fields.selection"].search_read([["field_id", "=", row["id"]]])
            add_field(self.env.db, row, tuple((o["value"], o["name"]) for o in options))

    def before_unlink(self) -> None:
        """Drop the columns, unless a view shows them."""
        for row in self.read():
            if row["state"] != "manual":
                raise user_error("This column contains module data and cannot be removed!")
            name = row["name"]
            views = root(self.env)["ir.ui.view"].search_count(
                [["model", "=", row["model"]], ["arch", "like", f'name="{name}"']]
            )
            if views:
                raise user_error(
                    f"Cannot rename/delete fields that are still present in views:\nFields: {name}"
                )
            for model_name in (row["model"], *_HEIRS.get(row["model"], ())):
                self.env.db.registry.models[model_name].pop(name, None)
            docs = self.store.get(row["model"], self.store.ids(row["model"], "1", []))
            self.store.put(
                row["model"], [(i, {k: v for k, v in d.items() if k != name}) for i, d in docs.items()]
            )


_HEIRS = {"mail.message": {"mail.mail": "mail_message_id"}}
"""Models whose records have one of this model inside, and show its fields (`_inherits`)."""


def _register(db: Database, model_name: str, name: str, field: F) -> None:
    db.registry.models[model_name][name] = field
    for heir, link in _HEIRS.get(model_name, {}).items():
        db.registry.models[heir][name] = replace(field, inside=link)


def _table(row: Vals) -> str:
    """Return the table of a many2many: by default the same for all between two models."""
    ends = sorted(str(name).replace(".", "_") for name in (row["model"], row.get("relation")))
    return row.get("relation_table") or "x_{}_{}_rel".format(*ends)


def field_of(row: Vals, options: tuple[tuple[str, str], ...] = ()) -> F:
    """Return the registry's form of a row of ir.model.fields."""
    relation = row.get("relation") or ""
    return F(
        row["ttype"],
        row.get("field_description") or row["name"],
        relation=relation,
        selection=options,
        required=bool(row.get("required")),
        index=bool(row.get("index")),
        size=row.get("size") or 0,
        inverse=row.get("relation_field") or "",
        table=_table(row) if row["ttype"] == "many2many" else "",
        on_delete=row.get("on_delete") or "set null",
        help=row.get("help") or "",
        manual=True,
    )


def add_field(db: Database, row: Vals, options: tuple[tuple[str, str], ...] = ()) -> None:
    """Put a manual field into the registry."""
    _register(db, row["model"], row["name"], field_of(row, options))
    if row.get("index"):
        db.store.index(row["model"], row["name"])


@model("ir.model.data")
class IrModelData(Model):
    """External ids: unique by module and name, without spaces."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Check the name."""
        if " " in str(vals.get("name") or ""):
            raise validation("External IDs cannot contain spaces")
        if docs is None:
            found = root(self.env)["ir.model.data"].search_count(
                [["module", "=", vals.get("module")], ["name", "=", vals.get("name")]]
            )
            if found:
                raise validation(
                    "The operation cannot be completed: duplicate key value violates unique constraint "
                    '"ir_model_data_module_name_uniq_index"'
                )
        return vals


@model("ir.ui.view")
class View(Model):
    """Views: an inherited one must fit into what it extends."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Refuse a view that shows fields that are not there."""
        names = re.findall(r'<field name="([^"]+)"', vals.get("arch") or "")
        model_name = vals.get("model") or (next(iter(docs.values()))["model"] if docs else "")
        for name in names:
            if name not in self.env.db.registry.models.get(model_name, {}):
                raise validation(
                    f'Error while validating view:\n\nField "{name}" does not exist in model "{model_name}"'
                )
        return vals


@model("base.automation")
class Automation(Model):
    """The customer's own rules."""

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Name the model that is watched."""
        del docs
        if vals.get("model_id"):
            (row,) = root(self.env)["ir.model"].browse([vals["model_id"]]).read(["model"])
            vals["model_name"] = row["model"]
        return vals


@model("ir.config_parameter")
class ConfigParameter(Model):
    """System parameters."""

    @public_model
    def get_param(self, key: str, default: Any = False) -> Any:
        """Return a parameter's value."""
        self.check("read")
        rows = self.search_read([["key", "=", key]])
        return rows[0]["value"] if rows else default


@model("res.users")
class Users(Model):
    """Users."""

    @public_model
    def context_get(self) -> Vals:
        """Return who asks."""
        user = root(self.env)["res.users"].browse([self.env.uid]).read(["lang", "tz"])[0]
        return {"lang": user["lang"], "tz": user["tz"], "uid": self.env.uid}
