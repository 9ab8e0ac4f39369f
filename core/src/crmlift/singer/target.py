"""The Singer target that every CRM's target subclasses.

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
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, ClassVar, NoReturn, cast

from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities
from singer_sdk.plugin_base import _ConfigInput

from crmlift.destination import Destination
from crmlift.errors import CrmliftError, InputError
from crmlift.ledger import Ledger
from crmlift.mapping.approval import read_approved
from crmlift.pipeline import Pipeline
from crmlift.singer.reader import LineReader

logger = logging.getLogger(__name__)


def settings(name: str, *own: th.Property[Any]) -> dict[str, Any]:
    """Return the settings of a target as JSON schema: its own, then those of every target.

    `name` is the destination's short name; it is part of the defaults.
    """
    return th.PropertiesList(
        *own,
        th.Property(
            "mapping",
            th.StringType,
            default=f"crmlift/{name}.yml",
            title="Mapping",
            description="Path of the approved mapping file.",
        ),
        th.Property(
            "ledger_url",
            th.StringType,
            default=f"sqlite:///.crmlift/{name}.db",
            title="Ledger URL",
            description="SQLAlchemy URL of the ledger: SQLite by default, PostgreSQL for several machines.",
        ),
        th.Property(
            "checkpoint_rows",
            th.IntegerType,
            default=20_000,
            title="Checkpoint rows",
            description="Records after which part-filled batches are written so that the state can move on.",
        ),
        th.Property(
            "validate_records",
            th.BooleanType,
            default=True,
            title="Validate records",
            description="Check every record against its stream's schema; bad ones go to the dead letters.",
        ),
        th.Property(
            "fail_on_rejects",
            th.BooleanType,
            default=False,
            title="Fail on rejects",
            description="Exit with 3 where records were rejected, after everything else was loaded.",
        ),
    ).to_dict()


REJECTS_EXIT_CODE = 3


def _require(message: dict[str, Any], *names: str) -> None:
    for name in names:
        if name not in message:
            raise InputError(f"the {message['type']} message lacks '{name}'.")


class CrmTarget(Target):
    """Base of all targets: subclasses name their settings, their default mapping and their destination."""

    default_mapping: ClassVar[Traversable]
    sandbox_config: ClassVar[Mapping[str, str]] = {}
    """Settings, beside `url`, with which the target reaches its own sandbox."""
    message_reader_class = LineReader
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._pipeline: Pipeline | None = None
        self._crm: Destination | None = None
        self._ledger: Ledger | None = None
        self._stop_signal = 0
        self._handlers: dict[int, Any] = {}
        reader = cast("LineReader", self.message_reader)
        reader.before_failing = self._settle_before_failing
        reader.after_message = self._stop_if_asked

    @classmethod
    @abstractmethod
    def destination(cls, config: Mapping[str, Any], workspace: str) -> Destination:
        """Return the CRM that the settings name, for one workspace; it is opened by `with`."""

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Leave out the SDK's settings for sinks, such as `load_method`: they would do nothing."""
        super(Target, cls).append_builtin_config(config_jsonschema)

    @property
    def pipeline(self) -> Pipeline:
        """The run, begun with the first message: approval, preflight and schema come before any record."""
        if self._pipeline is None:
            self._pipeline = self._begin()
        return self._pipeline

    def _setup_signal_handlers(self) -> None:
        """Leave signals alone until there is something to settle: commands make targets only to ask them."""

    def _begin(self) -> Pipeline:
        self._handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        super()._setup_signal_handlers()
        mapping, approval = read_approved(Path(self.config["mapping"]))
        self._crm = self.destination(self.config, mapping.workspace)
        self._crm.__enter__()
        self._ledger = Ledger(
            self.config["ledger_url"], destination=mapping.destination, workspace=mapping.workspace
        )
        return Pipeline(
            mapping,
            self._crm,
            self._ledger,
            mapping_digest=approval.digest,
            emit_state=self._write_state_message,
            checkpoint_rows=self.config["checkpoint_rows"],
            validate=self.config["validate_records"],
        )

    # Messages

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        _require(message_dict, "stream", "schema")
        stream, schema = message_dict["stream"], message_dict["schema"]
        keys = message_dict.get("key_properties") or []
        if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
            raise InputError(f"the SCHEMA of stream '{stream}' has no 'properties'.")
        self.mapper.register_raw_stream_schema(stream, schema, keys)
        for stream_map in self.mapper.stream_maps[stream]:
            self.pipeline.schema(
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
        if not self.config.get("stream_maps"):
            self.pipeline.record(stream, record)
            return
        for stream_map in self.mapper.stream_maps.get(stream, ()):
            transformed = stream_map.transform(copy.copy(record))
            if transformed is not None:
                self.pipeline.record(stream_map.stream_alias, transformed)

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        _require(message_dict, "value")
        self.pipeline.state(message_dict["value"])

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

    def process_endofpipe(self) -> None:
        """Settle everything and close the run."""
        status = self.pipeline.finish()
        self._close()
        if status != "complete":
            logger.warning("Records were rejected: see `crmlift report`, correct them, then `crmlift retry`.")
            if self.config["fail_on_rejects"]:
                sys.exit(REJECTS_EXIT_CODE)

    def _settle_before_failing(self) -> None:
        """The input broke off: what was read is settled, and its state leaves."""
        if self._pipeline is not None:
            self._pipeline.checkpoint()
            self._pipeline.stop()
            self._close()

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Finish the message in hand, settle what was read, and exit so that nobody takes it for success."""
        self._stop_signal = signum
        if cast("LineReader", self.message_reader).idle:
            self._stop()

    def _stop_if_asked(self) -> None:
        if self._stop_signal:
            self._stop()

    def _stop(self) -> NoReturn:
        self._settle_before_failing()
        sys.exit(128 + self._stop_signal)

    def _close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
        if self._crm is not None:
            self._crm.__exit__(None, None, None)
        self._pipeline = None
        if current_thread() is main_thread():
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
        self._handlers = {}

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
