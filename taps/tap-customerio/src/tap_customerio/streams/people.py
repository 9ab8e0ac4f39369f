"""People, with all their attributes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import chain

from singer_sdk import typing as th

from tap_customerio.errors import Forbidden, NotFound, Refused, Unauthorized
from tap_customerio.routes import API, Cost, Export, Warehouse
from tap_customerio.sizes import Sizes
from tap_customerio.streams import exported
from tap_customerio.streams.activities import KEPT_SECONDS
from tap_customerio.streams.base import FREE_FORM, PERSONAL, RESUMED_SECONDS, prop
from tap_customerio.streams.compared import TOMBSTONE, ComparedStream
from tap_customerio.streams.everybody import (
    AUDIENCE,
    by_id,
    consent_of,
    deleted,
    scan,
    scan_calls,
    touched_ids,
)
from tap_customerio.values import Record

_NEED_CONSENT = ("subscription_preferences", "consent")


class PeopleExport(Export["People"]):
    """One export of everybody."""

    lacks = "the export leaves out devices and times of attributes, and gives every attribute as text"

    def cost(self, stream: People, sizes: Sizes) -> Cost | None:
        """One export."""
        del stream
        people = sizes.count("people")
        return None if people is None else self.price(1, people)

    def read(self, stream: People) -> Iterable[Record]:
        """Everybody, then whom activities know to be deleted."""
        return stream.compared(lambda: stream.complete(exported.everybody(stream)))


class PeopleFiles(Warehouse["People"]):
    """`people` and `attributes`."""

    def read(self, stream: People) -> Iterator[Record]:
        """Everybody of whom a file tells something new. Everybody is looked at where consent follows."""
        from tap_customerio.warehouse.people import TABLES, people  # needs an extra
        from tap_customerio.warehouse.reader import Reader

        def short(found: tuple[bool, Record]) -> Record | None:
            return None if "_sdc_deleted_at" in found[1] else consent_of(found[1])

        reader = Reader(stream, stream.run.warehouse)
        found = reader.joined(TABLES, people, whole=stream.feeds_consent)
        if stream.feeds_consent:
            found = stream.run.shelf.keep(AUDIENCE, found, short=short)
        return (record for fresh, record in found if fresh)


class People(ComparedStream):
    """Every person of the workspace, in full: the API can say neither who changed nor who left."""

    name = "people"
    description = f"People with all attributes and devices; a full read each time. {PERSONAL}"
    primary_keys = ("cio_id",)
    routes = (
        API,
        PeopleExport(),
        PeopleFiles(
            "people",
            "people",
            "as of the latest file; the files leave out devices, and give every attribute as text",
        ),
    )
    fields = (
        prop("cio_id", th.StringType, "Customer.io's own id of the person; never changes.", key=True),
        prop("id", th.StringType, "The workspace's id of the person, if it has one. Personal data."),
        prop("email", th.StringType, "Email address; several people may share one. Personal data."),
        prop("phone", th.StringType, "The attribute `phone`. Personal data."),
        prop("unsubscribed", th.BooleanType, "True if the person left all messages; null if never set."),
        prop("attributes", FREE_FORM, "All attributes, as the API sends them. Personal data."),
        prop("devices", th.ArrayType(FREE_FORM), "Push devices, with platform and last use."),
        prop("timestamps", FREE_FORM, "Unix seconds at which each attribute was last set."),
        TOMBSTONE,
    )

    def calls(self, sizes: Sizes) -> int | None:
        """Eleven for each 1,000 people."""
        return scan_calls(sizes.count("people"))

    def everything(self) -> Iterable[Record]:
        """Everybody, then who was deleted in the last 30 days."""
        start = self._left()
        if start is None:
            return self.complete(scan(self.client, passed=self._passed))
        self.line.whole = False
        self.line.limit("goes on where an interrupted run stopped")
        return self.complete(self._go_on(start))

    def _go_on(self, start: str) -> Iterator[Record]:
        sent = 0
        try:
            for record in scan(self.client, start, self._passed):
                sent += 1
                yield record
        except (Unauthorized, Forbidden):
            raise
        except Refused:  # a cursor that is too old, perhaps
            if sent:
                raise
            yield from scan(self.client, passed=self._passed)

    def _left(self) -> str | None:
        """The page of ids at which an interrupted run stopped. Those who need everybody begin anew."""
        left = self.stream_state.get("scan") or {"at": 0}
        if self.feeds_consent or self.run.memory or time.time() - left["at"] > RESUMED_SECONDS:
            return None
        return str(left["start"])

    def _passed(self, cursor: str) -> None:
        """Everybody before a page of ids has been sent."""
        self.stream_state["scan"] = {"start": cursor, "at": int(time.time())}
        self.tell_state()

    def complete(self, everybody: Iterable[Record]) -> Iterator[Record]:
        """Everybody, kept for the streams that need them, then who was deleted in the last 30 days."""
        if self.feeds_consent:
            everybody = self.run.shelf.keep(AUDIENCE, everybody, short=consent_of)
        yield from everybody
        self.stream_state.pop("scan", None)
        yield from self._deleted()

    @property
    def feeds_consent(self) -> bool:
        """Whether streams that are made of everybody follow."""
        return any(self.tap.streams[name].selected for name in _NEED_CONSENT)

    def touched(self, since: float) -> Iterable[Record] | None:
        """Whom activities name since then, and who was deleted; None where activities lie too far back."""
        since -= self.config["activities_lookback_hours"] * 3600
        if time.time() - since > KEPT_SECONDS:
            return None
        return chain(by_id(self.client, touched_ids(self.client, since)), self._deleted())

    def _deleted(self) -> Iterator[Record]:
        try:
            yield from deleted(self.client)
        except (Forbidden, NotFound) as error:
            self.line.limit(f"deletions could not be read: {error}")
