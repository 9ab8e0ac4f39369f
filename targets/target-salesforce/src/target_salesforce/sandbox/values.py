"""Values of the wire, JSON or CSV, as records hold them; what a field cannot hold is refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from target_salesforce.sandbox.errors import RowError
from target_salesforce.sandbox.fields import NUMBERS, SField
from target_salesforce.sandbox.org import wire_time
from target_salesforce.sandbox.store import long_id

_EMAIL = re.compile(r"[^@\s,;()<>\[\]\"]+@[^@\s,;()<>\[\]\"]+\.[^@\s,;()<>\[\]\".]+")
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def to_record(field: SField, raw: Any) -> Any:
    """Return the value that the record will hold. Raises `RowError`."""
    if raw is None or raw == "":
        if field.type == "boolean":
            return False
        return None
    kind = field.type
    if kind == "boolean":
        return _boolean(field, raw)
    if kind in NUMBERS:
        return _number(field, raw)
    if kind == "date":
        return _date(field, raw)
    if kind == "datetime":
        return _datetime(field, raw)
    if kind in ("reference", "id"):
        return normal_id(field.name, raw)
    return _text(field, raw)


def normal_id(name: str, raw: Any) -> str:
    """Return an id of 18 characters."""
    if not isinstance(raw, str) or not _ID.fullmatch(raw):
        raise RowError("MALFORMED_ID", f"{name}: id value of incorrect type: {raw}", [name])
    return raw if len(raw) == 18 else long_id(raw)


def _text(field: SField, raw: Any) -> str | None:
    if isinstance(raw, dict | list):
        raise RowError("JSON_PARSER_ERROR", f"Cannot deserialize instance of {field.type} from a structure")
    if isinstance(raw, bool):
        raw = "true" if raw else "false"
    text = _CONTROL.sub("", str(raw)).strip()
    if not text:
        return None
    if field.length and len(text.encode("utf-16-le", "surrogatepass")) // 2 > field.length:
        short = text[:30]
        message = f"{field.label or field.name}: data value too large: {short} (max length={field.length})"
        raise RowError("STRING_TOO_LONG", message, [field.name])
    if field.type == "email" and not _EMAIL.fullmatch(text):
        raise RowError("INVALID_EMAIL_ADDRESS", f"{field.name}: invalid email address: {text}", [field.name])
    if field.choices and field.type in ("picklist", "multipicklist"):
        return _choice(field, text)
    return text


def _choice(field: SField, text: str) -> str:
    by_lower = {value.lower(): value for value in field.choices}
    picked = [by_lower.get(part.lower(), part) for part in text.split(";")]
    if field.restricted and not set(picked) <= set(field.choices):
        message = f"{field.name}: bad value for restricted picklist field: {text}"
        raise RowError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name])
    return ";".join(picked)


def _boolean(field: SField, raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    if str(raw).lower() in ("true", "1"):
        return True
    if str(raw).lower() in ("false", "0"):
        return False
    raise RowError(
        "INVALID_TYPE_ON_FIELD_IN_RECORD", f"{field.name}: value not of required type: {raw}", [field.name]
    )


def _number(field: SField, raw: Any) -> float | int:
    try:
        number = float(raw)
    except (TypeError, ValueError):
        message = f"{field.name}: value not of required type: {raw}"
        raise RowError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, [field.name]) from None
    if abs(number) >= 10.0 ** ((field.precision or 18) - field.scale):
        message = f"{field.name}: value outside of valid range on numeric field: {raw}"
        raise RowError("NUMBER_OUTSIDE_VALID_RANGE", message, [field.name])
    number = round(number, field.scale)
    return int(number) if field.type == "int" else number


def _date(field: SField, raw: Any) -> str:
    try:
        return date.fromisoformat(str(raw)[:10]).isoformat()
    except ValueError:
        raise RowError(
            "INVALID_TYPE_ON_FIELD_IN_RECORD", f"{field.name}: invalid date: {raw}", [field.name]
        ) from None


def _datetime(field: SField, raw: Any) -> str:
    try:
        moment = datetime.fromisoformat(str(raw))
    except ValueError:
        message = f"{field.name}: invalid date-time: {raw}"
        raise RowError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, [field.name]) from None
    if not 1700 <= moment.year <= 4000:
        raise RowError("INVALID_TYPE_ON_FIELD_IN_RECORD", f"{field.name}: invalid date: {raw}", [field.name])
    return wire_time(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
