"""What Odoo makes of values, in words: the other side of `Codec.expected`."""

from __future__ import annotations

from collections.abc import Mapping

from crmlift.destination import FieldType
from target_odoo.columns import Column, Special

_BY_USE: Mapping[Special, str] = {
    "country": "a country of Odoo's list, by its code; an unknown one is left empty",
    "state": "a state of Odoo's list, by its code; an unknown one is left empty",
    "lang": "a language that is active in this database; another one is left empty",
    "tz": "a time zone of Odoo's list; an unknown one is left empty",
    "website": "an address without a scheme gets http://",
    "address": "in lower case and without a name",
    "number": "in the international form",
    "qweb": "HTML as Odoo writes it back",
    "document": "kept as a file",
}
_BY_TYPE: Mapping[FieldType, str] = {
    FieldType.TEXT: "text without characters that PostgreSQL cannot hold",
    FieldType.HTML: "HTML as Odoo cleans it; bare text is wrapped",
    FieldType.INTEGER: "a fraction is cut off; nothing reads as 0",
    FieldType.NUMBER: "nothing reads as 0",
    FieldType.DATE: "cut to the day",
    FieldType.DATETIME: "kept to the second",
    FieldType.JSON: "empty JSON is nothing at all",
}


def described(columns: Mapping[str, Column]) -> dict[str, str]:
    """Return, by field, what Odoo makes of its values, where it makes anything of them."""
    told = {
        name: _BY_USE.get(column.special) or _BY_TYPE.get(column.field.type)
        for name, column in columns.items()
    }
    return {name: text for name, text in told.items() if text}
