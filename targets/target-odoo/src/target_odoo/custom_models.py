"""Models of ours that a migration adds to Odoo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from target_odoo.kinds import EVENT, OBJECT, VALUE


@dataclass(frozen=True, slots=True)
class CustomModel:
    """A model of ours; `menu` is its place below Contacts, with a list of these columns in this order."""

    name: str
    menu: str
    view: str
    shown: tuple[str, ...]
    order: str = ""


CUSTOM_MODELS: Mapping[str, CustomModel] = {
    EVENT: CustomModel(
        "Customer.io event",
        "Customer.io events",
        "crmlift.event.list",
        ("x_occurred_at", "x_name", "x_type", "x_partner_id"),
        "x_occurred_at desc",
    ),
    OBJECT: CustomModel(
        "Customer.io object",
        "Customer.io objects",
        "crmlift.object.list",
        ("x_name", "x_type", "x_object_id"),
    ),
    VALUE: CustomModel(
        "Customer.io value",
        "Customer.io values",
        "crmlift.value.list",
        ("x_name", "x_attribute"),
    ),
}
