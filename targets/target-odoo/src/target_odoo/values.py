"""Canonical values to Odoo's wire form and back, field by field.

What Odoo changes on its own, `expected` changes first, so that a value reads back as it was sent:

- text loses NUL characters and lone surrogates, which PostgreSQL cannot hold; "" is empty;
- a website without a scheme gets `http://`; HTML without a tag is wrapped into a span;
- numbers have no empty state: nothing reads as 0; a fraction in an integer field is cut off;
- date-times are kept to the second; a date-time in a date field is cut to its day;
- before Odoo 19, JSON has no nulls, which XML-RPC cannot carry; an entry without a value is left out;
- empty JSON (`{}`, `[]`, `""`, `0`, `false`) is no JSON at all;
- an address not to mail is in lower case and without a name; a number not to text has the form E.164;
- the body of a template has the one form of `target_odoo.markup`; a document is JSON in base64;
- a country is its ISO code; a state is "US-CA"; a language is that of an active one; an unknown one is empty.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from crmlift.destination import FieldType, Value, Values
from crmlift.errors import Refusal
from target_odoo.columns import Column
from target_odoo.forms import (
    DECODE,
    ENCODE,
    EXPECTED,
    NORMAL,
    as_is,
    id_of,
    packed,
    to_text,
    unpacked,
    without_nulls,
)
from target_odoo.lookups import Lookups
from target_odoo.markup import canonical
from target_odoo.versions import FIRST_JSON2

_INT32 = 2**31


class Unfit(Exception):
    """A value that Odoo is known to refuse: not worth a call."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class Codec:
    """Both directions, with the look-ups that they need."""

    def __init__(self, lookups: Lookups) -> None:
        self.lookups = lookups

    # -- what Odoo will hold -----------------------------------------------------------------------

    def expected(self, columns: Mapping[str, Column], values: Values) -> dict[str, Value]:
        """Return the values as they will read back."""
        country = values.get("country_id")
        return {name: self._expected(columns.get(name), value, country) for name, value in values.items()}

    def _expected(self, column: Column | None, value: Value, country: Value) -> Value:
        if column is None:
            return value
        if column.special in ("country", "state", "lang", "tz") and value is not None:
            return self._named(column, str(value), country)
        if column.special in NORMAL and value:
            return NORMAL[column.special](to_text(value) or "")
        value = EXPECTED[column.field.type](value)
        if column.field.type is FieldType.JSON and self.lookups.major < FIRST_JSON2:
            return without_nulls(value)
        return value

    def _named(self, column: Column, text: str, country: Value) -> str | None:
        if column.special == "country":
            return self.lookups.country(text)
        if column.special == "state":
            known = self.lookups.country(str(country)) if country else None
            return self.lookups.state(text, known)
        if column.special == "lang":
            return self.lookups.lang(text)
        return text if text in column.field.choices else None

    # -- to the wire -------------------------------------------------------------------------------

    def encode(self, column: Column, value: Value) -> Any:
        """Return the JSON form for `create` and `write` of a value as `expected` gives it. Raises `Unfit`."""
        if value is None:
            return False
        if column.special in ("country", "state"):
            return self._id(column, value)
        try:
            _check(column, value)
            if column.special == "document":
                return packed(value)
            return ENCODE.get(column.field.type, as_is)(value)
        except (AttributeError, TypeError, ValueError):
            raise Unfit(Refusal("wrong_type", field=column.name)) from None

    def cell(self, column: Column, value: Value) -> str:
        """Return the text form for `load` of a value as `expected` gives it. Raises `Unfit`."""
        wire = self.encode(column, value)
        if wire is False or wire is None:
            return "0" if column.field.type is FieldType.BOOLEAN else ""
        if wire is True:
            return "1"
        if column.special in ("country", "state") and (xmlids := self._xmlids(column)):
            return xmlids[wire]
        if column.field.type is FieldType.LINKS:
            return ",".join(str(id_) for id_ in wire[0][2])
        if column.field.type is FieldType.JSON and column.special != "document":
            return json.dumps(wire, ensure_ascii=False)
        return str(wire)

    def header(self, column: Column) -> str:
        """Return a column's name in `load`: links are given by database id, countries by external id.

        `load` asks the database for each cell with a database id, and for each external id once.
        """
        if column.special in ("country", "state"):
            return f"{column.name}/id" if self._xmlids(column) else f"{column.name}/.id"
        by_id = column.field.type in (FieldType.LINK, FieldType.LINKS)
        return f"{column.name}/.id" if by_id else column.name

    def _xmlids(self, column: Column) -> Mapping[int, str]:
        lookups = self.lookups
        return lookups.country_xmlids if column.special == "country" else lookups.state_xmlids

    def _id(self, column: Column, code: str) -> int:
        lookups = self.lookups
        return (lookups.country_ids if column.special == "country" else lookups.state_ids)[code]

    # -- from the wire -----------------------------------------------------------------------------

    def decode(self, column: Column, raw: Any) -> Value:
        """Return the canonical value of what `read` gave."""
        if column.ttype == "boolean":
            return bool(raw)
        if raw is False or raw is None or raw == "" or (raw == 0 and column.field.type is FieldType.LINK):
            return 0 if column.field.type in (FieldType.INTEGER, FieldType.NUMBER) else None
        if column.special in ("country", "state"):
            codes = self.lookups.country_codes if column.special == "country" else self.lookups.state_codes
            return codes.get(id_of(raw))
        if column.special == "document":
            return unpacked(raw)
        if column.special == "qweb":
            return canonical(str(raw))
        return DECODE.get(column.field.type, as_is)(raw)


def _check(column: Column, value: Value) -> None:
    kind = column.field.type
    if kind is FieldType.INTEGER and not -_INT32 <= value < _INT32:
        raise Unfit(Refusal("integer_out_of_range", field=column.name))
    if kind is FieldType.NUMBER and not math.isfinite(value):
        raise Unfit(Refusal("number_not_finite", field=column.name))
    if kind is FieldType.CHOICE and value not in column.field.choices:
        raise Unfit(Refusal("not_a_choice", detail=str(value), field=column.name))
    if kind in (FieldType.DATE, FieldType.DATETIME) and value.year < 1000:
        # Odoo writes years without leading zeros and cannot read them again.
        raise Unfit(Refusal("year_out_of_range", field=column.name))
    if kind is FieldType.JSON:
        try:
            json.dumps(value, allow_nan=False)
        except (ValueError, TypeError):
            raise Unfit(Refusal("not_json", field=column.name)) from None
