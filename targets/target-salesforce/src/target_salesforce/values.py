"""Canonical values to Salesforce's wire forms and back, field by field.

What Salesforce changes on its own, `expected` changes first, so that a value reads back as it was sent:

- text loses control characters and blanks at its ends; "" and Bulk's word for null, `#N/A`, are empty;
- text longer than its field is cut, JSON with a mark and a digest of the whole; a phone number or URL is left
  out instead, and a row with such an email address is refused;
- an unchecked box is false, never empty; numbers are rounded to the field's digits; times have whole seconds;
- a country is its English name, or the label of the org's picklist; an unknown one of a picklist is empty;
- a state is as it came, or the label that the org's picklist has for it in its country; without one, empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Any

import orjson

from crmlift.destination import Field, FieldType, Value, Values
from crmlift.errors import Refusal
from target_salesforce import places

BULK_CELL = 32_000
"""Characters that a field may hold in Bulk API 2.0, whatever its own length."""
_UNHOLDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_NULL = "#N/A"
_TYPES = {
    "string": FieldType.TEXT,
    "textarea": FieldType.TEXT,
    "email": FieldType.TEXT,
    "phone": FieldType.TEXT,
    "url": FieldType.TEXT,
    "combobox": FieldType.TEXT,
    "multipicklist": FieldType.TEXT,
    "id": FieldType.TEXT,
    "boolean": FieldType.BOOLEAN,
    "int": FieldType.INTEGER,
    "double": FieldType.NUMBER,
    "currency": FieldType.NUMBER,
    "percent": FieldType.NUMBER,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "picklist": FieldType.CHOICE,
    "reference": FieldType.LINK,
}
_WHOLE = ("email", "phone", "url")
"""Half of one is another's, or nobody's: a phone or URL that is too long is left out, an email refused."""
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)


class Unfit(Exception):
    """A value that Salesforce is known to refuse: not worth a call."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Column:
    """A field as `describe` tells it.

    Of an address picklist, `codes` maps codes and labels, in small letters, to labels; `states` does so by
    the label of the country, as codes are used by several countries.
    """

    field: Field
    type: str
    scale: int = 0
    precision: int = 18
    restricted: bool = False
    createable: bool = True
    codes: Mapping[str, str] | None = None
    states: Mapping[str, Mapping[str, str]] | None = None

    @property
    def name(self) -> str:
        """The field's name."""
        return self.field.name


def columns(raw: list[Mapping[str, Any]]) -> dict[str, Column]:
    """Return the columns of a describe."""
    named = {entry["name"]: entry for entry in raw}
    return {name: _column(entry, named) for name, entry in named.items()}


def _column(raw: Mapping[str, Any], named: Mapping[str, Mapping[str, Any]]) -> Column:
    kind = _TYPES.get(raw["type"], FieldType.OTHER)
    if kind is FieldType.NUMBER and raw["scale"] == 0:
        kind = FieldType.INTEGER
    active = [entry for entry in raw.get("picklistValues") or () if entry["active"]]
    codes, states = places.picklists(raw["name"], named)
    field = Field(
        name=raw["name"],
        type=kind,
        label=raw.get("label") or "",
        required=bool(raw["createable"] and not raw["nillable"] and not raw["defaultedOnCreate"]),
        readonly=not (raw["createable"] or raw["updateable"]),
        custom=bool(raw["custom"]),
        indexed=bool(raw.get("externalId") or raw.get("idLookup")),
        max_length=raw["length"] or None,
        choices=tuple(entry["value"] for entry in active) if kind is FieldType.CHOICE else (),
        links_to=(raw["referenceTo"] or [None])[0] if kind is FieldType.LINK else None,
    )
    digits = raw["digits"] if raw["type"] == "int" else raw["precision"]
    restricted = bool(raw.get("restrictedPicklist"))
    createable = bool(raw["createable"])
    return Column(field, raw["type"], raw["scale"], digits or 18, restricted, createable, codes, states)


# -- what Salesforce will hold -------------------------------------------------------------------------


def expected(live: Mapping[str, Column], values: Values, *, whole: bool = True) -> dict[str, Value]:
    """Return the values as they will read back; `whole` rows hold a state's country, changes may not."""
    found = {name: _expected(live.get(name), value) for name, value in values.items()}
    for name, text in found.items():
        column = live.get(name)
        if column is not None and column.states is not None and isinstance(text, str):
            country = found.get(f"{name.removesuffix('State')}Country")
            found[name] = places.state(column.states, country, text, whole=whole)
    return found


def _expected(column: Column | None, value: Value) -> Value:
    if column is None:
        return value
    if found := places.ADDRESS.fullmatch(column.name):
        return places.place(column.codes, found[1], _text(column, value))
    return _EXPECTED[column.field.type](column, value)


