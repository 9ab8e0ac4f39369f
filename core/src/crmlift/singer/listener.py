"""A Singer target without sinks: it hands each message on as it comes, and ends in order.

singer-sdk brings the command line, the settings, the stream maps and the reading of messages. Its
sinks are not used: they drain in no order and print state only at the end of the pipe (ADR 2).
"""

from __future__ import annotations

import copy
import json
import logging
import signal
import sys
from abc import abstractmethod
from collections.abc import Sequence
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, ClassVar, NoReturn, Protocol, cast

from singer_sdk import Target
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities
from singer_sdk.plugin_base import _ConfigInput

from crmlift.errors import CrmliftError, InputError
from crmlift.singer.reader import LineReader

logger = logging.getLogger(__name__)


class Consumer(Protocol):
    """Takes messages, in the order of the input."""

    def schema(self, stream: str, schema: dict[str, Any], keys: Sequence[str]) -> None:
        """Learn a stream's schema and key properties, before its records."""

    def record(self, stream: str, record: dict[str, Any]) -> None:
        """Take one record."""

    def state(self, value: Any) -> None:
        """Take a state: it stands for all records before it."""


def _require(message: dict[str, Any], *names: str) -> None:
    for name in names:
        if name not in message:
            raise InputError(f"the {message['type']} message lacks '{name}'.")


class Listener(Target):
    """Base of whatever listens to a tap: subclasses say who consumes the messages, and how to end."""

    message_reader_class = LineReader
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._stop_signal = 0
        self._handlers: dict[int, Any] = {}
        reader = cast("LineReader", self.message_reader)
        reader.before_failing = self.settle
        reader.after_message = self._stop_if_asked

    @property
    @abstractmethod
    def consumer(self) -> Consumer:
        """Who takes the messages."""

    @abstractmethod
    def process_endofpipe(self) -> None:
        """The whole input was read: finish."""

    @abstractmethod
    def settle(self) -> None:
        """The input broke off, or somebody asks to stop: keep what was read, let go of the rest."""

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Leave out the SDK's settings for sinks, such as `load_method`: they would do nothing."""
        super(Target, cls).append_builtin_config(config_jsonschema)

    # Messages

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        _require(message_dict, "stream", "schema")
        stream, schema = message_dict["stream"], message_dict["schema"]
        keys = message_dict.get("key_properties") or []
        if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
            raise InputError(f"the SCHEMA of stream '{stream}' has no 'properties'.")
        self.mapper.register_raw_stream_schema(stream, schema, keys)
        for stream_map in self.mapper.stream_maps[stream]:
            self.consumer.schema(
                stream_map.stream_alias,
                stream_map.transformed_schema,
                stream_map.transformed_key_properties or (),
            )

    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        try:
            stream, record = message_dict["stream"], message_dict["record"]
        except KeyError:
            _require(message_dict, "stream", "record")
            raise
        # A stream that no SCHEMA named goes on as it is, for the consumer to say so.
        if not self.config.get("stream_maps") or stream not in self.mapper.stream_maps:
            self.consumer.record(stream, record)
            return
        for stream_map in self.mapper.stream_maps[stream]:
            transformed = stream_map.transform(copy.copy(record))
            if transformed is not None:
                self.consumer.record(stream_map.stream_alias, transformed)

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        _require(message_dict, "value")
        self.consumer.state(message_dict["value"])

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        logger.info(
            "ACTIVATE_VERSION of '%s' is ignored: rows carry their own keys.", message_dict.get("stream")
        )

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:  # noqa: ARG002
        raise InputError("BATCH files are not read.", hint="Switch 'batch_config' off in the tap.")

    def _write_state_message(self, state: Any) -> None:
        # Whatever a target prints on stdout becomes Meltano's state: whole states only.
        sys.stdout.write(json.dumps(state) + "\n")
        sys.stdout.flush()

    # Ends

    def _setup_signal_handlers(self) -> None:
        """Leave signals alone until there is something to settle: commands make targets only to ask them."""

    def take_signals(self) -> None:
        """From now on there is something to settle before an end."""
        self._handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        super()._setup_signal_handlers()

    def give_signals_back(self) -> None:
        """Everything is settled."""
        if current_thread() is main_thread():
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
        self._handlers = {}

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Finish the message in hand, settle what was read, and exit so that nobody takes it for success."""
        self._stop_signal = signum
        if cast("LineReader", self.message_reader).idle:
            self._stop()

    def _stop_if_asked(self) -> None:
        if self._stop_signal:
            self._stop()

    def _stop(self) -> NoReturn:
        self.settle()
        sys.exit(128 + self._stop_signal)

    @classmethod
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: Any = None,
    ) -> None:
        """Run the target; an error that crmlift knows is one line, not a traceback."""
        try:
            super().invoke(about=about, about_format=about_format, config=config, file_input=file_input)
        except CrmliftError as error:
            cls.logger.error("%s", error)
            sys.exit(1)
        except OSError as error:
            # A disk that is full or closed to us; no trace of code helps there.
            cls.logger.error("%s.", error)
            sys.exit(1)
