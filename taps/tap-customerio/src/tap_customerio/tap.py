"""The tap: settings, and the streams in their order."""

from __future__ import annotations

import sys
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from types import FrameType

from singer_sdk import Stream, Tap
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecWriter

from tap_customerio.budget import Budget
from tap_customerio.client import HOSTS, Client
from tap_customerio.memory import Memory
from tap_customerio.report import Report
from tap_customerio.shelf import Shelf
from tap_customerio.streams import STREAMS, CustomerIOStream
from tap_customerio.transport import Options
from tap_customerio.ui_api import UiClient
from tap_customerio.ui_api.settings import SETTINGS as UI_API_SETTINGS


class TapCustomerIO(Tap):
    """Reads a Customer.io workspace through the App API, and says what it could not read."""

    name = "tap-customerio"
    message_writer_class = MsgSpecWriter
    _checked = False

    config_jsonschema = th.PropertiesList(
        th.Property(
            "app_api_key",
            th.StringType(nullable=False),
            required=True,
            secret=True,
            title="App API key",
            description="Key of the workspace: Settings > API credentials > App API keys.",
        ),
        th.Property(
            "region",
            th.StringType(nullable=False),
            default="us",
            allowed_values=list(HOSTS),
            title="Region",
            description="Where the workspace's data is kept.",
        ),
        th.Property(
            "api_url",
            th.StringType,
            title="API address",
            description="Another address of the App API, such as a sandbox's; replaces the region's.",
        ),
        th.Property(
            "start_date",
            th.DateTimeType,
            title="Start date",
            description="Activities and deliveries before this are not read.",
        ),
        th.Property(
            "requests_per_second",
            th.IntegerType(nullable=False, minimum=1),
            default=10,
            title="Requests per second",
            description="Budget of the whole tap. The App API allows 10 per workspace, shared with others.",
        ),
        th.Property(
            "max_workers",
            th.IntegerType(nullable=False, minimum=1, maximum=64),
            default=8,
            title="Requests side by side",
            description="How many requests may be under way at once, within the budget.",
        ),
        th.Property(
            "activity_types",
            th.ArrayType(th.StringType),
            default=["event", "page", "screen", "attribute_change", "profile_delete", "profile_merge"],
            title="Activity types",
            description="Types of activities to read.",
        ),
        th.Property(
            "activities_lookback_hours",
            th.IntegerType(nullable=False, minimum=0),
            default=24,
            title="Look-back for activities",
            description="How far before the bookmark to read again, for events that arrive late.",
        ),
        th.Property(
            "deliveries_reread_days",
            th.IntegerType(nullable=False, minimum=0),
            default=30,
            title="Re-read of deliveries",
            description="How many days before the bookmark to read again, for metrics that arrive late.",
        ),
        th.Property(
            "deliveries_start",
            th.DateTimeType,
            default="2012-01-01T00:00:00Z",
            title="First deliveries",
            description="Where the first run begins, without a start date; half a year costs one request.",
        ),
        th.Property(
            "memory_file",
            th.StringType,
            title="Memory file",
            description="File of content hashes: people, relationships, memberships then come if changed.",
        ),
        th.Property(
            "full_scan_every_days",
            th.IntegerType(nullable=False, minimum=0),
            default=7,
            title="Full scan of people",
            description="With a memory file, people between full scans are those whom activities name.",
        ),
        th.Property(
            "workspace_id",
            th.IntegerType,
            title="Workspace",
            description="Number of the key's workspace, to check counts by, where the account has several.",
        ),
        th.Property(
            "sending_domains",
            th.ArrayType(th.StringType),
            title="Sending domains",
            description="Domains whose suppressed addresses to read; all that the API lists, without.",
        ),
        th.Property(
            "preferences_per_person",
            th.BooleanType(nullable=False),
            default=False,
            title="Preferences person by person",
            description="Ask for each person's topics, defaults included: one more request per person.",
        ),
        th.Property(
            "archived_messages_sample",
            th.IntegerType(nullable=False, minimum=0, maximum=100),
            default=0,
            title="Sample of bodies",
            description="How many message bodies to read as sent, one per template; the API has 100 a day.",
        ),
        th.Property(
            "request_timeout_seconds",
            th.IntegerType(nullable=False, minimum=1),
            default=60,
            title="Timeout",
            description="Seconds to wait for an answer.",
        ),
        th.Property(
            "max_tries",
            th.IntegerType(nullable=False, minimum=1),
            default=8,
            title="Tries",
            description="How often to send a request that fails for a passing reason.",
        ),
        th.Property("user_agent", th.StringType, title="User agent", description="User agent to send."),
        *UI_API_SETTINGS,
    ).to_dict()

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
    def memory(self) -> Memory | None:
        """What earlier runs have read, if it is to be remembered."""
        path = self.config.get("memory_file")
        return Memory(Path(path)) if path else None

    def discover_streams(self) -> list[CustomerIOStream]:
        """All streams that the settings make readable; discovery asks the API nothing."""
        token = self.config.get("service_account_token")
        return [stream(self) for stream in STREAMS if token or not stream.needs_service_account]

    @property
    def selected(self) -> list[CustomerIOStream]:
        """The streams that are to be read, in their order."""
        own = (stream for stream in self.streams.values() if isinstance(stream, CustomerIOStream))
        return [stream for stream in own if stream.selected]

    def check(self) -> None:
        """Before the first stream: a service-account token that does not work. Raises Refused."""
        if self._checked:
            return
        self._checked = True
        if self.ui_api and any(stream.needs_service_account for stream in self.selected):
            self.ui_api.open()

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams in reading order: the SDK would sort them by name, children before parents."""
        return dict(sorted(super().streams.items(), key=lambda item: _rank(item[1])))

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
