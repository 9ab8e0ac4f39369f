"""People, with all their attributes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from math import ceil
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_customerio.client import Call, Client
from tap_customerio.errors import Forbidden, NotFound, Refused, Unauthorized
from tap_customerio.routes import API
from tap_customerio.routes.export import EXPORT_PEOPLE
from tap_customerio.routes.warehouse import WAREHOUSE_PEOPLE
from tap_customerio.streams.activities import KEPT_SECONDS, activities_of, reaches
from tap_customerio.streams.base import FREE_FORM, PERSONAL, RESUMED_SECONDS, Record, prop
from tap_customerio.streams.compared import TOMBSTONE, ComparedStream, iso
from tap_customerio.streams.identity import identity

if TYPE_CHECKING:
    from tap_customerio.streams.sizes import Sizes

# Every person has a cio_id, so this finds everybody; `id exists` misses those known by email only.
EVERYBODY = {"and": [{"attribute": {"field": "cio_id", "operator": "exists"}}]}
_PAGE = 1000  # 1000 ids is the page limit,
_SCAN = Call("/v1/customers", query={"limit": _PAGE}, body={"filter": EVERYBODY})
_BATCH = 100  # and 100 people the limit of a bulk read: 11 requests per 1,000 people

AUDIENCE = "audience"  # everybody on the shelf, in the short form of `consent_of`
# What an activity that changes a person is called.
_CHANGES = (
    "attribute_change",
    "profile_create",
    "profile_merge",
    "device_change",
    "unsubscribed_email",
    "topic_unsubscribed_email",
)
_NEED_CONSENT = ("subscription_preferences", "consent")


class People(ComparedStream):
    """Every person of the workspace, in full: the API can say neither who changed nor who left."""

    name = "people"
    description = f"People with all attributes and devices; a full read each time. {PERSONAL}"
    primary_keys = ("cio_id",)
    routes = (API, EXPORT_PEOPLE, WAREHOUSE_PEOPLE)
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
        if self.feeds_consent or self.tap.memory or time.time() - left["at"] > RESUMED_SECONDS:
            return None
        return str(left["start"])

    def _passed(self, cursor: str) -> None:
        """Everybody before a page of ids has been sent."""
        self.stream_state["scan"] = {"start": cursor, "at": int(time.time())}
        self.tell_state()

    def complete(self, everybody: Iterable[Record]) -> Iterator[Record]:
        """Everybody, kept for the streams that need them, then who was deleted in the last 30 days."""
        if self.feeds_consent:
            everybody = self.tap.shelf.keep(AUDIENCE, everybody, short=consent_of)
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


def scan_calls(people: int | None) -> int | None:
    """How many calls a scan of so many people takes."""
    return None if people is None else max(ceil(people / _PAGE), 1) + ceil(people / _BATCH)


def scan(
    client: Client, start: str | None = None, passed: Callable[[str], object] = lambda _: None
) -> Iterator[Record]:
    """Scan the ids, read attributes a hundred at a time; who vanished in between is left out.

    `start` is a page of ids to begin at. `passed` is told each page that all who came before are through.
    """

    def wanted() -> Iterator[tuple[list[str], str]]:
        """Ids a hundred at a time; with the last of a page, the next page."""
        for page in client.pages([_SCAN.at(start) if start else _SCAN]):
            ids = [person["cio_id"] for person in page.get("identifiers") or ()]
            *most, last = batches(ids, _BATCH) if ids else [[]]
            yield from ((part, "") for part in most)
            yield last, page.get("next") or ""

    def read(part: tuple[list[str], str]) -> tuple[list[Record], str]:
        return _attributes(client, part[0]) if part[0] else [], part[1]

    for people, following in client.map(read, wanted()):
        yield from map(person, people)
        if following:
            passed(following)


def identifiers(client: Client) -> Iterator[Record]:
    """`cio_id`, `id` and `email` of everybody."""
    return client.records(_SCAN, "identifiers")


def by_id(client: Client, ids: Iterable[str]) -> Iterator[Record]:
    """People by their `cio_id`, a hundred at a time; who is not there is left out."""
    for people in client.map(lambda cio_ids: _attributes(client, cio_ids), batches(ids, _BATCH)):
        yield from map(person, people)


def touched_ids(client: Client, since: float) -> Iterator[str]:
    """Whom activities that change a person name since a moment, each once."""
    seen: set[str] = set()
    calls = map(activities_of, _CHANGES)
    for page in client.pages(calls, lambda _, page: reaches(page, int(since))):
        for activity in page.get("activities") or ():
            cio_id = identity(activity.get("customer_identifiers"))["cio_id"]
            if cio_id and activity["timestamp"] >= since and cio_id not in seen:
                seen.add(cio_id)
                yield cio_id


def deleted(client: Client) -> Iterator[Record]:
    """Tombstones: `cio_id` and when the person was deleted. Nothing but activities tells of it."""
    moments: dict[str, int] = {}
    for activity in client.records(activities_of("profile_delete"), "activities"):
        if cio_id := identity(activity.get("customer_identifiers"))["cio_id"]:
            moments.setdefault(cio_id, activity["timestamp"])
    for cio_ids in batches(moments, _BATCH):
        alive = {person(found)["cio_id"] for found in _attributes(client, cio_ids)}
        for cio_id in cio_ids:
            if cio_id not in alive:
                yield {"cio_id": cio_id, "_sdc_deleted_at": iso(moments[cio_id])}


def consent_of(record: Record) -> Record:
    """The part of a person that consent is made of."""
    kept = {name: record[name] for name in ("cio_id", "id", "email", "phone", "unsubscribed")}
    return kept | {"preferences": record["attributes"].get("cio_subscription_preferences")}


def _attributes(client: Client, cio_ids: list[str]) -> list[Record]:
    call = Call("/v1/customers/attributes", query={"id_type": "cio_id"}, body={"ids": cio_ids})
    return client.call(call).get("customers") or []


def batches(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Lists of up to `size` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def person(answer: Mapping[str, Any]) -> Record:
    """A person of the bulk endpoint: documented as `{"customer": {…}}`, sent without the wrapper."""
    found = answer.get("customer") or answer
    attributes = found.get("attributes") or {}
    known = identity(found.get("identifiers"))
    return {
        "cio_id": known["cio_id"] or attributes.get("cio_id"),
        "id": known["person_id"] or found.get("id") or None,
        "email": known["email"] or attributes.get("email") or None,
        "phone": _text(attributes.get("phone")),
        "unsubscribed": flag(found.get("unsubscribed", attributes.get("unsubscribed"))),
        "attributes": attributes,
        "devices": found.get("devices") or [],
        "timestamps": found.get("timestamps") or {},
    }


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def flag(value: object) -> bool | None:
    """A boolean that may arrive as text; null where it is neither."""
    return {"true": True, "false": False}.get(str(value).lower())
