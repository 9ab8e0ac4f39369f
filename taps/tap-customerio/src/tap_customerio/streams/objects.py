"""Objects (companies and whatever else a workspace keeps) and who belongs to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from singer_sdk import typing as th

from tap_customerio.client import Call
from tap_customerio.run import Run
from tap_customerio.sizes import Sizes
from tap_customerio.streams.base import FREE_FORM, PERSONAL, CustomerIOStream, ListStream, prop
from tap_customerio.streams.compared import TOMBSTONE, ComparedStream
from tap_customerio.streams.identity import identity
from tap_customerio.streams.trail import Trail
from tap_customerio.values import Record, unix

# No default or limit is documented for the two object lists; other readers use 1000 and 100.
_IDS = "object ids"
_IDS_PER_PAGE = 1000
_RELATIONSHIPS_PER_PAGE = 100


def object_ids(run: Run) -> Iterator[Record]:
    """Every object of every type: `object_type_id`, `object_type_slug`, `object_id`, `cio_object_id`.

    Always in the same order, whichever page came first: a run that was interrupted can go on.
    """

    def scan() -> Iterator[Record]:
        for call, page in run.client.pages_of(_scan(kind) for kind in run.listed(ObjectTypes)):
            for known in page.get("identifiers") or ():
                yield {**call.about, **known}

    for _ in run.shelf.read(_IDS, scan, key=_place):
        pass
    return run.shelf.in_order(_IDS)


def _place(known: Record) -> str:
    return f"{known['object_type_id']} {known['cio_object_id']}"


def _scan(kind: Record) -> Call:
    type_id = str(kind["id"])
    exists = {"field": "object_id", "operator": "exists", "type_id": type_id}
    return Call(
        "/v1/objects",
        query={"limit": _IDS_PER_PAGE},
        body={"object_type_id": type_id, "filter": {"and": [{"object_attribute": exists}]}},
        about={"object_type_id": type_id, "object_type_slug": kind.get("slug")},
    )


def _address(known: Record) -> dict[str, str]:
    return {"type": known["object_type_id"], "id": known["cio_object_id"]}


class ObjectTypes(ListStream):
    """The kinds of objects that the workspace has."""

    name = "object_types"
    description = "Kinds of objects: companies, and what else the workspace defines."
    primary_keys = ("id",)
    call = Call("/v1/object_types")
    root = "types"
    fields = (
        prop("id", th.StringType, "Number of the type, as text.", key=True),
        prop("name", th.StringType, "Name, plural."),
        prop("singular_name", th.StringType, "Name, singular."),
        prop("slug", th.StringType, "Short name, plural."),
        prop("singular_slug", th.StringType, "Short name, singular."),
        prop("enabled", th.BooleanType, "Whether the type is in use."),
    )


class Objects(CustomerIOStream):
    """Every object with its attributes: one request per object, the API has no bulk read."""

    name = "objects"
    description = "Objects with all attributes; one request each."
    primary_keys = ("cio_object_id",)
    fields = (
        prop("cio_object_id", th.StringType, "Customer.io's own id of the object.", key=True),
        prop("object_type_id", th.StringType, "Type of the object."),
        prop("object_type_slug", th.StringType, "Short name of the type."),
        prop("object_id", th.StringType, "The workspace's id of the object, unique in its type."),
        prop("attributes", FREE_FORM, "All attributes, as the API sends them."),
        prop("timestamps", FREE_FORM, "Unix seconds at which each attribute was last set."),
        prop("created_at", th.IntegerType, "Unix seconds, from the attribute or its timestamp, if given."),
    )

    def calls(self, sizes: Sizes) -> int | None:
        """One for each object, and the lists of their ids."""
        objects, types = sizes.count("objects"), sizes.count("object_types")
        return None if objects is None else objects + (types or 0) + objects // _IDS_PER_PAGE

    def read(self) -> Iterable[Record]:
        """All objects, type by type; one that is deleted meanwhile is left out."""
        trail = Trail(self, _place)
        for known, record in self.client.map(self._read, trail.rest(object_ids(self.run))):
            if record is not None:
                yield record
            trail.through(known)
        trail.end()

    def _read(self, known: Record) -> tuple[Record, Record | None]:
        path = "/v1/objects/{type}/{id}/attributes"
        answer = self.ask(Call(path, _address(known), {"id_type": "cio_object_id"}))
        if answer is None:
            return known, None
        found = answer.get("object") or {}
        attributes, timestamps = found.get("attributes") or {}, found.get("timestamps") or {}
        return known, {
            **known,
            "attributes": attributes,
            "timestamps": timestamps,
            "created_at": _created(attributes) or _created(timestamps),
        }


class Relationships(ComparedStream):
    """Who belongs to which object, read from the objects: they are fewer than the people."""

    name = "relationships"
    description = f"People of each object, with the attributes of the relationship. {PERSONAL}"
    primary_keys = ("object_type_id", "cio_object_id", "cio_id")
    fields = (
        prop("object_type_id", th.StringType, "Type of the object.", key=True),
        prop("cio_object_id", th.StringType, "Customer.io's id of the object.", key=True),
        prop("cio_id", th.StringType, "Customer.io's id of the person.", key=True),
        prop("object_type_slug", th.StringType, "Short name of the type."),
        prop("object_id", th.StringType, "The workspace's id of the object."),
        prop("person_id", th.StringType, "The workspace's id of the person. Personal data."),
        prop("email", th.StringType, "The person's email address. Personal data."),
        prop("attributes", FREE_FORM, "Attributes of the relationship, such as a role."),
        prop("timestamps", FREE_FORM, "Unix seconds at which each attribute was last set."),
        TOMBSTONE,
    )

    def calls(self, sizes: Sizes) -> int | None:
        """One for each object, and more where it has many people."""
        return sizes.count("objects")

    def everything(self) -> Iterable[Record]:
        """The relationships of all objects."""
        path = "/v1/objects/{type}/{id}/relationships"
        query = {"id_type": "cio_object_id", "limit": _RELATIONSHIPS_PER_PAGE}
        trail = Trail(self, _place)
        # What is compared with an earlier run has to be seen as a whole.
        objects = object_ids(self.run) if self.run.memory else trail.rest(object_ids(self.run))
        calls = (Call(path, _address(known), query, about=known) for known in objects)
        for call, page in self.client.pages_of(calls, ask=self.ask):
            for link in page.get("cio_relationships") or ():
                yield {
                    **call.about,
                    **identity(link.get("identifiers")),
                    "attributes": link.get("attributes") or {},
                    "timestamps": link.get("timestamps") or {},
                }
            if not (page.get("next") and page.get("cio_relationships")):
                trail.through(call.about)
        trail.end()


def _created(values: Record) -> int | None:
    try:
        return unix(values.get("created_at"))
    except ValueError:
        return None
