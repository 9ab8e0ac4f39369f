"""Canonical values to Salesforce's wire forms and back, field by field.

What Salesforce changes on its own, `expected` changes first, so that a value reads back as it was sent:

- text loses control characters and blanks at its ends; "" and Bulk's word for null, `#N/A`, are empty;
- text longer than its field is cut, JSON with a mark and a digest of the whole;
- an unchecked box is false, never empty; numbers are rounded to the field's digits; times have whole seconds;
- a country is its English name, or the label of the org's picklist; an unknown one of a picklist is empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from hashlib import sha256
from typing import Any

import orjson
from babel import Locale

from crmlift.destination import Field, FieldType, Value, Values
from crmlift.errors import Refusal

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
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
_ADDRESS = re.compile(r"(?:Mailing|Other|Billing|Shipping|)(Country|State)")


class Unfit(Exception):
    """A value that Salesforce is known to refuse: not worth a call."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Column:
    """A field as `describe` tells it. `codes` maps the codes of an address picklist to its labels."""

    field: Field
    type: str
    scale: int = 0
    precision: int = 18
    restricted: bool = False
    createable: bool = True
    codes: Mapping[str, str] | None = None

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
    code = named.get(f"{raw['name']}Code") if _ADDRESS.fullmatch(raw["name"]) else None
    codes = (
        {entry["value"]: entry["label"] for entry in code["picklistValues"] if entry["active"]}
        if code
        else None
    )
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
    return Column(field, raw["type"], raw["scale"], digits or 18, restricted, bool(raw["createable"]), codes)


# -- what Salesforce will hold -------------------------------------------------------------------------


def expected(live: Mapping[str, Column], values: Values) -> dict[str, Value]:
    """Return the values as they will read back."""
    return {name: _expected(live.get(name), value) for name, value in values.items()}


def _expected(column: Column | None, value: Value) -> Value:
    if column is None:
        return value
    if found := _ADDRESS.fullmatch(column.name):
        return _place(column, found[1], _text(column, value))
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


def _place(column: Column, kind: str, text: str | None) -> str | None:
    if text is None:
        return None
    if column.codes is not None:
        labels = {label.casefold(): label for label in column.codes.values()}
        return column.codes.get(text.upper()) or labels.get(text.casefold())
    return _country_names().get(text, text) if kind == "Country" else text


@cache
def _country_names() -> dict[str, str]:
    names = Locale("en").territories
    return {str(code): str(name) for code, name in names.items() if len(code) == 2 and code.isalpha()}


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
    if _ADDRESS.fullmatch(column.name):
        return (
            "the name in English" if column.codes is None else "the label of the org's picklist, else empty"
        )
    match column.field.type:
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
