"""What Odoo makes of a value that is written to a field: the silent changes and the errors."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from html import escape
from typing import Any

from target_odoo.sandbox.errors import OdooError, postgres, value_error
from target_odoo.sandbox.registry import F

_SCRIPT = re.compile(r"<(script|style|iframe|form)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_HANDLER = re.compile(r"\s+on\w+\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^>]*>")
_BLOCK = re.compile(r"^\s*<(p|div|ul|ol|table|h[1-6]|span|blockquote|pre|section)\b", re.IGNORECASE)


def convert(model: str, name: str, field: F, value: Any) -> Any:
    """Return the value as it is stored; None for an empty one. Links are not converted here."""
    try:
        result = _CONVERTERS[field.type](model, name, field, value)
    except (ValueError, TypeError, OverflowError) as error:
        raise value_error(str(error)) from None
    _refuse_nul(result)
    return result


def _refuse_nul(value: Any) -> None:
    if isinstance(value, str) and "\0" in value:
        raise value_error("A string literal cannot contain NUL (0x00) characters.")
    if isinstance(value, dict | list) and "\\u0000" in json.dumps(value):
        raise postgres("UntranslatableCharacter", "unsupported Unicode escape sequence")


def _text(_model: str, _name: str, field: F, value: Any) -> str | None:
    if value is None or value is False:
        return None
    text = value if isinstance(value, str) else str(value)
    return text[: field.size] if field.size else text


def _html(_model: str, _name: str, _field: F, value: Any) -> str | None:
    if value is None or value is False or value == "":
        return None
    text = _HANDLER.sub("", _SCRIPT.sub("", str(value)))
    if not _TAG.search(text):
        return f"<span>{escape(text, quote=False)}</span>"
    return text if _BLOCK.match(text) else f"<span>{text}</span>"


def _integer(_model: str, _name: str, _field: F, value: Any) -> int:
    number = int(value or 0)
    if not -(2**31) <= number < 2**31:
        raise postgres("NumericValueOutOfRange", "integer out of range")
    return number


def _reference(model: str, name: str, field: F, value: Any) -> int | None:
    return _integer(model, name, field, value) or None


def _float(_model: str, _name: str, _field: F, value: Any) -> float:
    return float(value or 0.0)


def _boolean(_model: str, _name: str, _field: F, value: Any) -> bool:
    return bool(value)


def _date(_model: str, _name: str, _field: F, value: Any) -> str | None:
    return date.fromisoformat(str(value)[:10]).isoformat() if value else None


def _datetime(_model: str, _name: str, _field: F, value: Any) -> str | None:
    if not value:
        return None
    pattern = "%Y-%m-%d %H:%M:%S" if len(str(value)) > 10 else "%Y-%m-%d"
    return datetime.strptime(str(value), pattern).strftime("%Y-%m-%d %H:%M:%S")


def _json(_model: str, _name: str, _field: F, value: Any) -> Any:
    return value or None


def _selection(model: str, name: str, field: F, value: Any) -> str | None:
    if not value:
        return None
    if not field.any_text and value not in {key for key, _ in field.selection}:
        raise ValueError(f"Wrong value for {model}.{name}: {value!r}")
    return str(value)


def _binary(_model: str, _name: str, _field: F, value: Any) -> Any:
    return value or None


_CONVERTERS = {
    "char": _text,
    "text": _text,
    "html": _html,
    "integer": _integer,
    "many2one_reference": _reference,
    "float": _float,
    "monetary": _float,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "json": _json,
    "selection": _selection,
    "binary": _binary,
}


def from_cell(field: F, cell: Any) -> Any:
    """Return what `load` makes of a non-empty cell, before it is written. Raises ValueError with its message.

    Links are resolved by the caller.
    """
    if field.type == "boolean":
        # JSON true or a number has no .lower(): the call ends in a 500 (ir.fields.converter).
        if not isinstance(cell, str):
            raise OdooError(
                "builtins.AttributeError", f"{type(cell).__name__!r} object has no attribute 'lower'", 500
            )
        if cell.lower() in ("1", "true", "yes"):
            return True
        if cell.lower() in ("0", "false", "no", ""):
            return False
        raise ValueError(f"Unknown value '{cell}' for boolean field '%(field)s'")
    if field.type in ("integer", "float", "monetary"):
        kind = int if field.type == "integer" else float
        try:
            return kind(cell)
        except ValueError:
            what = "an integer" if kind is int else "a number"
            raise ValueError(f"'{cell}' does not seem to be {what} for field '%(field)s'") from None
    if field.type == "json":
        try:
            return json.loads(cell)
        except ValueError:
            raise ValueError(f"'{cell}' does not seem to be a valid JSON for field '%(field)s'") from None
    if field.type == "selection":
        for key, label in field.selection:
            if cell in (key, label):
                return key
        raise ValueError(f"Value '{cell}' not found in selection field '%(field)s'")
    if field.type in ("date", "datetime"):
        try:
            return _CONVERTERS[field.type]("", "", field, cell)
        except ValueError:
            raise ValueError(
                f"'{cell}' does not seem to be a valid {field.type} for field '%(field)s'"
            ) from None
    return cell
