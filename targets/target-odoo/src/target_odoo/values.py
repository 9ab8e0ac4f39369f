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
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import getaddresses
from html import escape
from typing import Any, Literal

import phonenumbers

from crmlift.destination import Field, FieldType, Value, Values
from crmlift.errors import Refusal
from target_odoo.kinds import ATTACHMENT, BLACKLIST, PARTNER, PHONE_BLACKLIST, TEMPLATE
from target_odoo.lookups import Lookups
from target_odoo.markup import canonical
from target_odoo.versions import FIRST_JSON2

Special = Literal["", "country", "state", "lang", "tz", "website", "address", "number", "qweb", "document"]
_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")
_TAG = re.compile(r"<[a-zA-Z/!]")
_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*:(?!\d)")
_INT32 = 2**31
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


class Unfit(Exception):
    """A value that Odoo is known to refuse: not worth a call."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


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
        if column.special in _NORMAL and value:
            return _NORMAL[column.special](_text(value) or "")
        value = _EXPECTED[column.field.type](value)
        if column.field.type is FieldType.JSON and self.lookups.major < FIRST_JSON2:
            return _without_nulls(value)
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
                return _packed(value)
            return _ENCODE.get(column.field.type, _as_is)(value)
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
            return codes.get(_id_of(raw))
        if column.special == "document":
            return _unpacked(raw)
        if column.special == "qweb":
            return canonical(str(raw))
        return _DECODE.get(column.field.type, _as_is)(raw)


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


def _text(value: Value) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False, default=str)
    elif isinstance(value, date):
        text = value.isoformat()
    else:
        text = str(value)
    return _UNHOLDABLE.sub("", text) or None


def _html(value: Value) -> str | None:
    text = _text(value)
    if text is None or _TAG.search(text):
        return text
    return f"<span>{escape(text, quote=False)}</span>"


def _website(text: str) -> str | None:
    if not text or _SCHEME.match(text):
        return text or None
    return "http://" + text.removeprefix("//")


def address(text: str) -> str | None:
    """Return an address in Odoo's normal form (tools.mail.email_normalize), None where there is not one."""
    found = [email for _, email in getaddresses([text]) if "@" in email]
    if len(found) != 1 or found[0].startswith("@") or " " in found[0]:
        return None
    local, at, domain = found[0].rpartition("@")
    return (local.lower() if local.isascii() else local) + at + domain.lower()


def number(text: str) -> str | None:
    """Return a phone number as Odoo's list has it (E.164), None where it is none or of no country."""
    try:
        parsed = phonenumbers.parse(re.sub(r"^\s*00", "+", text))
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _packed(value: Value) -> str:
    return b64encode(json.dumps(value, ensure_ascii=False, indent=1).encode()).decode()


def _unpacked(raw: str) -> Value:
    """What a person put in its place is no document of ours, and so not equal to any."""
    try:
        return json.loads(b64decode(raw))
    except ValueError:
        return raw


_NORMAL: Mapping[str, Callable[[str], str | None]] = {
    "website": _website,
    "address": address,
    "number": number,
    "qweb": canonical,
}


def _integer(value: Value) -> Value:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else value or 0


def _number(value: Value) -> float:
    return float(value or 0)


def _boolean(value: Value) -> bool:
    if isinstance(value, str):
        return value.strip().casefold() in ("true", "1", "yes", "y", "t", "on")
    return bool(value)


def _date(value: Value) -> Value:
    if isinstance(value, datetime):
        return _datetime(value).date()
    return value


def _datetime(value: Value) -> Value:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).replace(microsecond=0)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


def _json(value: Value) -> Value:
    return _clean(value) or None


def _clean(value: Value) -> Value:
    if isinstance(value, str):
        return _UNHOLDABLE.sub("", value)
    if isinstance(value, float) and value.is_integer():
        # PostgreSQL keeps the digits: 1e22 comes back as an integer of 23 of them.
        return int(Decimal(repr(value)))
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, Mapping):
        return {_clean(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    return value


def _without_nulls(value: Value) -> Value:
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value


def _links(value: Value) -> list[str] | None:
    ids = [value] if isinstance(value, str) else value
    return sorted({str(item) for item in ids}, key=int) if ids else None


def _as_is(value: Value) -> Value:
    return value


def _id_of(raw: Any) -> int:
    return int(raw[0] if isinstance(raw, list) else raw)


_EXPECTED: dict[FieldType, Callable[[Value], Value]] = {
    FieldType.TEXT: _text,
    FieldType.HTML: _html,
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.JSON: _json,
    FieldType.CHOICE: _text,
    FieldType.LINK: _text,
    FieldType.LINKS: _links,
    FieldType.OTHER: _as_is,
}
_ENCODE: dict[FieldType, Callable[[Value], Any]] = {
    FieldType.DATE: lambda value: value.isoformat(),
    FieldType.DATETIME: lambda value: value.replace(tzinfo=None).isoformat(" ", "seconds"),
    FieldType.LINK: int,
    FieldType.LINKS: lambda value: [[6, 0, [int(id_) for id_ in value]]],
}
_DECODE: dict[FieldType, Callable[[Any], Value]] = {
    FieldType.DATE: date.fromisoformat,
    FieldType.DATETIME: lambda raw: datetime.fromisoformat(raw).replace(tzinfo=UTC),
    FieldType.LINK: lambda raw: str(_id_of(raw)),
    FieldType.LINKS: lambda raw: sorted(map(str, raw), key=int) or None,
}
