"""App API: exports as CSV files. The names of their columns are not documented; these are a guess."""

from __future__ import annotations

import csv
import io
import secrets
import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_customerio.sandbox.audience import Audience
from tap_customerio.sandbox.errors import ApiError, reply
from tap_customerio.sandbox.faults import Faults
from tap_customerio.sandbox.filters import where
from tap_customerio.sandbox.parsing import json_body
from tap_customerio.sandbox.store import JSON, dump, parse

_PARENTS = ("newsletter_id", "campaign_id", "transactional_message_id", "action_id")
_HALF_YEAR, _YEAR = 182 * 86_400, 366 * 86_400


class Exports:
    """Makes exports and gives them out by links that hold for a while."""

    def __init__(self, audience: Audience, faults: Faults) -> None:
        self.audience = audience
        self.store = audience.store
        self.settings = audience.settings
        self.faults = faults
        self._files: dict[str, bytes] = {}  # by export
        self._looks: dict[str, int] = {}  # how often each was still pending
        self._links: dict[str, tuple[str, float]] = {}  # export, and when the link ends, by token

    def routes(self) -> list[Route]:
        """The routes; links need no key."""
        return [
            Route("/v1/exports/customers", self.people, methods=["POST"]),
            Route("/v1/exports/deliveries", self.deliveries, methods=["POST"]),
            Route("/v1/exports/{id}", self.one),
            Route("/v1/exports/{id}/download", self.link),
            Route("/files/{token}.csv", self.file),
        ]

    async def people(self, request: Request) -> Response:
        """Everybody whom the filter finds; all attributes, or those that are asked for."""
        body = await json_body(request)
        sql, values = where(body.get("filters"), segment=self.audience.segments.members)
        rows = self.store.rows(f"SELECT * FROM people WHERE {sql} ORDER BY n", values)
        people = (self.audience.customer(row)["attributes"] for row in rows)
        made = [{name: _text(value) for name, value in one.items()} for one in people]
        if wanted := body.get("attributes"):
            made = [{name: one.get(name, "") for name in wanted} for one in made]
        return self._made("customers", made)

    async def deliveries(self, request: Request) -> Response:
        """Deliveries of one parent, of the latest half year or of twelve months at most."""
        body = await json_body(request)
        asked = [name for name in _PARENTS if name in body]
        if len(asked) != 1:
            raise ApiError(400, f"exactly one of {', '.join(_PARENTS)} is expected")
        end = int(body.get("end") or self.settings.now)
        start = max(int(body.get("start") or end - _HALF_YEAR), end - _YEAR)
        rows = self.store.rows(
            "SELECT d.*, p.id AS person, p.email FROM deliveries d LEFT JOIN people p ON p.cio_id = d.cio_id"
            f" WHERE d.{asked[0]} = ? AND d.created BETWEEN ? AND ? ORDER BY d.n",
            (body[asked[0]], start, end),
        )
        return self._made("deliveries", [_delivery(dict(row)) for row in rows])

    async def one(self, request: Request) -> Response:
        """How far it is: pending for some looks, then done."""
        export = self._export(request)
        left = self._looks.get(str(export["id"]), 0)
        self._looks[str(export["id"])] = max(left - 1, 0)
        return reply({"export": export | ({"status": "pending"} if left else {})})

    async def link(self, request: Request) -> Response:
        """A link that needs no key and does not hold for long."""
        export = self._export(request)
        token = secrets.token_urlsafe(16)
        self._links[token] = (str(export["id"]), time.monotonic() + self.settings.export_link_seconds)
        export["downloads"] += 1
        self.store.put_document("exports", str(export["id"]), export)
        return reply({"url": str(request.url_for("file", token=token))})

    async def file(self, request: Request) -> Response:
        """The CSV; 403 once the link has ended, as stores do with signed addresses."""
        export, ends = self._links.get(request.path_params["token"], ("", 0.0))
        if export not in self._files or time.monotonic() >= ends:
            return Response("<Error><Code>AccessDenied</Code></Error>", 403, media_type="application/xml")
        if fault := self.faults.take("status", "/files/"):
            return Response("", fault.status)
        content = self._files[export]
        if self.faults.take("cut", "/files/"):  # shorter than it says: the server closes the connection
            return Response(content[: len(content) // 2], headers={"Content-Length": str(len(content))})
        return Response(content, media_type="text/csv")

    def _export(self, request: Request) -> JSON:
        export = self.store.document("exports", request.path_params["id"])
        if export is None:
            raise ApiError(404, "not found")
        return export

    def _made(self, kind: str, rows: list[dict[str, str]]) -> Response:
        now = self.settings.now
        id = max((int(export["id"]) for export in self.store.documents("exports")), default=0) + 1
        failed = self.settings.export_fails
        export = {
            "id": id, "deduplicate_id": f"{id}:{now}", "type": kind, "status": "failed" if failed else "done",
            "failed": failed, "description": f"Export of {kind}", "total": len(rows), "downloads": 0,
            "user_id": 1, "user_email": "owner@example.com", "created_at": now, "updated_at": now,
        }  # fmt: skip
        self.store.put_document("exports", str(id), export)
        self._looks[str(id)] = self.settings.export_looks
        self._files[str(id)] = _csv(rows)
        return reply({"export": export | {"status": "pending", "failed": False}})


def _csv(rows: list[dict[str, str]]) -> bytes:
    columns = sorted({name for row in rows for name in row})
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _delivery(row: Mapping[str, Any]) -> dict[str, str]:
    body = parse(row["body"])
    kept = {name: body.get(name) for name in ("recipient", "subject", "content_id", "failure_message")}
    ids = {name: row[name] for name in ("cio_id", "email", "created", "type", *_PARENTS)}
    found = {**kept, **ids, **parse(row["metrics"]), "delivery_id": row["id"], "customer_id": row["person"]}
    return {name: _text(value) for name, value in found.items()}


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else dump(value)
