"""The tap: settings, and the streams in their order."""

from __future__ import annotations

import sys
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from singer_sdk import Stream, Tap

from tap_customerio.budget import Budget
from tap_customerio.client import Client
from tap_customerio.errors import Forbidden
from tap_customerio.estimate import Plan
from tap_customerio.memory import Memory
from tap_customerio.report import Report
from tap_customerio.routes import UI_API
from tap_customerio.settings import SETTINGS
from tap_customerio.shelf import Shelf
from tap_customerio.streams import STREAMS, CustomerIOStream
from tap_customerio.streams.completeness import Completeness
from tap_customerio.streams.sizes import Sizes
from tap_customerio.transport import Options
from tap_customerio.ui_api import UiClient
from tap_customerio.writer import Writer

if TYPE_CHECKING:
    from tap_customerio.warehouse.folder import Folder


class TapCustomerIO(Tap):
    """Reads a Customer.io workspace, by the App API and other routes, and says what it could not read."""

    name = "tap-customerio"
    message_writer_class = Writer
    _logged_in = False

    config_jsonschema = SETTINGS.to_dict()

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
    def shelf(self) -> Shelf:
        """What streams share of what was read."""
        return Shelf()

    @cached_property
    def report(self) -> Report:
        """What was read, and what could not be."""
        return Report()

    @cached_property
    def sizes(self) -> Sizes:
        """How much there is in the workspace."""
        return Sizes(self)

    @cached_property
    def memory(self) -> Memory | None:
        """What earlier runs have read, if it is to be remembered."""
        path = self.config.get("memory_file")
        return Memory(Path(path)) if path else None

    def discover_streams(self) -> list[CustomerIOStream]:
        """All streams; discovery asks the API nothing."""
        return [stream(self) for stream in STREAMS]

    def log_in(self) -> None:
        """Before the first stream: a service-account token that does not do. Raises Refused."""
        if self._logged_in:
            return
        self._logged_in = True
        if self.ui_api and any(stream.selected and UI_API in stream.routes for stream in self.own_streams):
            self.ui_api.open()

    def judge_after(self, stream: CustomerIOStream) -> None:
        """After the last stream: a run to which everything was closed is no success. Raises Forbidden."""
        selected = [one.name for one in self.own_streams if one.selected]
        if stream.name != selected[-1]:
            return
        lines = [self.report.line(name) for name in selected if name != Completeness.name]
        refused = [line.refused for line in lines if line.refused]
        reached = self.client.reached or (self.ui_api is not None and self.ui_api.reached)
        if refused and not reached and not any(line.read for line in lines):
            raise Forbidden(
                f"nothing could be read, for everything was refused: {refused[0]}. Make an App API key with "
                "a wider scope, and without an allowlist that leaves this address out (Settings > API "
                "credentials > App API keys), or select streams that are in the workspace's plan."
            )

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams in reading order: the SDK would sort them by name, children before parents."""
        return dict(sorted(super().streams.items(), key=lambda item: _rank(item[1])))

    @property
    def own_streams(self) -> list[CustomerIOStream]:
        """The streams as what they are."""
        return [stream for stream in self.streams.values() if isinstance(stream, CustomerIOStream)]

    @cached_property
    def warehouse(self) -> Folder:
        """The data-warehouse files. Raises ConfigValidationError."""
        from tap_customerio.warehouse.folder import Folder  # needs an extra

        config = self.config
        options = config.get("warehouse_options") or {}
        return Folder(config["warehouse_path"], options, config.get("workspace_id"))

    @cached_property
    def plan(self) -> Plan:
        """Which route each stream takes; made when the first of them is read. Raises RouteError."""
        return Plan(self)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Stop at once, and say so: the SDK would end with 0, and half a read would look like a whole one.

        No STATE is lost: each bookmark is written when it moves.
        """
        del frame
        self.client.close()
        if self.ui_api:
            self.ui_api.close()
        sys.exit(128 + signum)


def _rank(stream: Stream) -> int:
    return next(rank for rank, kind in enumerate(STREAMS) if isinstance(stream, kind))
