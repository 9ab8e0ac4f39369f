"""The tap: settings, and the streams in their order."""

from __future__ import annotations

import sys
from functools import cached_property
from types import FrameType

from singer_sdk import Stream, Tap

from tap_customerio.plan import Plan
from tap_customerio.routes import UI_API, Choice
from tap_customerio.run import Run
from tap_customerio.settings import SETTINGS
from tap_customerio.sizes import Sizes
from tap_customerio.streams import STREAMS
from tap_customerio.streams.base import CustomerIOStream, own_streams
from tap_customerio.streams.setup import Workspaces
from tap_customerio.writer import Writer


class TapCustomerIO(Tap):
    """Reads a Customer.io workspace, by the App API and other routes, and says what it could not read."""

    name = "tap-customerio"
    message_writer_class = Writer

    config_jsonschema = SETTINGS.to_dict()

    @cached_property
    def run(self) -> Run:
        """What all streams share."""
        return Run(self.config, self.logger)

    def discover_streams(self) -> list[CustomerIOStream]:
        """All streams; discovery asks the API nothing."""
        return [stream(self, self.run, self.choice) for stream in STREAMS]

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams in reading order: the SDK would sort them by name, children before parents."""
        return dict(sorted(super().streams.items(), key=lambda item: _rank(item[1])))

    def choice(self, stream: CustomerIOStream) -> Choice:
        """The route of a stream, by the plan that is made when the first of them is read."""
        return self._plan.choice(stream)

    @cached_property
    def _plan(self) -> Plan:
        """Raises RouteError, and Refused where the service-account token does not do."""
        streams = own_streams(self)
        if self.run.ui_api and any(stream.selected and UI_API in stream.routes for stream in streams):
            self.run.ui_api.open()
        return Plan(self.run, streams, Sizes(self.run.listed, Workspaces, self.config.get("workspace_id")))

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Stop at once, and say so: the SDK would end with 0, and half a read would look like a whole one.

        No STATE is lost: each bookmark is written when it moves.
        """
        del frame
        self.run.close()
        sys.exit(128 + signum)


def _rank(stream: Stream) -> int:
    return next(rank for rank, kind in enumerate(STREAMS) if isinstance(stream, kind))
