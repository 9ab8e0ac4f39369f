"""Activities: the only events that can be read back, and only for about 30 days."""

from __future__ import annotations

import time
from collections.abc import Iterable

from singer_sdk import typing as th

from tap_customerio.client import JSON, Call
from tap_customerio.sizes import Sizes
from tap_customerio.streams.base import FREE_FORM, PERSONAL, BookmarkedStream, prop
from tap_customerio.streams.identity import identity
from tap_customerio.streams.webhook_events import new_events, taken
from tap_customerio.values import Record, unix
from tap_customerio.webhooks.reader import as_activity

_PER_PAGE = 100
_OF_THE_DELETED = {"profile_delete", "profile_merge"}
KEPT_SECONDS = 30 * 86_400


class Activities(BookmarkedStream):
    """Events, pages, screens, attribute changes: one list per type, newest first, side by side.

    The list has no time filter, so an incremental run stops at the first page that reaches back past
    the bookmark less the look-back, which leaves time for events that arrive late or are dated back.
    """

    name = "activities"
    description = f"What people did in the last 30 days or so: the API promises no more. {PERSONAL}"
    primary_keys = ("id",)
    replication_key = "timestamp"
    fields = (
        prop("id", th.StringType, "Id (ULID).", key=True),
        prop("type", th.StringType, "`event`, `page`, `screen`, `attribute_change` or another type."),
        prop("timestamp", th.IntegerType, "When it happened, unix seconds; may be dated back."),
        prop("name", th.StringType, "Name of the event or screen."),
        prop("url", th.StringType, "Address of the page. Personal data."),
        prop("cio_id", th.StringType, "Customer.io's id of the person."),
        prop("person_id", th.StringType, "The workspace's id of the person. Personal data."),
        prop("email", th.StringType, "The person's email address. Personal data."),
        prop("data", FREE_FORM, "Properties of the event, or `{attribute: {from, to}}`. Personal data."),
        prop("delivery_id", th.StringType, "Delivery that it belongs to."),
        prop("delivery_type", th.StringType, "Channel of that delivery."),
    )

    def calls(self, sizes: Sizes) -> int | None:
        """Nothing tells how many there are."""
        del sizes
        return None

    def read(self) -> Iterable[Record]:
        """Activities since the bookmark; the bookmark moves when all lists have been read."""
        since = self._since()
        newest = self.bookmark or 0
        events = new_events(self)
        for event in events:
            yield self._record(as_activity(event))
        taken(self, events)
        self._warn_of_a_gap()
        calls = [activities_of(kind) for kind in self.config["activity_types"]]
        for page in self.client.pages(calls, lambda _, page: reaches(page, since)):
            for activity in page.get("activities") or ():
                if activity["timestamp"] >= since:
                    newest = max(newest, activity["timestamp"])
                    self.line.reaches(activity["timestamp"])
                    yield self._record(activity)
        if newest:
            self.advance(newest)

    def _warn_of_a_gap(self) -> None:
        self.line.limit("the API keeps about 30 days")
        if self.bookmark is not None and time.time() - self.bookmark > KEPT_SECONDS:
            self.line.limit(
                "more than 30 days lie between this run and the one before: what fell between is lost"
            )
            self.logger.warning(
                "The last activity that was read is more than 30 days old, and the API keeps about 30 days: "
                "activities between may be lost for good. Run the tap more often."
            )

    def _record(self, activity: Record) -> Record:
        who = identity(activity.get("customer_identifiers"))
        who["person_id"] = who["person_id"] or activity.get("customer_id") or None
        return self.declared(activity) | who | {"data": activity.get("data") or {}}

    def _since(self) -> int:
        start = unix(self.config.get("start_date")) or 0
        if self.bookmark is None:
            return start
        return max(start, self.bookmark - int(self.config["activities_lookback_hours"]) * 3600)


def activities_of(kind: str) -> Call:
    """The list of one type. Traces of people who are gone are listed only if asked for."""
    query: dict[str, object] = {"type": kind, "limit": _PER_PAGE}
    return Call("/v1/activities", query=query | ({"deleted": "true"} if kind in _OF_THE_DELETED else {}))


def reaches(page: JSON, since: int) -> bool:
    """Whether older pages may hold something that is wanted."""
    activities = page.get("activities") or []
    return bool(activities) and activities[-1]["timestamp"] >= since
