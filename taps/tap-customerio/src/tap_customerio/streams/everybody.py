"""Everybody of the workspace, as the App API gives them: by scan, by id, by what they did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from math import ceil
from typing import Any

from tap_customerio.client import Call, Client
from tap_customerio.streams.activities import activities_of, reaches
from tap_customerio.streams.identity import identity
from tap_customerio.values import Record, flag, iso

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