def _text(column: Column, value: Value) -> str | None:
    if value is None:
        return None
    structure = isinstance(value, dict | list)
    if structure:
        text = orjson.dumps(
            value, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
        ).decode()
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, date):
        text = value.isoformat()
    else:
        text = str(value)
    text = _UNHOLDABLE.sub("", text).strip()
    if text in ("", _NULL):
        return None
    limit = min(column.field.max_length or BULK_CELL, BULK_CELL)
    if len(text) * 2 <= limit or _units(text) <= limit:
        return text
    if column.type in _WHOLE:
        return None if column.type != "email" else text
    mark = f" … sha256:{sha256(text.encode()).hexdigest()}" if structure else ""
    return cut(text, limit - len(mark)) + mark


def _units(text: str) -> int:
    """Count as Salesforce does: in UTF-16, where an emoji counts twice."""
    return len(text.encode("utf-16-le")) // 2


def cut(text: str, limit: int) -> str:
    """Return as much of a text as fits."""
    return text.encode("utf-16-le")[: limit * 2].decode("utf-16-le", "ignore").rstrip()


def _choice(column: Column, value: Value) -> str | None:
    text = _text(column, value)
    if text is None or text in column.field.choices:
        return text
    same = next((choice for choice in column.field.choices if choice.casefold() == text.casefold()), None)
    return same if same or column.restricted else text


def _number(column: Column, value: Value) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-column.scale), ROUND_HALF_UP)
    return int(rounded) if column.scale == 0 else float(rounded)


def _boolean(_column: Column, value: Value) -> bool:
    if isinstance(value, str):
        return value.strip().casefold() in ("true", "1", "yes", "y", "t", "on")
    return bool(value)


def _date(_column: Column, value: Value) -> Value:
    return value.astimezone(UTC).date() if isinstance(value, datetime) else value


def _datetime(_column: Column, value: Value) -> Value:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(microsecond=0)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


def _as_is(_column: Column, value: Value) -> Value:
    return value


_EXPECTED: dict[FieldType, Callable[[Column, Value], Value]] = {
    FieldType.TEXT: _text,
    FieldType.INTEGER: _number,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.CHOICE: _choice,
    FieldType.LINK: _as_is,
    FieldType.OTHER: _as_is,
}


def change(column: Column) -> str:
    """Return in words what `expected` does to values of a field, or nothing."""
    if places.ADDRESS.fullmatch(column.name):
        return (
            "the label of the org's picklist, else empty"
            if column.codes is not None or column.states is not None
            else "the name in English"
        )
    if column.name in ("OwnerId", "RecordTypeId"):
        return "the id of who or what bears the name, else empty"
    match column.field.type:
        case FieldType.TEXT if column.type in ("phone", "url"):
            return f"empty beyond {column.field.max_length:,} characters, and no blanks at the ends"
        case FieldType.TEXT if column.type == "email":
            return "no blanks at the ends"
        case FieldType.TEXT if column.type != "id":
            limit = min(column.field.max_length or BULK_CELL, BULK_CELL)
            return f"cut after {limit:,} characters, and no blanks at the ends"
        case FieldType.CHOICE if column.restricted:
            return "only values of the picklist"
        case FieldType.INTEGER | FieldType.NUMBER:
            return f"rounded to {column.scale} decimal places"
        case FieldType.DATETIME:
            return "kept to the second"
        case FieldType.BOOLEAN:
            return "nothing is false"
        case _:
            return ""


# -- to the wire and back ------------------------------------------------------------------------------


def encode(column: Column, value: Value) -> Any:
    """Return the JSON form of an expected value. Raises `Unfit`."""
    if isinstance(value, str) and column.type == "email" and len(value) > (column.field.max_length or 80):
        raise Unfit(Refusal("text_too_long", field=column.name))
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, datetime):
        return _in_range(column, value).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return _in_range(column, value).isoformat()
    if column.field.type in _NUMBERS and isinstance(value, int | float):
        if abs(value) >= 10 ** (column.precision - column.scale):
            raise Unfit(Refusal("number_out_of_range", field=column.name))
        return value
    raise Unfit(Refusal("wrong_type", field=column.name))


def _in_range(column: Column, value: Any) -> Any:
    if not 1700 <= value.year <= 4000:
        raise Unfit(Refusal("year_out_of_range", field=column.name))
    return value


def cell(value: Any) -> str:
    """Return the Bulk form of a JSON value: an empty cell would leave a field alone."""
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def decode(column: Column, raw: Any) -> Value:
    """Return the canonical value of what was read."""
    if column.field.type is FieldType.BOOLEAN:
        return bool(raw)
    if raw is None or raw == "":
        return None
    match column.field.type:
        case FieldType.INTEGER:
            return int(raw)
        case FieldType.NUMBER:
            return float(raw)
        case FieldType.DATE:
            return date.fromisoformat(raw)
        case FieldType.DATETIME:
            return datetime.fromisoformat(raw).astimezone(UTC).replace(microsecond=0)
        case _:
            return raw
