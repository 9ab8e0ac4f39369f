"""App API: counts over time, made from the deliveries that were loaded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_customerio.sandbox.errors import ApiError, reply
from tap_customerio.sandbox.settings import Settings
from tap_customerio.sandbox.store import JSON, Store, parse

_SECONDS = {"hours": 3600, "days": 86_400, "weeks": 604_800, "months": 2_592_000}
_OTHER_NAMES = {"hourly": "hours", "daily": "days", "weekly": "weeks", "monthly": "months"}
_MOST_STEPS = {"hours": 24, "days": 45, "weeks": 12, "months": 121}
_JOURNEY = {
    "started": "created",
    "activated": "created",
    "exited_early": "unsubscribed",
    "finished": "delivered",
    "converted": "converted",
    "never_activated": "failed",
    "messaged": "sent",
}
_PARENTS = {
    "newsletters": "newsletter_id",
    "broadcasts": "broadcast_id",
    "transactional": "transactional_message_id",
}
_ALL = ("campaigns", *_PARENTS)
# Path of a parent, of its parts, kind of their documents, column of a delivery that names the part.
_PARTS = [
    ("campaigns", "actions", "campaign_actions", "action_id"),
    ("broadcasts", "actions", "broadcast_actions", "action_id"),
    ("newsletters", "contents", "newsletter_contents", "json_extract(body, '$.content_id')"),
]
Handler = Callable[[Request], Any]
Series = dict[str, list[int]]


class Metrics:
    """Reads counts; without a window, the API refuses."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/v1/campaigns/{id}/metrics", self.campaign),
            Route("/v1/campaigns/{id}/journey_metrics", self.journey),
            *(Route(f"/v1/{kind}/{{id}}/metrics", self._of(kind, field)) for kind, field in _PARENTS.items()),
            *(Route(f"/v1/{kind}/{{id}}/metrics/links", self._links(kind)) for kind in _ALL),
            *(
                route
                for kind, part, documents, field in _PARTS
                for route in (
                    Route(f"/v1/{kind}/{{id}}/{part}/{{part}}/metrics", self._part(kind, documents, field)),
                    Route(f"/v1/{kind}/{{id}}/{part}/{{part}}/metrics/links", self._links(kind, documents)),
                )
            ),
        ]

    async def campaign(self, request: Request) -> Response:
        """Version 2 takes bounds and names them in ISO 8601, version 1 takes a period and steps."""
        id = self._known(request, "campaigns")
        return reply(self._versions(request.query_params, "campaign_id", id))

    def _versions(self, query: Mapping[str, str], field: str, id: int) -> JSON:
        version = query.get("version")
        if version == "1":
            return self._steps(query, field, id)
        if version != "2":
            raise ApiError(400, "version is required")
        start, end, res = _window(query, "res")
        series = self._series(field, id, start, end, _SECONDS[res])
        return {"start": _iso(start), "end": _iso(end), "res": res, "series": series}

    def _part(self, kind: str, documents: str, field: str) -> Handler:
        """One message; those of campaigns have versions and variants, as the campaign has."""

        async def metrics(request: Request) -> Response:
            part = self._known_part(request, kind, documents)
            query = request.query_params
            if kind == "campaigns":
                return reply(self._versions(query, field, part) | {"language_variants": {}})
            return reply(self._steps(query, field, part))

        return metrics

    def _links(self, kind: str, documents: str = "") -> Handler:
        """Links as they were loaded, of a parent or of one of its messages."""

        async def links(request: Request) -> Response:
            part = self._known_part(request, kind, documents) if documents else None
            parent = self._known(request, kind)
            _period(request.query_params)
            found = self.store.documents("links", f"{kind}:{parent}")
            found = [link for link in found if part is None or link["part"] == part]
            return reply({"links": [{name: one[name] for name in ("link", "metric")} for one in found]})

        return links

    def _known_part(self, request: Request, kind: str, documents: str) -> int:
        parent, part = self._known(request, kind), request.path_params["part"]
        if self.store.document(documents, part, str(parent)) is None:
            raise ApiError(404, "not found")
        return int(part)

    async def journey(self, request: Request) -> Response:
        """How far people came."""
        id = self._known(request, "campaigns")
        start, end, resolution = _window(request.query_params, "resolution")
        series = self._series("campaign_id", id, start, end, _SECONDS[resolution])
        empty = [0] * _steps(start, end, _SECONDS[resolution])
        return reply({"journey_metric": {name: series.get(of, empty) for name, of in _JOURNEY.items()}})

    def _of(self, kind: str, field: str) -> Handler:
        async def metrics(request: Request) -> Response:
            return reply(self._steps(request.query_params, field, self._known(request, kind)))

        return metrics

    def _steps(self, query: Mapping[str, str], field: str, id: int) -> JSON:
        period, count = _period(query)
        end = self.settings.now
        series = self._series(field, id, end - count * _SECONDS[period], end, _SECONDS[period])
        return {"metric": {"series": series}}

    def _known(self, request: Request, kind: str) -> int:
        id = request.path_params["id"]
        if self.store.document(kind, id) is None:
            raise ApiError(404, "not found")
        return int(id)

    def _series(self, field: str, id: int, start: int, end: int, step: int) -> Series:
        """Counts by metric, oldest step first."""
        count = _steps(start, end, step)
        found: Series = defaultdict(lambda: [0] * count)
        for row in self.store.rows(f"SELECT metrics FROM deliveries WHERE {field} = ?", (id,)):
            for metric, moment in parse(row["metrics"]).items():
                if start <= moment < start + count * step:
                    found[metric][(moment - start) // step] += 1
        return dict(found)


def _period(query: Mapping[str, str]) -> tuple[str, int]:
    """Period and number of steps. Raises ApiError 400."""
    period, steps = query.get("period", "days"), query.get("steps", "2")
    if period not in _SECONDS:
        raise ApiError(400, "invalid period")
    if not steps.isdecimal():
        raise ApiError(400, "invalid steps")
    return period, min(max(int(steps), 2), _MOST_STEPS[period])


def _steps(start: int, end: int, step: int) -> int:
    return max(-(-(end - start) // step), 1)


def _window(query: Mapping[str, str], resolution: str) -> tuple[int, int, str]:
    start, end, res = query.get("start", ""), query.get("end", ""), query.get(resolution, "")
    res = _OTHER_NAMES.get(res, res)
    if not start.isdecimal() or not end.isdecimal() or res not in _SECONDS or int(end) <= int(start):
        raise ApiError(400, f"start, end and {resolution} are required")
    return int(start), int(end), res


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
