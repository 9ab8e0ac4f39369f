"""What all streams share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream
from singer_sdk import typing as th
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from tap_customerio.client import Call, Client

if TYPE_CHECKING:
    from tap_customerio.tap import TapCustomerIO

Record = dict[str, Any]
PERSONAL = "Holds personal data."

FREE_FORM = th.ObjectType(additional_properties=True)


def prop(name: str, kind: Any, description: str, *, key: bool = False) -> th.Property[Any]:
    """A field: every one may be null, except keys."""
    return th.Property(name, kind, required=key, description=description)


def unix(value: object) -> int | None:
    """A setting or bookmark (unix seconds, or an ISO date) as unix seconds."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isdecimal():  # live attribute values arrive as text
        return int(value)
    if isinstance(value, str) and value:
        moment = datetime.fromisoformat(value)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    return None


class CustomerIOStream(Stream):
    """A stream that reads through the tap's client.

    Streams hang together by keys only and are never SDK children of each other: with a parent, every
    STATE would repeat one partition per person or object.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the API answers in JSON types already
    STATE_MSG_FREQUENCY = 1000
    selected_by_default = True
    description: ClassVar[str]
    fields: ClassVar[tuple[th.Property[Any], ...]]

    def __init__(self, tap: TapCustomerIO) -> None:
        schema = th.PropertiesList(*self.fields).to_dict() | {"description": self.description}
        super().__init__(tap=tap, schema=schema)
        self.client: Client = tap.client

    def declared(self, found: Record) -> Record:
        """The declared fields of a record, absent ones as null; what the API may add is left out."""
        return {field.name: found.get(field.name) for field in self.fields}


class ListStream(CustomerIOStream):
    """One list of the API, record by record: subclasses say where it is."""

    call: ClassVar[Call]
    root: ClassVar[str]

    def get_records(self, context: Any) -> Iterable[Record]:
        """The list's records as they come."""
        del context
        return map(self.declared, self.client.records(self.call, self.root))


class BookmarkedStream(CustomerIOStream):
    """An incremental stream that says itself what is done, in unix seconds.

    The API lists newest first. The SDK's bookmark (the latest record seen) would, after an
    interruption, skip all that was not read yet; so the bookmark moves only where `advance` says.
    """

    def advance(self, bookmark: int) -> None:
        """Everything up to the bookmark has been emitted: say so in a STATE message."""
        if self.replication_method != REPLICATION_INCREMENTAL:
            return
        state = self.stream_state
        state["replication_key"] = self.replication_key
        state["replication_key_value"] = max(bookmark, state.get("replication_key_value") or 0)
        self.state_manager.is_flushed = False
        self._write_state_message()

    @property
    def bookmark(self) -> int | None:
        """Where an earlier run stopped; unix seconds. None where a full read is asked for."""
        if self.replication_method != REPLICATION_INCREMENTAL:
            return None
        return unix(self.stream_state.get("replication_key_value"))

    def _increment_stream_state(self, latest_record: Any, *, context: Any = None) -> None:
        del latest_record, context
