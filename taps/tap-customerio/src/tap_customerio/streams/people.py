"""People, with all their attributes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from singer_sdk import typing as th

from tap_customerio.client import Call
from tap_customerio.streams.base import FREE_FORM, PERSONAL, CustomerIOStream, Record, prop

# Every person has a cio_id, so this finds everybody; `id exists` misses those known by email only.
_EVERYBODY = {"filter": {"and": [{"attribute": {"field": "cio_id", "operator": "exists"}}]}}
_SCAN = Call("/v1/customers", query={"limit": 1000}, body=_EVERYBODY)  # 1000 ids is the page limit,
_BATCH = 100  # and 100 people the limit of a bulk read: 11 requests per 1,000 people


def identity(identifiers: Mapping[str, Any] | None) -> Record:
    """`cio_id`, `person_id` and `email` of an `identifiers` object, absent and empty ones as null."""
    known = identifiers or {}
    return {
        "cio_id": known.get("cio_id") or None,
        "person_id": known.get("id") or None,
        "email": known.get("email") or None,
    }


class People(CustomerIOStream):
    """Every person of the workspace, in full: the API can say neither who changed nor who left."""

    name = "people"
    description = f"People with all attributes and devices; a full read each time. {PERSONAL}"
    primary_keys = ("cio_id",)
    fields = (
        prop("cio_id", th.StringType, "Customer.io's own id of the person; never changes.", key=True),
        prop("id", th.StringType, "The workspace's id of the person, if it has one. Personal data."),
        prop("email", th.StringType, "Email address; several people may share one. Personal data."),
        prop("phone", th.StringType, "The attribute `phone`. Personal data."),
        prop("unsubscribed", th.BooleanType, "True if the person left all messages; null if never set."),
        prop("attributes", FREE_FORM, "All attributes, as the API sends them. Personal data."),
        prop("devices", th.ArrayType(FREE_FORM), "Push devices, with platform and last use."),
        prop("timestamps", FREE_FORM, "Unix seconds at which each attribute was last set."),
    )

    def get_records(self, context: Any) -> Iterable[Record]:
        """Scan the ids, read attributes a hundred at a time; who vanished in between is left out."""
        del context
        ids = (person["cio_id"] for person in self.client.records(_SCAN, "identifiers"))
        for people in self.client.map(self._attributes, batches(ids, _BATCH)):
            yield from people

    def _attributes(self, cio_ids: list[str]) -> list[Record]:
        call = Call("/v1/customers/attributes", query={"id_type": "cio_id"}, body={"ids": cio_ids})
        return [person(answer) for answer in self.client.call(call).get("customers") or ()]


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
        "unsubscribed": _flag(found.get("unsubscribed", attributes.get("unsubscribed"))),
        "attributes": attributes,
        "devices": found.get("devices") or [],
        "timestamps": found.get("timestamps") or {},
    }


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _flag(value: object) -> bool | None:
    return {"true": True, "false": False}.get(str(value).lower())
