"""Who is meant: the `identifiers` object that most answers carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tap_customerio.values import Record


def identity(identifiers: Mapping[str, Any] | None) -> Record:
    """`cio_id`, `person_id` and `email` of an `identifiers` object, absent and empty ones as null."""
    known = identifiers or {}
    return {
        "cio_id": known.get("cio_id") or None,
        "person_id": known.get("id") or None,
        "email": known.get("email") or None,
    }
