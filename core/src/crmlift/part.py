"""The base of everything that commands print as JSON and `docs/schemas/` publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from crmlift.errors import ConfigError


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

    @classmethod
    def from_file(cls, path: Path, *, again: str) -> Self:
        """Read what a command wrote; `again` is that command.

        Raises `ConfigError` for a file of another form, such as one of another release.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError:
            raise ConfigError(f"{path} cannot be read.", hint=f"Make it again: `{again}`.") from None
