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
from tap_customerio.sandbox.store import Store, parse

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
        ]

    async def campaign(self, request: Request) -> Response:
        """Version 2 takes bounds and names them in ISO 8601, version 1 takes a period and steps."""
        query = request.query_params
        id = self._known(request, "campaigns")
        version = query.get("version")
        if version == "1":
            return self._steps(query, "campaign_id", id)
        if version != "2":
            raise ApiError(400, "version is required")
        start, end, res = _window(query, "res")
        series = self._series("campaign_id", id, start, end, _SECONDS[res])
        return reply({"start": _iso(start), "end": _iso(end), "res": res, "series": series})

    async def journey(self, request: Request) -> Response:
        """How far people came."""
        id = self._known(request, "campaigns")
        start, end, resolution = _window(request.query_params, "resolution")
        series = self._series("campaign_id", id, start, end, _SECONDS[resolution])
        empty = [0] * _steps(start, end, _SECONDS[resolution])
        return reply({"journey_metric": {name: series.get(of, empty) for name, of in _JOURNEY.items()}})

    def _of(self, kind: str, field: str) -> Callable[[Request], Any]:
        async def metrics(request: Request) -> Response:
            return self._steps(request.query_params, field, self._known(request, kind))

        return metrics

    def _steps(self, query: Mapping[str, str], field: str, id: int) -> Response:
        period = query.get("period", "days")
        if period not in _SECONDS:
            raise ApiError(400, "invalid period")
        steps = query.get("steps", "2")
        if not steps.isdecimal():
            raise ApiError(400, "invalid steps")
        count = min(max(int(steps), 2), _MOST_STEPS[period])
        end = self.settings.now
        series = self._series(field, id, end - count * _SECONDS[period], end, _SECONDS[period])
        return reply({"metric": {"series": series}})

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
