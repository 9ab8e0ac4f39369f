"""What the built-in hooks have in common: the base of their options, and how they read a moment."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from crmlift.mapping.convert import to_datetime


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Texts = Annotated[list[str], BeforeValidator(_as_list)]
"""Several texts, or one without brackets."""


class Options(BaseModel):
    """Options of a hook or of a part of it: unknown names are refused."""

    model_config = ConfigDict(extra="forbid")


def moment_of(value: Any) -> int | None:
    """Return a moment in unix seconds, or None where the value is none."""
    try:
        return None if value is None else int(to_datetime(value).timestamp())
    except (ValueError, OverflowError):
        return None
