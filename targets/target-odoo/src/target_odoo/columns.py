"""Fields as `fields_get` describes them, with what is special about some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from crmlift.destination import Field, FieldType
from target_odoo.kinds import ATTACHMENT, BLACKLIST, PARTNER, PHONE_BLACKLIST, TEMPLATE

Special = Literal["", "country", "state", "lang", "tz", "website", "address", "number", "qweb", "document"]
_TYPES = {
    "char": FieldType.TEXT,
    "text": FieldType.TEXT,
    "html": FieldType.HTML,
    "integer": FieldType.INTEGER,
    "float": FieldType.NUMBER,
    "monetary": FieldType.NUMBER,
    "boolean": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "json": FieldType.JSON,
    "binary": FieldType.OTHER,
    "selection": FieldType.CHOICE,
    "many2one": FieldType.LINK,
    "many2one_reference": FieldType.LINK,
    "many2many": FieldType.LINKS,
    "one2many": FieldType.LINKS,
}


@dataclass(frozen=True, slots=True)
class Column:
    """A field as `fields_get` describes it, with what is special about it."""

    field: Field
    ttype: str
    special: Special = ""

    @property
    def name(self) -> str:
        """The field's name."""
        return self.field.name


_WRITABLE = {
    # Computed, but kept as `create` gives it (MailActivity._compute_date_done).
    ("mail.activity", "date_done"),
    # Read-only in Odoo's own forms.
    ("mail.mail", "state"),
    ("mail.mail", "failure_reason"),
}
_SPECIALS: Mapping[tuple[str, str], Special] = {
    (PARTNER, "lang"): "lang",
    (PARTNER, "tz"): "tz",
    (PARTNER, "website"): "website",
    (BLACKLIST, "email"): "address",
    (PHONE_BLACKLIST, "number"): "number",
    (TEMPLATE, "body_html"): "qweb",
    (ATTACHMENT, "datas"): "document",
}


def column(model: str, name: str, raw: Mapping[str, Any]) -> Column:
    """Return the column for one entry of `fields_get`."""
    special = _special(model, name, raw)
    type_ = _TYPES.get(raw["type"], FieldType.OTHER)
    if special in ("country", "state", "lang"):
        type_ = FieldType.TEXT
    if special == "document":
        type_ = FieldType.JSON
    choices = (
        tuple(str(option[0]) for option in raw.get("selection") or ()) if type_ is FieldType.CHOICE else ()
    )
    field = Field(
        name=name,
        type=type_,
        label=raw.get("string") or "",
        required=bool(raw.get("required")),
        readonly=bool(raw.get("readonly")) and (model, name) not in _WRITABLE,
        custom=name.startswith("x_"),
        max_length=raw.get("size") or None,
        choices=choices,
        links_to=raw.get("relation") if type_ in (FieldType.LINK, FieldType.LINKS) else None,
    )
    return Column(field, raw["type"], special)


def _special(model: str, name: str, raw: Mapping[str, Any]) -> Special:
    if raw.get("type") == "many2one" and raw.get("relation") == "res.country":
        return "country"
    if raw.get("type") == "many2one" and raw.get("relation") == "res.country.state":
        return "state"
    return _SPECIALS.get((model, name), "")
