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
from tap_customerio.estimate import Plan
from tap_customerio.memory import Memory
from tap_customerio.report import Report
from tap_customerio.settings import SETTINGS
from tap_customerio.shelf import Shelf
from tap_customerio.streams import STREAMS, CustomerIOStream
from tap_customerio.streams.sizes import Sizes
from tap_customerio.writer import Writer

if TYPE_CHECKING:
    from tap_customerio.warehouse.folder import Folder


class TapCustomerIO(Tap):
    """Reads a Customer.io workspace, by the App API and other routes, and says what it could not read."""

    name = "tap-customerio"
    message_writer_class = Writer

    config_jsonschema = SETTINGS.to_dict()

    @cached_property
    def client(self) -> Client:
        """The one client, and so the one request budget, of all streams."""
        config = self.config
        return Client(
            str(config.get("app_api_key", "")),
            region=config["region"],
            api_url=config.get("api_url"),
            budget=Budget(config["requests_per_second"]),
            workers=config["max_workers"],
            user_agent=config.get("user_agent") or f"tap-customerio/{version('tap-customerio')}",
            timeout_seconds=config["request_timeout_seconds"],
            max_tries=config["max_tries"],
            logger=self.logger,
        )

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
        sys.exit(128 + signum)


def _rank(stream: Stream) -> int:
    return next(rank for rank, kind in enumerate(STREAMS) if isinstance(stream, kind))
