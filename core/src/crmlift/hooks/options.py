"""What the options of the built-in hooks have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Texts = Annotated[list[str], BeforeValidator(_as_list)]
"""Several texts, or one without brackets."""


class Options(BaseModel):
    """Options of a hook or of a part of it: unknown names are refused."""

    model_config = ConfigDict(extra="forbid")
