"""Conversions of source values to canonical ones (`as:` in a mapping).

Each takes a value that is not None and returns a canonical value, or raises `ValueError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import orjson
import pendulum
from babel import Locale, UnknownLocaleError

_TRUE = {"true", "t", "yes", "y", "1", "on"}
_FALSE = {"false", "f", "no", "n", "0", "off"}
# Unix times outside 1973..2286 in seconds are counts or ids, not dates; 13 digits are milliseconds.
_MIN_SECONDS, _MAX_SECONDS = 1e8, 1e10
NAME_LANGUAGES = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "fi", "cs", "tr", "ru", "uk", "ja",
    "zh", "ko", "ar", "hi", "el", "hu", "ro", "id", "vi", "th", "he", "bn", "ta",
)  # fmt: skip
"""In these, names of countries and languages are known; where two differ, the earlier one counts."""


def to_text(value: Any) -> str:
    """Text as it stands; structures become JSON, so that nothing is lost."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return str(value)


def to_integer(value: Any) -> int:
    """Whole numbers only: 1.5 is refused, not cut."""
    number = to_number(value)
    if number != int(number):
        raise ValueError("not a whole number")
    return int(value) if isinstance(value, (int, str)) and not _has_point(value) else int(number)


def _has_point(value: int | str) -> bool:
    return isinstance(value, str) and not value.strip().lstrip("+-").isdigit()


def to_number(value: Any) -> float:
    """Finite numbers, also as text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("not a number")
    try:
        number = float(value)
    except ValueError:
        raise ValueError("not a number") from None
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def to_boolean(value: Any) -> bool:
    """True and false, also as the usual words and as 1 and 0."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("neither true nor false")


def to_datetime(value: Any) -> datetime:
    """UTC to the second, from unix seconds or milliseconds (number or text) or ISO 8601 (naive means UTC)."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).replace(microsecond=0)
    seconds = _unix_seconds(value)
    if seconds is not None:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)
    text = str(value).strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        parsed = pendulum.parse(text, tz="UTC", exact=False)
        if not isinstance(parsed, datetime):
            raise ValueError("not a date") from None
        moment = datetime.fromisoformat(parsed.isoformat())
    return to_datetime(moment)


def _unix_seconds(value: Any) -> float | None:
    if isinstance(value, bool):
        raise ValueError("not a date")
    if isinstance(value, str):
        text = value.strip()
        if not text.replace(".", "", 1).isdigit() or len(text.split(".")[0]) < 9:
            return None
        value = float(text)
    if not isinstance(value, (int, float)):
        raise ValueError("not a date")
    seconds = value / 1000 if value >= _MAX_SECONDS else value
    if not _MIN_SECONDS <= seconds < _MAX_SECONDS:
        raise ValueError("not a date")
    return seconds


def to_date(value: Any) -> date:
    """A calendar day; a moment gives its day in UTC."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return to_datetime(value).date()


def to_list(value: Any) -> str:
    """Array items as text, joined by commas; single values as they are."""
    return ", ".join(to_text(item) for item in value) if isinstance(value, list) else to_text(value)


def to_json(value: Any) -> Any:
    """Any JSON value, as it is."""
    return value


def to_country(value: Any) -> str:
    """ISO 3166 alpha-2, from the code or from its name in one of `NAME_LANGUAGES` (CLDR)."""
    text = str(value).strip()
    code = {"UK": "GB"}.get(text.upper(), text.upper())
    if code in _country_codes():
        return code
    try:
        return _country_names()[text.casefold()]
    except KeyError:
        raise ValueError("not a country") from None


@cache
def _country_codes() -> frozenset[str]:
    codes: Iterable[str] = Locale("en").territories
    return frozenset(
        code for code in codes if len(code) == 2 and code.isalpha() and code not in {"EU", "UN", "ZZ"}
    )


@cache
def _country_names() -> dict[str, str]:
    return {
        name.casefold(): code
        for language in reversed(NAME_LANGUAGES)
        for code, name in Locale(language).territories.items()
        if code in _country_codes()
    }


def to_language(value: Any) -> str:
    """A locale code such as `de` or `pt_BR`, from tags with `-` or `_`."""
    text = str(value).strip().replace("-", "_")
    try:
        return str(Locale.parse(text))
    except (UnknownLocaleError, ValueError, TypeError):
        raise ValueError("not a language") from None


def to_timezone(value: Any) -> str:
    """An IANA zone name."""
    text = str(value).strip()
    if text not in _timezones():
        raise ValueError("not a time zone")
    return text


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "text": to_text,
    "integer": to_integer,
    "number": to_number,
    "boolean": to_boolean,
    "date": to_date,
    "datetime": to_datetime,
    "json": to_json,
    "list": to_list,
    "country": to_country,
    "language": to_language,
    "timezone": to_timezone,
}
