"""Deliveries: every message that was sent, with its metrics."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import pairwise

from singer_sdk import typing as th
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from tap_customerio.client import JSON, Call
from tap_customerio.disk_set import DiskSet
from tap_customerio.errors import Forbidden, Refused, Unauthorized
from tap_customerio.routes import API, Cost, Export, Warehouse
from tap_customerio.sizes import Sizes
from tap_customerio.streams import exported
from tap_customerio.streams.base import FREE_FORM, PERSONAL, RESUMED_SECONDS, BookmarkedStream, prop
from tap_customerio.streams.identity import identity
from tap_customerio.streams.webhook_events import new_events, taken
from tap_customerio.values import Record, unix
from tap_customerio.webhooks.reader import Event, delivery_of

_DAY = 86_400
_WINDOW = 180 * _DAY  # the API silently cuts what is longer than six months
_PER_PAGE = 1000


class DeliveriesExport(Export["Deliveries"]):
    """One export for each campaign, newsletter and transactional template, and each year."""

    lacks = "exports leave out deliveries of API-triggered broadcasts, and of what is deleted"

    def cost(self, stream: Deliveries, sizes: Sizes) -> Cost | None:
        """So many exports."""
        lengths = [sizes.length(kind) for kind in exported.PARENTS]
        if None in lengths:
            return None
        return self.price(sum(length or 0 for length in lengths) * len(exported.years(*stream.span)))

    def read(self, stream: Deliveries) -> Iterator[Record]:
        """The deliveries of all parents; the bookmark moves at the end."""
        return exported.deliveries(stream, stream.span)


class DeliveryFiles(Warehouse["Deliveries"]):
    """`deliveries` with `metrics` and `delivery_content`, and `people` for who they went to."""

    def read(self, stream: Deliveries) -> Iterator[Record]:
        """Deliveries of which a file tells something new; the bookmark moves at the end."""
        from tap_customerio.warehouse.deliveries import TABLES, deliveries  # needs an extra
        from tap_customerio.warehouse.identities import Identities
        from tap_customerio.warehouse.people import PEOPLE
        from tap_customerio.warehouse.reader import Reader, rows

        since, newest = stream.start, 0
        with closing(Identities()) as who:
            reader = Reader(stream, stream.run.warehouse)
            for batch in reader.plain(PEOPLE):
                who.add(rows(batch))
            for delivery in reader.joined(TABLES, lambda part: deliveries(part, who)):
                created = delivery["created"] or 0
                if created >= since:
                    newest = max(newest, created)
                    stream.line.reaches(created)
                    yield delivery
        if newest:
            stream.advance(newest)


class Deliveries(BookmarkedStream):
    """Deliveries in windows of creation time, oldest first; each finished window moves the bookmark.

    Metrics are added to a delivery for months and no filter finds those that changed, so each run reads
    the last days before the bookmark again.
    """

    name = "deliveries"
    description = f"Messages sent, with their metrics, as far back as the workspace goes. {PERSONAL}"
    primary_keys = ("id",)
    replication_key = "created"
    routes = (
        API,
        DeliveriesExport(),
        DeliveryFiles(
            "deliveries",
            "messages_sent",
            "as of the latest file; the files leave out deduplicate_id, parent_action_id, forgotten, "
            "and metrics of humans and prefetchers",
        ),
    )
    fields = (
        prop("id", th.StringType, "Id of the delivery.", key=True),
        prop("deduplicate_id", th.StringType, "Id and time of the last change."),
        prop("type", th.StringType, "`email`, `twilio` (SMS), `push`, `in_app`, `webhook`, `slack`, …"),
        prop("created", th.IntegerType, "Unix seconds."),
        prop("cio_id", th.StringType, "Customer.io's id of the person; null if suppressed since."),
        prop("person_id", th.StringType, "The workspace's id of the person. Personal data."),
        prop("email", th.StringType, "The person's email address. Personal data."),
        prop("recipient", th.StringType, "Address, number or device that it went to. Personal data."),
        prop("subject", th.StringType, "Subject. May hold personal data."),
        prop("campaign_id", th.IntegerType, "Campaign that sent it."),
        prop("action_id", th.IntegerType, "Action of the campaign or broadcast."),
        prop("parent_action_id", th.IntegerType, "Action that the variant belongs to."),
        prop("newsletter_id", th.IntegerType, "Newsletter that sent it."),
        prop("content_id", th.IntegerType, "Variant of the newsletter."),
        prop("broadcast_id", th.IntegerType, "API-triggered broadcast that sent it."),
        prop("transactional_message_id", th.IntegerType, "Transactional template that it was made from."),
        prop("trigger_event_id", th.StringType, "Event that triggered it."),
        prop("msg_template_id", th.IntegerType, "Template, old form."),
        prop("metrics", FREE_FORM, "Unix seconds of each thing that happened to it: sent, opened, clicked…"),
        prop("failure_message", th.StringType, "Why it failed."),
        prop("forgotten", th.BooleanType, "True if the content is not kept."),
    )

    def calls(self, sizes: Sizes) -> int | None:
        """One for each window, and for each page of what was sent in this billing period: the least."""
        sent = sizes.count("messages_sent")
        return None if sent is None else len(list(_windows(*self.span))) + sent // _PER_PAGE

    def read(self) -> Iterable[Record]:
        """Deliveries created since the start; then older ones that webhooks have reported on."""
        events = new_events(self)
        touched = self._touched(events)
        for record in self._by_windows():
            touched.discard(record["id"])
            yield record
        yield from self._late(touched)
        taken(self, events)

    def _by_windows(self) -> Iterator[Record]:
        """Window by window; first what is left of one."""
        since, until = self.span
        self.line.reaches(since)
        if left := self._left():
            yield from self._go_on(left)
            since = left["end"] + 1
        for (start, end), first in self.client.map(self._first_page, _windows(since, until)):
            newest = 0
            for delivery in self._window(start, end, first):
                newest = max(newest, delivery["created"])
                yield self._record(delivery)
            self._finish(newest)

    def _touched(self, events: Iterable[Event]) -> DiskSet:
        """Deliveries that webhooks have reported on since the last run; none before a first one."""
        touched = DiskSet()
        first = self.bookmark is None and self._left() is None
        for event in events:
            if not first and (id := delivery_of(event)):
                touched.add(id)
        return touched

    def _late(self, touched: DiskSet) -> Iterator[Record]:
        """Older deliveries that something happened to, as the API has them now: one request each."""
        calls = (Call("/v1/messages/{id}", {"id": id}) for id in touched)
        for answer in self.client.map(self.ask, calls):
            delivery = (answer or {}).get("message")
            if delivery and delivery["created"] >= self.start:
                yield self._record(delivery)

    def _go_on(self, left: Record) -> Iterator[Record]:
        self.logger.info("deliveries go on in the middle of the window where an earlier run stopped")
        try:
            yield from map(self._record, self._rest(left))
        except (Unauthorized, Forbidden):
            raise
        except Refused:  # a cursor that is too old, perhaps: read what is left from its beginning
            left["left"] = [[start, end, None] for start, end, _ in left["left"]]
            yield from map(self._record, self._rest(left))
        self._finish(left["newest"])

    def _finish(self, newest: int) -> None:
        """A window has been sent."""
        self.stream_state.pop("window", None)
        if newest:
            self.advance(newest)

    def _left(self) -> Record | None:
        """What an interrupted run left of a window: `{end, newest, at, left: [[start, end, cursor]]}`."""
        left: Record | None = self.stream_state.get("window")
        resumes = left and self.replication_method == REPLICATION_INCREMENTAL
        return left if left and resumes and time.time() - left["at"] < RESUMED_SECONDS else None

    def _record(self, delivery: Record) -> Record:
        who = identity(delivery.get("customer_identifiers"))
        who["person_id"] = who["person_id"] or delivery.get("customer_id") or None
        return self.declared(delivery) | who | {"metrics": delivery.get("metrics") or {}}

    @property
    def start(self) -> int:
        """What was created before is not wanted; unix seconds."""
        return unix(self.config.get("start_date")) or 0

    @property
    def span(self) -> tuple[int, int]:
        """First and last moment of what is to be read."""
        return self._since(), int(time.time()) + _DAY  # the server's clock may be ahead

    def _since(self) -> int:
        start = self.start or unix(self.config["deliveries_start"]) or 0
        if self.bookmark is None:
            return start
        return max(start, self.bookmark - int(self.config["deliveries_reread_days"]) * _DAY)

    def _first_page(self, window: tuple[int, int]) -> tuple[tuple[int, int], JSON]:
        return window, self.client.call(_call(*window))

    def _window(self, start: int, end: int, first: JSON) -> Iterator[Record]:
        """One window. One cursor is one request at a time, so what the first page leaves is split."""
        page: list[Record] = first.get("messages") or []
        if not first.get("next"):
            yield from page
            return
        # Both bounds are inclusive, and the page may end between deliveries of one second: that
        # second is left to the parts.
        oldest, newest = page[-1]["created"], page[0]["created"]
        yield from (delivery for delivery in page if delivery["created"] > oldest)
        parts = [[*part, None] for part in _split(start, oldest, self.client.workers)]
        left: Record = {"end": end, "newest": newest, "at": int(time.time()), "left": parts}
        if self.replication_method == REPLICATION_INCREMENTAL:
            self.stream_state["window"] = left
        yield from self._rest(left)

    def _rest(self, left: Record) -> Iterator[Record]:
        """What is left of a window; each page that was sent is noted in the state."""
        for call, page in self.client.pages_of([_call(*part) for part in left["left"]]):
            found: list[Record] = page.get("messages") or []
            yield from found
            start, end, cursor = (call.query.get(name) for name in ("start_ts", "end_ts", "start"))
            left["left"].remove([start, end, cursor])
            if found and page.get("next"):
                left["left"].append([start, end, page["next"]])
            self.tell_state()


def _call(start: int, end: int, cursor: str | None = None) -> Call:
    call = Call("/v1/messages", query={"limit": _PER_PAGE, "start_ts": start, "end_ts": end})
    return call.at(cursor) if cursor else call


def _windows(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Consecutive inclusive windows from start to end."""
    while start <= end:
        yield start, min(start + _WINDOW - 1, end)
        start += _WINDOW


def _split(start: int, end: int, parts: int) -> list[tuple[int, int]]:
    """The window in equal parts that do not overlap."""
    step = max((end - start + 1) // parts, 1)
    bounds = [*[*range(start, end + 1, step)][:parts], end + 1]
    return [(since, until - 1) for since, until in pairwise(bounds)]
