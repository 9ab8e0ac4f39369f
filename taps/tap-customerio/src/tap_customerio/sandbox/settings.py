"""How a sandbox behaves: from the environment when it starts, some of it changeable while it runs."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

_PREFIX = "CUSTOMERIO_SANDBOX_"


@dataclass
class Settings:
    """Settings of one sandbox.

    `clock` is a fixed "now" in unix seconds, 0 for the real time; it governs data, not rate limits.
    `rate` is in requests per second; `rate_limit` switches the limits off, but not the daily quota of
    archived messages (`archived_per_day`). `forbidden` holds paths, separated by commas, that answer 403
    with all below them, as for a key of narrow scope. Of the UI API: `grant_read_only` is whether a session
    is read-only if asked to be, `token_seconds` how long its token lives. An export is pending for
    `export_looks` looks at it, then done or, with `export_fails`, failed; a link to it holds for
    `export_link_seconds`. `wrap_customers` and `attribute_values` choose between what the vendor documents
    and what its live API was seen to send.
    """

    region: Literal["us", "eu"] = "us"
    app_api_key: str = "sandbox-app-key"
    site_id: str = "sandbox-site"
    track_api_key: str = "sandbox-track-key"
    db: str = ":memory:"
    rate_limit: bool = True
    rate: int = 10
    clock: int = 0
    activity_days: int = 30
    wrap_customers: bool = False
    attribute_values: Literal["native", "strings"] = "native"
    forbidden: str = ""
    archived_per_day: int = 100
    service_account_token: str = "sandbox-service-account"
    grant_read_only: bool = True
    token_seconds: int = 3600
    export_looks: int = 1
    export_link_seconds: int = 900
    export_fails: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read `CUSTOMERIO_SANDBOX_<NAME>` for every setting."""
        settings = cls()
        for name in settings.__dataclass_fields__:
            if (value := environment.get(_PREFIX + name.upper())) is not None:
                settings.set(name, value)
        return settings

    def set(self, name: str, value: object) -> None:
        """Change one setting; text is read as the setting's type. Raises ValueError."""
        if name not in self.__dataclass_fields__:
            raise ValueError(f"no such setting: {name}")
        current = getattr(self, name)
        if isinstance(current, bool):
            value = str(value).lower() in {"1", "true", "yes", "on"}
        elif isinstance(current, int):
            value = int(str(value))
        setattr(self, name, value)

    @property
    def now(self) -> int:
        """The present, in unix seconds."""
        return self.clock or int(time.time())
