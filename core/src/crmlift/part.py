"""The base of everything that commands print as JSON and `docs/schemas/` publishes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Part(BaseModel):
    """Nothing that is not declared, and, once made, as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_computed(cls, data: Any) -> Any:
        """What was printed can be read back: computed fields are computed again."""
        if isinstance(data, dict):
            return {name: value for name, value in data.items() if name not in cls.model_computed_fields}
        return data
