"""Values as the API and files write them, in one form."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Record = dict[str, Any]


def unix(value: object) -> int | None:
    """A setting, bookmark or attribute (unix seconds, or an ISO date) as unix seconds. Raises ValueError."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isdecimal():  # live attribute values arrive as text
        return int(value)
    if isinstance(value, str) and value:
        moment = datetime.fromisoformat(value)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    return None


def iso(moment: float) -> str:
    """Unix seconds as RFC 3339."""
    return datetime.fromtimestamp(int(moment), UTC).isoformat().replace("+00:00", "Z")


def flag(value: object) -> bool | None:
    """A boolean that may arrive as text; null where it is neither."""
    return {"true": True, "false": False}.get(str(value).lower())
