"""App API: people, objects and relationships."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_customerio.sandbox.errors import ApiError, reply
from tap_customerio.sandbox.faults import Faults
from tap_customerio.sandbox.filters import where
from tap_customerio.sandbox.objects import Objects
from tap_customerio.sandbox.pages import cursor, limit, position
from tap_customerio.sandbox.parsing import json_body, named
from tap_customerio.sandbox.people import People, identifiers
from tap_customerio.sandbox.segments import Segments
from tap_customerio.sandbox.store import JSON, Row, parse

_BULK = 100


class Audience:
    """Reads who and what is in the workspace."""

    def __init__(self, people: People, objects: Objects, segments: Segments, faults: Faults) -> None:
        self.people = people
        self.segments = segments
        self.objects = objects
        self.faults = faults
        self.store = people.store
        self.settings = people.settings

    def routes(self) -> list[Route]:
        """The routes."""
        person, thing = "/v1/customers/{id}", "/v1/objects/{type}/{id}"
        return [
            Route("/v1/customers", self.by_email, methods=["GET"]),
            Route("/v1/customers", self.search, methods=["POST"]),
            Route("/v1/customers/attributes", self.bulk_attributes, methods=["POST"]),
            Route(person + "/attributes", self.attributes),
            Route(person + "/relationships", self.objects_of),
            Route("/v1/object_types", self.object_types),
            Route("/v1/objects", self.search_objects, methods=["POST"]),
            Route(thing + "/attributes", self.object_attributes),
            Route(thing + "/relationships", self.people_of),
        ]

    async def by_email(self, request: Request) -> Response:
        """Everybody with an address."""
        rows = self.store.rows(
            "SELECT * FROM people WHERE email = ? ORDER BY n", (request.query_params.get("email", ""),)
        )
        return reply({"results": [identifiers(row) for row in rows]})

    async def search(self, request: Request) -> Response:
        """People whom a filter finds: identifiers only."""
        sql, values = where((await json_body(request)).get("filter"), segment=self.segments.members)
        start = position(request.query_params) or [0]
        size = limit(request.query_params, 50, 1000)
        rows = self.store.rows(
            f"SELECT * FROM people WHERE n > ? AND ({sql}) ORDER BY n LIMIT ?", (*start, *values, size + 1)
        )
        page = rows[:size]
        return reply(
            {
                "identifiers": [identifiers(row) for row in page],
                "ids": [row["id"] or "" for row in page],
                "next": cursor(page[-1]["n"]) if len(rows) > size else "",
            }
        )

    async def bulk_attributes(self, request: Request) -> Response:
        """Up to 100 people; unknown ids are left out without a word."""
        ids = (await json_body(request)).get("ids")
        id_type = request.query_params.get("id_type", "id")
        if not isinstance(ids, list) or len(ids) > _BULK or id_type not in {"id", "email", "cio_id"}:
            raise ApiError(400, f"ids: at most {_BULK} values of one id_type are expected")
        if self.faults.take("vanish") and ids:
            with self.store.transaction():
                self.people.delete({id_type: ids[0]})
        rows = [row for value in ids if value and (row := self.people.find({id_type: str(value)}))]
        people = [self.customer(row) for row in rows]
        return reply(
            {"customers": [{"customer": p} for p in people] if self.settings.wrap_customers else people}
        )

    async def attributes(self, request: Request) -> Response:
        """One person."""
        return reply({"customer": self.customer(named(self.people, request))})

    async def objects_of(self, request: Request) -> Response:
        """The objects that a person belongs to; the type's id is a number here."""
        row = named(self.people, request)
        start, size = position(request.query_params) or [0], limit(request.query_params, 100, 1000)
        rows = self.store.rows(
            "SELECT o.*, r.attributes AS own, r.timestamps AS times FROM relationships r JOIN objects o"
            " ON o.n = r.object WHERE r.person = ? AND o.n > ? ORDER BY o.n LIMIT ?",
            (row["n"], *start, size + 1),
        )
        links = [
            {
                "object_type_id": int(found["type_id"]),
                "identifiers": {"object_id": found["object_id"], "cio_object_id": found["cio_object_id"]},
                "attributes": parse(found["own"]),
                "timestamps": parse(found["times"]),
            }
            for found in rows[:size]
        ]
        return reply({"cio_relationships": links, "next": cursor(rows[size - 1]["n"]) if rows[size:] else ""})

    async def object_types(self, request: Request) -> Response:
        """Kinds of objects; their ids are text here."""
        del request
        return reply({"types": self.store.documents("object_types")})

    async def search_objects(self, request: Request) -> Response:
        """Objects of one type that a filter finds: identifiers only."""
        body = await json_body(request)
        type_id = body.get("object_type_id")
        if not isinstance(type_id, str) or not self.store.document("object_types", type_id):
            raise ApiError(400, "invalid object_type_id")
        sql, values = where(body.get("filter"), "object_attribute")
        start, size = position(request.query_params) or [0], limit(request.query_params, 50, 1000)
        rows = self.store.rows(
            f"SELECT * FROM objects WHERE type_id = ? AND n > ? AND ({sql}) ORDER BY n LIMIT ?",
            (type_id, *start, *values, size + 1),
        )
        page = rows[:size]
        return reply(
            {
                "identifiers": [
                    {"object_id": row["object_id"], "cio_object_id": row["cio_object_id"]} for row in page
                ],
                "ids": [row["object_id"] for row in page],
                "next": cursor(page[-1]["n"]) if len(rows) > size else "",
            }
        )

    async def object_attributes(self, request: Request) -> Response:
        """One object."""
        row = self._object(request)
        body = {
            "object_type_id": row["type_id"],
            "identifiers": {"object_id": row["object_id"], "cio_object_id": row["cio_object_id"]},
            "attributes": self._values(parse(row["attributes"])),
            "timestamps": parse(row["timestamps"]),
        }
        return reply({"object": body})

    async def people_of(self, request: Request) -> Response:
        """Who belongs to an object; `object_type_id` "0" stands for the person's side."""
        row = self._object(request)
        start, size = position(request.query_params) or [0], limit(request.query_params, 10, 100)
        rows = self.store.rows(
            "SELECT p.n, p.cio_id, p.id, p.email, r.attributes, r.timestamps"
            " FROM relationships r JOIN people p ON p.n = r.person"
            " WHERE r.object = ? AND p.n > ? ORDER BY p.n LIMIT ?",
            (row["n"], *start, size + 1),
        )
        links = [
            {
                "object_type_id": "0",
                "object_type_disabled": False,
                "identifiers": identifiers(found),
                "attributes": self._values(parse(found["attributes"])),
                "timestamps": parse(found["timestamps"]),
            }
            for found in rows[:size]
        ]
        return reply({"cio_relationships": links, "next": cursor(rows[size - 1]["n"]) if rows[size:] else ""})

    def customer(self, row: Row) -> JSON:
        """A person with attributes and devices."""
        attributes = self._values(parse(row["attributes"]))
        for name in ("cio_id", "id", "email"):
            if row[name]:
                attributes[name] = row[name]
        return {
            "id": row["id"] or "",
            "identifiers": identifiers(row),
            "attributes": attributes,
            "timestamps": parse(row["timestamps"]),
            "unsubscribed": str(attributes.get("unsubscribed")).lower() == "true",
            "devices": parse(row["devices"]),
        }

    def _values(self, attributes: JSON) -> JSON:
        """Attribute values as they were written, or as text, which is how live ones were seen."""
        if self.settings.attribute_values == "native":
            return attributes
        return {
            name: value if isinstance(value, str | dict | list) else msgspec.json.encode(value).decode()
            for name, value in attributes.items()
        }

    def _object(self, request: Request) -> Row:
        if self.faults.take("missing_object"):
            raise ApiError(404, "not found")
        path = request.path_params
        if request.query_params.get("id_type", "object_id") == "cio_object_id":
            row = self.objects.find({"cio_object_id": path["id"]})
        else:
            row = self.objects.find({"object_type_id": path["type"], "object_id": path["id"]})
        if row is None or row["type_id"] != path["type"]:
            raise ApiError(404, "not found")
        return row
