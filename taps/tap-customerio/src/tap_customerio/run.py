"""One run of the tap: what all its streams share."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_customerio.budget import Budget
from tap_customerio.client import Client
from tap_customerio.errors import Forbidden
from tap_customerio.memory import Memory
from tap_customerio.report import COMPLETENESS, Report
from tap_customerio.shelf import Shelf
from tap_customerio.sizes import Listed
from tap_customerio.transport import Options
from tap_customerio.ui_api import UiClient
from tap_customerio.values import Record

if TYPE_CHECKING:  # needs an extra
    from tap_customerio.warehouse.folder import Folder


class Run:
    """The clients and files that streams read from, and what they note for each other."""

    def __init__(self, config: Mapping[str, Any], logger: logging.Logger) -> None:
        self.config = config
        self.logger = logger
        self.report = Report()

    @cached_property
    def shelf(self) -> Shelf:
        """What streams share of what was read."""
        return Shelf()

    @cached_property
    def client(self) -> Client:
        """The one client, and so the one request budget, of all streams."""
        config = self.config
        key = str(config.get("app_api_key", ""))
        return Client(key, region=config["region"], api_url=config.get("api_url"), **self._sending())

    @cached_property
    def ui_api(self) -> UiClient | None:
        """The client of the UI API, if it may be read; its budget is its own, at the same pace."""
        config = self.config
        token = config.get("service_account_token")
        if not token:
            return None
        return UiClient(
            str(token),
            region=config["region"],
            api_url=config.get("ui_api_url"),
            environment_id=config.get("environment_id"),
            **self._sending(),
        )

    def _sending(self) -> Options:
        config = self.config
        return {
            "budget": Budget(config["requests_per_second"]),
            "workers": config["max_workers"],
            "user_agent": config.get("user_agent") or f"tap-customerio/{version('tap-customerio')}",
            "timeout_seconds": config["request_timeout_seconds"],
            "max_tries": config["max_tries"],
            "logger": self.logger,
        }

    @cached_property
    def memory(self) -> Memory | None:
        """What earlier runs have read, if it is to be remembered."""
        path = self.config.get("memory_file")
        return Memory(Path(path)) if path else None

    @cached_property
    def warehouse(self) -> Folder:
        """The data-warehouse files. Raises ConfigValidationError."""
        from tap_customerio.warehouse.folder import Folder  # needs an extra

        config = self.config
        options = config.get("warehouse_options") or {}
        return Folder(config["warehouse_path"], options, config.get("workspace_id"))

    def listed(self, one: Listed) -> Iterator[Record]:
        """A list as the API sends it; asked for once in a run."""
        return self.shelf.read(one.name, lambda: one.listed(self.client))

    def judge(self, streams: Sequence[str]) -> None:
        """After the last of the streams: a run to which everything was closed is no success.

        Raises Forbidden.
        """
        lines = [self.report.line(name) for name in streams if name != COMPLETENESS]
        refused = [line.refused for line in lines if line.refused]
        reached = self.client.reached or (self.ui_api is not None and self.ui_api.reached)
        if refused and not reached and not any(line.read for line in lines):
            raise Forbidden(
                f"nothing could be read, for everything was refused: {refused[0]}. Make an App API key with "
                "a wider scope, and without an allowlist that leaves this address out (Settings > API "
                "credentials > App API keys), or select streams that are in the workspace's plan."
            )

    def close(self) -> None:
        """Send nothing more."""
        self.client.close()
        if self.ui_api:
            self.ui_api.close()
