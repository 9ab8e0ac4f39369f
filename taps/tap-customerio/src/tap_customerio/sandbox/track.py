"""The Track API, versions 1 and 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_customerio.sandbox.errors import TrackError, reply
from tap_customerio.sandbox.objects import Objects
from tap_customerio.sandbox.people import People
from tap_customerio.sandbox.store import JSON, dump

_ENTITY_BYTES = 32_000
_BATCH_BYTES = 500_000
_SEGMENT_IDS = 1000


class Track:
    """Writes of people, objects, relationships, events and manual memberships."""

    def __init__(self, people: People, objects: Objects) -> None:
        self.people = people
        self.objects = objects
        self.store = people.store

    def routes(self) -> list[Route]:
        """The routes of both versions."""
        person = "/api/v1/customers/{identifier}"
        return [
            Route("/api/v1/accounts/region", self.region),
            Route(person, self.identify, methods=["PUT"]),
            Route(person, self.delete, methods=["DELETE"]),
            Route(person + "/events", self.track, methods=["POST"]),
            Route(person + "/devices", self.add_device, methods=["PUT"]),
            Route(person + "/devices/{token}", self.delete_device, methods=["DELETE"]),
            Route(person + "/suppress", self.suppress, methods=["POST"]),
            Route(person + "/unsuppress", self.unsuppress, methods=["POST"]),
            Route("/api/v1/events", self.track_anonymous, methods=["POST"]),
            Route("/api/v1/merge_customers", self.merge, methods=["POST"]),
            Route("/api/v1/segments/{id:int}/add_customers", self.add_members, methods=["POST"]),
            Route("/api/v1/segments/{id:int}/remove_customers", self.remove_members, methods=["POST"]),
            Route("/api/v2/entity", self.entity, methods=["POST"]),
            Route("/api/v2/batch", self.batch, methods=["POST"]),
        ]

    async def region(self, request: Request) -> Response:
        """Where the account is."""
        del request
        region = self.people.settings.region
        host = "https://track.customer.io" if region == "us" else "https://track-eu.customer.io"
        return reply({"url": host, "region": region, "environment_id": 1})

    async def identify(self, request: Request) -> Response:
        """Version 1: add or change a person."""
        attributes = await _body(request)
        links = attributes.pop("cio_relationships", None)
        operation = _operation(request, "identify", attributes=attributes)
        if links:
            related = _operation(request, links.get("action"), cio_relationships=links.get("relationships"))
            return self._v1(operation, related)
        return self._v1(operation)

    async def delete(self, request: Request) -> Response:
        """Version 1: delete a person."""
        return self._v1(_operation(request, "delete"))

    async def track(self, request: Request) -> Response:
        """Version 1: an event, page or screen of a person."""
        body = await _body(request)
        return self._v1(_operation(request, body.pop("type", None) or "event", **body))

    async def track_anonymous(self, request: Request) -> Response:
        """Version 1: an event of somebody unknown."""
        body = await _body(request)
        anonymous = {"anonymous_id": body.get("anonymous_id") or "none"}
        return self._v1({"type": "person", "action": "event", "identifiers": anonymous} | body)

    async def add_device(self, request: Request) -> Response:
        """Version 1: a push device."""
        body = await _body(request)
        return self._v1(_operation(request, "add_device", device=body.get("device") or {}))

    async def delete_device(self, request: Request) -> Response:
        """Version 1: no longer a push device."""
        return self._v1(_operation(request, "delete_device", device={"token": request.path_params["token"]}))

    async def suppress(self, request: Request) -> Response:
        """Version 1: delete and block."""
        return self._v1(_operation(request, "suppress"))

    async def unsuppress(self, request: Request) -> Response:
        """Version 1: unblock."""
        return self._v1(_operation(request, "unsuppress"))

    async def merge(self, request: Request) -> Response:
        """Version 1: merge two people; its errors have a form of their own."""
        body = await _body(request)
        try:
            with self.store.transaction():
                self.apply({"type": "person", "action": "merge"} | body)
        except TrackError as error:
            return reply({"meta": {"error": str(error)}}, 400)
        return reply({})

    async def add_members(self, request: Request) -> Response:
        """Add people to a manual segment; ids that match nobody are ignored."""
        return await self._members(request, "INSERT OR IGNORE INTO members VALUES (?, ?)")

    async def remove_members(self, request: Request) -> Response:
        """Take people out of a manual segment."""
        return await self._members(request, "DELETE FROM members WHERE segment = ? AND cio_id = ?")

    async def entity(self, request: Request) -> Response:
        """Version 2: one operation."""
        raw = await request.body()
        try:
            if len(raw) > _ENTITY_BYTES:
                raise TrackError("invalid", "body", "larger than 32kb")
            with self.store.transaction():
                self.apply(await _body(request))
        except TrackError as error:
            return reply({"errors": [error.body]}, 400)
        return reply({})

    async def batch(self, request: Request) -> Response:
        """Version 2: many operations; the valid ones are done, the others named by their index."""
        raw = await request.body()
        if len(raw) > _BATCH_BYTES:
            error = TrackError("invalid", "body", "larger than 500kb")
            return reply({"errors": [error.body]}, 400)
        try:
            operations = (await _body(request)).get("batch")
            if not isinstance(operations, list) or not operations:
                raise TrackError("required", "batch", "a list of operations is required")
        except TrackError as error:
            return reply({"errors": [error.body]}, 400)
        errors = []
        with self.store.transaction():
            for index, operation in enumerate(operations):
                try:
                    if len(dump(operation)) > _ENTITY_BYTES:
                        raise TrackError("invalid", "body", "larger than 32kb")
                    self.apply(operation)
                except TrackError as error:
                    errors.append({"batch_index": index, **error.body})
        return reply({"errors": errors} if errors else {}, 207 if errors else 200)

    def apply(self, operation: Any) -> None:
        """Do one operation of version 2. Raises TrackError."""
        if not isinstance(operation, dict):
            raise TrackError("invalid", "body", "an operation is an object")
        match operation.get("type"):
            case "person":
                self._person(operation, operation.get("identifiers") or {})
            case "object":
                self._object(operation, operation.get("identifiers") or {})
            case _:
                raise TrackError("invalid", "type", "type must be person or object")

    def _person(self, operation: JSON, who: Mapping[str, Any]) -> None:
        people, links = self.people, operation.get("cio_relationships") or []
        match operation.get("action"):
            case "identify":
                row = people.identify(who, operation.get("attributes") or {}, operation.get("timestamp"))
                if row is not None and links:
                    self.objects.relate_objects(row, links)
            case "event" | "page" | "screen" as kind:
                people.event(kind, who, operation)
            case "add_relationships":
                if row := people.ensure(who):
                    self.objects.relate_objects(row, links)
            case "delete_relationships":
                for link in links:
                    self.objects.unrelate(self.objects.find(link.get("identifiers") or {}), people.find(who))
            case "add_device":
                people.add_device(who, operation.get("device") or {})
            case "delete_device":
                people.delete_device(who, (operation.get("device") or {}).get("token", ""))
            case "delete":
                people.delete(who)
            case "suppress":
                people.suppress(who)
            case "unsuppress":
                people.unsuppress(who)
            case "merge":
                people.merge(operation.get("primary") or {}, operation.get("secondary") or {})
            case _:
                raise TrackError("invalid", "action", "no such action for a person")

    def _object(self, operation: JSON, what: Mapping[str, Any]) -> None:
        links = operation.get("cio_relationships") or []
        match operation.get("action"):
            case "identify" | "identify_anonymous" | "add_relationships":
                row = self.objects.identify(what, operation.get("attributes") or {})
                if row is not None:
                    self.objects.relate_people(row, links)
            case "delete_relationships":
                for link in links:
                    person = self.people.find(link.get("identifiers") or {})
                    self.objects.unrelate(self.objects.find(what), person)
            case "delete":
                self.objects.delete(what)
            case _:
                raise TrackError("invalid", "action", "no such action for an object")

    def _v1(self, *operations: JSON) -> Response:
        try:
            with self.store.transaction():
                for operation in operations:
                    self.apply(operation)
        except TrackError as error:
            return reply({"meta": {"errors": [str(error)]}}, 400)
        return reply({})

    async def _members(self, request: Request, sql: str) -> Response:
        segment, id_type = request.path_params["id"], request.query_params.get("id_type", "id")
        document = self.store.document("segments", str(segment))
        ids = (await _body(request)).get("ids")
        if document is None or document.get("type") != "manual" or id_type not in {"id", "email", "cio_id"}:
            return reply({"meta": {"errors": ["no such manual segment or id_type"]}}, 400)
        if not isinstance(ids, list) or not 0 < len(ids) <= _SEGMENT_IDS:
            return reply({"meta": {"errors": ["ids: 1 to 1000 are expected"]}}, 400)
        with self.store.transaction():
            found = [row for value in ids if (row := self.people.find({id_type: value}))]
            self.store.write_all(sql, [(segment, row["cio_id"]) for row in found])
        return reply({})


def _operation(request: Request, action: str | None, **rest: Any) -> JSON:
    """A version 1 request as an operation of version 2; the path names a person in one of three ways."""
    value = request.path_params["identifier"]
    if value.startswith("cio_"):
        who = {"cio_id": value.removeprefix("cio_")}
    else:
        who = {"email" if "@" in value else "id": value}
    return {"type": "person", "action": action, "identifiers": who} | rest


async def _body(request: Request) -> JSON:
    raw = await request.body()
    try:
        return msgspec.json.decode(raw, type=dict[str, Any]) if raw else {}
    except msgspec.MsgspecError:
        raise TrackError("malformed", "body", "the body is no JSON object") from None
