"""What Odoo makes of values, type by type: the form in which they read back, and the wire's form."""

from __future__ import annotations

import json
import math
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import getaddresses
from html import escape
from typing import Any

import phonenumbers

from crmlift.destination import FieldType, Value
from target_odoo.markup import canonical

_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")
_TAG = re.compile(r"<[a-zA-Z/!]")
_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*:(?!\d)")


def to_text(value: Value) -> str | None:
    """Text that PostgreSQL can hold; nothing where none is left."""
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
    text = to_text(value)
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


def packed(value: Value) -> str:
    """Return a document as a file holds it."""
    return b64encode(json.dumps(value, ensure_ascii=False, indent=1).encode()).decode()


def unpacked(raw: str) -> Value:
    """Return a document from its file; what a person put in its place is not equal to any of ours."""
    try:
        return json.loads(b64decode(raw))
    except ValueError:
        return raw


NORMAL: Mapping[str, Callable[[str], str | None]] = {
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
    # Called for each value of each record's JSON: the plain types come first.
    kind = type(value)
    if kind is str:
        return _UNHOLDABLE.sub("", value)
    if value is None or kind is bool or kind is int:
        return value
    if kind is dict or isinstance(value, Mapping):
        return {_clean(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        # PostgreSQL keeps the digits: 1e22 comes back as an integer of 23 of them.
        return int(Decimal(repr(value)))
    if isinstance(value, str):
        return _UNHOLDABLE.sub("", value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def without_nulls(value: Value) -> Value:
    """Return JSON without its nulls, at every level."""
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


def _links(value: Value) -> list[str] | None:
    ids = [value] if isinstance(value, str) else value
    return sorted({str(item) for item in ids}, key=int) if ids else None


def as_is(value: Value) -> Value:
    """Return the value."""
    return value


def id_of(raw: Any) -> int:
    """Return the id of a link as it is read: `[id, name]`, or the id alone."""
    return int(raw[0] if isinstance(raw, list) else raw)


EXPECTED: dict[FieldType, Callable[[Value], Value]] = {
    FieldType.TEXT: to_text,
    FieldType.HTML: _html,
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.JSON: _json,
    FieldType.CHOICE: to_text,
    FieldType.LINK: to_text,
    FieldType.LINKS: _links,
    FieldType.OTHER: as_is,
}
ENCODE: dict[FieldType, Callable[[Value], Any]] = {
    FieldType.DATE: lambda value: value.isoformat(),
    FieldType.DATETIME: lambda value: value.replace(tzinfo=None).isoformat(" ", "seconds"),
    FieldType.LINK: int,
    FieldType.LINKS: lambda value: [[6, 0, [int(id_) for id_ in value]]],
}
DECODE: dict[FieldType, Callable[[Any], Value]] = {
    FieldType.DATE: date.fromisoformat,
    FieldType.DATETIME: lambda raw: datetime.fromisoformat(raw).replace(tzinfo=UTC),
    FieldType.LINK: lambda raw: str(id_of(raw)),
    FieldType.LINKS: lambda raw: sorted(map(str, raw), key=int) or None,
}
