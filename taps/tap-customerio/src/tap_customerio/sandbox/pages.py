"""Cursors as the vendor makes them: opaque, base64, with `=` in them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping

from tap_customerio.sandbox.errors import ApiError


def cursor(*position: int) -> str:
    """A cursor that names a position."""
    return b64encode(":".join(map(str, position)).encode()).decode()


def position(query: Mapping[str, str], size: int = 1) -> list[int] | None:
    """The position that a request starts at, or None for the beginning. Raises ApiError 400."""
    token = query.get("start")
    if not token:
        return None
    try:
        parts = [int(part) for part in b64decode(token, validate=True).decode().split(":")]
    except ValueError:
        parts = []
    if len(parts) != size:
        raise ApiError(400, "invalid start")
    return parts


def limit(query: Mapping[str, str], default: int, maximum: int) -> int:
    """The page size asked for, within bounds. Raises ApiError 400."""
    text = query.get("limit") or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise ApiError(400, "invalid limit")
    return min(int(text), maximum)
