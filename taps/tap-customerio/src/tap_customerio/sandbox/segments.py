"""App API: segments and who is in them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_customerio.sandbox.errors import ApiError, reply
from tap_customerio.sandbox.filters import Condition, where
from tap_customerio.sandbox.pages import cursor, limit, position
from tap_customerio.sandbox.parsing import json_body, named
from tap_customerio.sandbox.people import People, identifiers
from tap_customerio.sandbox.store import JSON


class Segments:
    """Segments: dynamic ones by their conditions, manual ones by who was put in."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.store = people.store
        self.settings = people.settings

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/v1/customers/{id}/segments", self.segments_of),
            Route("/v1/segments", self.segments, methods=["GET"]),
            Route("/v1/segments", self.create_segment, methods=["POST"]),
            Route("/v1/segments/{id:int}", self.segment, methods=["GET"]),
            Route("/v1/segments/{id:int}", self.delete_segment, methods=["DELETE"]),
            Route("/v1/segments/{id:int}/customer_count", self.count),
            Route("/v1/segments/{id:int}/membership", self.membership),
        ]

    async def segments_of(self, request: Request) -> Response:
        """The segments that a person is in."""
        row = named(self.people, request)
        found = []
        for segment in self.store.documents("segments"):
            sql, values = self.members(segment["id"])
            if self.store.row(f"SELECT 1 FROM people WHERE n = ? AND ({sql})", (row["n"], *values)):
                found.append({key: segment.get(key) for key in ("id", "name", "description")})
        return reply({"segments": found})

    async def segments(self, request: Request) -> Response:
        """All segments; the list leaves conditions out."""
        del request
        return reply({"segments": [_listed(segment) for segment in self.store.documents("segments")]})

    async def segment(self, request: Request) -> Response:
        """One segment, with its conditions."""
        return reply({"segment": self._segment(request)})

    async def create_segment(self, request: Request) -> Response:
        """A new manual segment."""
        given = (await json_body(request)).get("segment") or {}
        if not given.get("name"):
            error = {
                "detail": "Name can't be blank",
                "source": {"pointer": "/data/attributes/name"},
                "status": "422",
            }
            return reply({"errors": [error]}, 422)
        now = self.settings.now
        id = 1 + max((segment["id"] for segment in self.store.documents("segments")), default=0)
        segment = {
            "id": id,
            "deduplicate_id": f"{id}:{now}",
            "name": given["name"],
            "description": given.get("description", ""),
            "state": "finished",
            "progress": None,
            "type": "manual",
            "tags": None,
            "created_at": now,
            "updated_at": now,
        }
        self.store.put_document("segments", str(id), segment)
        return reply({"segment": segment})

    async def delete_segment(self, request: Request) -> Response:
        """No longer a segment."""
        segment = self._segment(request)
        self.store.delete_document("segments", str(segment["id"]))
        self.store.write("DELETE FROM members WHERE segment = ?", (segment["id"],))
        return Response(status_code=204)

    async def count(self, request: Request) -> Response:
        """How many people are in a segment."""
        segment = self._segment(request)
        sql, values = self.members(segment["id"])
        row = self.store.row(f"SELECT count(*) AS count FROM people WHERE {sql}", values)
        return reply({"segment_id": segment["id"], "count": row["count"] if row else 0})

    async def membership(self, request: Request) -> Response:
        """Who is in a segment; an empty list is `null`."""
        segment = self._segment(request)
        sql, values = self.members(segment["id"])
        _, start = position(request.query_params, 2) or [0, 0]
        size = limit(request.query_params, 1000, 30_000)
        rows = self.store.rows(
            f"SELECT n, cio_id, id, email FROM people WHERE n > ? AND ({sql}) ORDER BY n LIMIT ?",
            (start, *values, size + 1),
        )
        page = rows[:size]
        return reply(
            {
                "segment_id": segment["id"],
                "identifiers": [identifiers(row) for row in page] or None,
                "ids": [row["id"] or "" for row in page] or None,
                "next": cursor(0, page[-1]["n"]) if len(rows) > size else "",
            }
        )

    def _segment(self, request: Request) -> JSON:
        segment = self.store.document("segments", str(request.path_params["id"]))
        if segment is None:
            raise ApiError(404, "not found")
        return segment

    def members(self, id: int) -> Condition:
        """Who is in a segment, as an SQL condition. Raises ApiError 400."""
        segment = self.store.document("segments", str(id))
        if segment is None:
            raise ApiError(400, "invalid filter: no such segment")
        if segment["type"] == "dynamic" and segment.get("conditions"):
            return where(segment["conditions"], segment=self.members)
        return "cio_id IN (SELECT cio_id FROM members WHERE segment = ?)", [id]


def _listed(segment: JSON) -> JSON:
    return {key: value for key, value in segment.items() if key != "conditions"}
