"""Where people see in Odoo what a migration added: a page of the contact form, lists in the menu."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape

from crmlift.errors import BatchRefused, ConfigError
from crmlift.http import Unanswered
from target_odoo.client import OdooClient
from target_odoo.columns import Column
from target_odoo.custom_models import CUSTOM_MODELS, CustomModel
from target_odoo.errors import NoSuchModel
from target_odoo.kinds import PARTNER
from target_odoo.marks import Marks, external_ids

logger = logging.getLogger(__name__)

VIEW = "crmlift.partner.page"
ARCH = "ir.ui.view"
MENU = "ir.ui.menu"
ACTION = "ir.actions.act_window"
_FORM = "base.view_partner_form"
_CONTACTS_MENU = "contacts.menu_contacts"
_ALL = {"active_test": False}
_NOT_SHOWN = ("json", "binary", "one2many")


class Pages:
    """Views and menu entries of ours."""

    def __init__(self, client: OdooClient, marks: Marks) -> None:
        self._client = client
        self._marks = marks

    def show_fields(self, columns: Mapping[str, Column]) -> None:
        """Put our fields on a page of the contact form: Odoo shows no field that is in no view."""
        names = [name for name, column in columns.items() if _is_ours(column)]
        arch = partner_page(names)
        domain = [["name", "=", VIEW], ["model", "=", PARTNER]]
        view = self._client.call(ARCH, "search_read", domain=domain, fields=["arch"])
        try:
            if not view:
                form = external_ids(self._client, [_FORM])[_FORM]
                self._create(
                    ARCH, name=VIEW, model=PARTNER, type="form", inherit_id=form, arch=arch, label=VIEW
                )
            elif any(f'name="{name}"' not in view[0]["arch"] for name in names):
                self._client.call(ARCH, "write", [view[0]["id"]], vals={"arch": arch})
        except (BatchRefused, Unanswered, ConfigError):
            # A changed contact form may have no notebook; the data is the same without the page.
            logger.warning("The page with the Customer.io fields could not be added to the contact form.")

    def show_model(self, model: str, columns: Iterable[str]) -> None:
        """Give a model of ours a list and a place in the menu of the contacts."""
        custom = CUSTOM_MODELS[model]
        try:
            if self._client.call(MENU, "search_count", domain=[["name", "=", custom.menu]], context=_ALL):
                return
            parent = external_ids(self._client, [_CONTACTS_MENU])[_CONTACTS_MENU]
            arch = model_list(custom, columns)
            self._create(ARCH, name=custom.view, model=model, type="list", arch=arch, label=custom.view)
            action = self._create(
                ACTION, name=custom.menu, res_model=model, view_mode="list,form", label=custom.view
            )
            self._create(
                MENU,
                name=custom.menu,
                parent_id=parent,
                sequence=90,
                action=f"{ACTION},{action}",
                label=custom.view,
            )
        except (BatchRefused, Unanswered, ConfigError, NoSuchModel):
            # Without the module contacts there is no such menu; the data is the same.
            logger.warning("The menu entry %r could not be added.", custom.menu)

    def is_needed(self, mark: str, gone: Collection[str], fields: Collection[str]) -> bool:
        """Say whether a view or its menu has something to show, once these models are gone."""
        view = mark.partition(":")[2]
        if view == VIEW:
            return any(name.startswith(f"{PARTNER}.x_cio_") for name in fields)
        return any(custom.view == view and model not in gone for model, custom in CUSTOM_MODELS.items())

    def show_only(self, mark: str, fields: Collection[str]) -> None:
        """Take fields that go away off the page of the contact form."""
        if mark.partition(":")[2] == VIEW:
            names = {name.removeprefix(f"{PARTNER}.") for name in fields}
            view = self._client.call(ARCH, "search", domain=[["name", "=", VIEW], ["model", "=", PARTNER]])
            there = self._client.call(PARTNER, "fields_get", attributes=["type"])
            shown = [n for n in names if n in there and there[n]["type"] not in _NOT_SHOWN]
            self._client.call(ARCH, "write", view, vals={"arch": partner_page(shown)})

    def _create(self, kind: str, /, *, label: str, **vals: object) -> int:
        (made,) = self._client.call(kind, "create", vals_list=[vals])
        self._marks.put(kind, {f"{kind}:{label}": int(made)})
        return int(made)


def model_list(custom: CustomModel, columns: Iterable[str]) -> str:
    """Return the arch of the list of a model."""
    there = set(columns)
    order = f' default_order="{custom.order}"' if custom.order.partition(" ")[0] in there else ""
    fields = "".join(f'<field name="{name}"/>' for name in custom.shown if name in there)
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
