"""What all streams share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar

from singer_sdk import Stream, Tap
from singer_sdk import typing as th
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from tap_customerio.client import JSON, Call, Client
from tap_customerio.errors import Forbidden, NoRoute, QuotaUsedUp, Refused, Unauthorized
from tap_customerio.routes import API, Choice, Route
from tap_customerio.run import Run
from tap_customerio.sizes import Sizes
from tap_customerio.transport import Transport
from tap_customerio.values import Record, unix

PERSONAL = "Holds personal data."
RESUMED_SECONDS = 86_400  # a cursor of the API that is older is not used again

FREE_FORM = th.ObjectType(additional_properties=True)
NUMBERS = th.ArrayType(th.IntegerType)
TEXTS = th.ArrayType(th.StringType)


def any_of(*types: str) -> th.CustomType:
    """A field that the API sends in several JSON types."""
    return th.CustomType({"type": list(types)})


def prop(name: str, kind: Any, description: str, *, key: bool = False) -> th.Property[Any]:
    """A field: every one may be null, except keys."""
    return th.Property(name, kind, required=key, description=description)


def _number(value: Any) -> Any:
    """Ids of actions are numbers in some answers and text in others."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class CustomerIOStream(Stream):
    """A stream that reads through the run's client; `choice` tells which route a stream takes.

    Streams hang together by keys only and are never SDK children of each other: with a parent, every
    STATE would repeat one partition per person or object.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the API answers in JSON types already
    STATE_MSG_FREQUENCY = 1000
    selected_by_default = True
    description: ClassVar[str]
    fields: ClassVar[tuple[th.Property[Any], ...]]
    routes: ClassVar[tuple[Route[Any], ...]] = (API,)  # each of the stream's own kind

    def __init__(self, tap: Tap, run: Run, choice: Callable[[CustomerIOStream], Choice]) -> None:
        schema = th.PropertiesList(*self.fields).to_dict() | {"description": self.description}
        super().__init__(tap=tap, schema=schema)
        self.tap = tap
        self.run = run
        self.choice = choice
        self.client: Client = run.client
        self.line = run.report.line(self.name)
        kinds = {field.name: field.to_dict()[field.name].get("type", []) for field in self.fields}
        self._numbers = {name for name, kind in kinds.items() if "integer" in kind}

    def get_records(self, context: Any) -> Iterable[Record]:
        """The records of its route. What is refused ends this stream only; the report says why."""
        del context
        yield from self._reported()
        selected = [stream.name for stream in self.tap.streams.values() if stream.selected]
        if self.name == selected[-1]:
            self.run.judge(selected)

    def _reported(self) -> Iterable[Record]:
        self.line = self.run.report.begin(self.name)
        choice = self.choice(self)
        route = choice.route
        if route is None:
            self.line.unavailable = choice.why
            return
        self.line.route = route.name
        if route.lacks:
            self.line.limit(route.lacks)
        sent = self.source.sent
        try:
            for record in route.read(self):
                self.line.read += 1
                self.line.deleted += bool(record.get("_sdc_deleted_at"))
                yield record
        except Unauthorized:
            raise
        except Refused as error:
            # A wrong address looks like an operation that does not exist: then nothing was ever reached.
            if isinstance(error, NoRoute) and not self.source.reached:
                raise
            self.line.refuse(error)
            self.logger.warning("%s could not be read to its end: %s", self.name, error)
        finally:
            self.line.calls = self.source.sent - sent

    @property
    def source(self) -> Transport:
        """The API that it reads from."""
        return self.client

    def read(self) -> Iterable[Record]:
        """The stream's records by its usual route. Raises Refused."""
        raise NotImplementedError

    def calls(self, sizes: Sizes) -> int | None:
        """How many calls of the App API a whole read takes, about; None where nothing tells."""
        del sizes
        return 1

    @cached_property
    def _all_fields_selected(self) -> bool:
        return all(self.mask.values())

    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        """As the SDK does it, but walks through a record only where a field of it is deselected.

        That walk, through every attribute of every person, takes as long as all the rest of writing.
        """
        if not self._all_fields_selected:
            yield from super()._generate_record_messages(record)
            return
        for stream_map in self.stream_maps:
            mapped = stream_map.transform(record)
            if mapped is not None:
                yield RecordMessage(
                    stream=stream_map.stream_alias,
                    record=mapped,
                    version=self._stream_version,
                    time_extracted=datetime.now(UTC),
                )

    def tell_state(self) -> None:
        """Write a STATE message now."""
        self.state_manager.is_flushed = False
        self._write_state_message()

    def ask(self, call: Call) -> JSON | None:
        """One answer among many, or None where this one cannot be read: it is counted and left out.

        Raises Refused where the next one would be refused as well.
        """
        try:
            return self.client.call(call)
        except (Unauthorized, Forbidden, NoRoute, QuotaUsedUp):
            raise
        except Refused as error:
            self.line.skip(error)
            self.logger.warning("skipped: %s", error)
            return None

    def declared(self, found: Record) -> Record:
        """The declared fields of a record, absent ones as null; what the API may add is left out."""
        return {
            field.name: _number(found.get(field.name))
            if field.name in self._numbers
            else found.get(field.name)
            for field in self.fields
        }


def own_streams(tap: Tap) -> list[CustomerIOStream]:
    """The streams of the tap, in their order, as what they are."""
    return [stream for stream in tap.streams.values() if isinstance(stream, CustomerIOStream)]


class ListStream(CustomerIOStream):
    """One list of the API, record by record: subclasses say where it is.

    The list is kept on the shelf for streams that hang on it.
    """

    call: ClassVar[Call]
    root: ClassVar[str]

    def read(self) -> Iterable[Record]:
        """The list's records as they come."""
        return map(self.record, self.run.listed(type(self)))

    def record(self, found: Record) -> Record:
        """What becomes of one of them."""
        return self.declared(found)

    @classmethod
    def listed(cls, client: Client) -> Iterable[Record]:
        """The list as the API sends it."""
        return client.records(cls.call, cls.root)


class ChildStream(CustomerIOStream):
    """A list of each record of a parent list: subclasses say where, and what the parent's id is called."""

    parent: ClassVar[type[ListStream]]
    path: ClassVar[str]
    root: ClassVar[str]
    parent_key: ClassVar[str]

    def read(self) -> Iterable[Record]:
        """The lists of all parents, side by side."""
        for call, page in self.client.pages_of(map(self.call, self.parents()), ask=self.ask):
            for found in page.get(self.root) or ():
                yield self.record(call.about, found)

    def parents(self) -> Iterable[Record]:
        """The parents, as the API lists them."""
        return self.run.listed(self.parent)

    def calls(self, sizes: Sizes) -> int | None:
        """One for each parent, or more."""
        return sizes.length(self.parent)

    def call(self, parent: Record) -> Call:
        """How to ask for the list of one parent."""
        return Call(self.path, {"id": parent["id"]}, about=parent)

    def record(self, parent: Mapping[str, Any], found: Record) -> Record:
        """What becomes of a child."""
        return self.declared({**found, self.parent_key: parent["id"]})


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
        self.note("replication_key_value", max(bookmark, state.get("replication_key_value") or 0))

    def note(self, name: str, value: object) -> None:
        """Put something else that is done into the state, and say so in a STATE message."""
        self.stream_state[name] = value
        self.tell_state()

    @property
    def bookmark(self) -> int | None:
        """Where an earlier run stopped; unix seconds. None where a full read is asked for."""
        if self.replication_method != REPLICATION_INCREMENTAL:
            return None
        return unix(self.stream_state.get("replication_key_value"))

    def _increment_stream_state(self, latest_record: Any, *, context: Any = None) -> None:
        del latest_record, context
