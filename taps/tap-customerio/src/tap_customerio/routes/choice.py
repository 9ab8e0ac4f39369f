"""Which route a stream takes, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigValidationError

from tap_customerio.routes.route import Cost, Route

if TYPE_CHECKING:
    from tap_customerio.streams.base import CustomerIOStream
    from tap_customerio.tap import TapCustomerIO

AUTO = "auto"
NAMES = ("api", "export", "warehouse", "ui_api", AUTO)
DEFAULT = "default"


class RouteError(ConfigValidationError):
    """The setting `routes` asks for what is not there."""


@dataclass(frozen=True)
class Choice:
    """The route of a stream, or None if it has none that could be used; why; and what it costs."""

    route: Route | None
    why: str
    cost: Cost | None = None


def choose(tap: TapCustomerIO, stream: CustomerIOStream, wanted: Mapping[str, str]) -> Choice:
    """The route that is asked for; where that is left open, the cheapest of those that can be used.

    `wanted` is the setting `routes`. A default that the stream does not have leaves it open; a route that
    is asked for by the stream's name must be there. Raises RouteError.
    """
    routes = {route.name: route for route in stream.routes}
    asked = wanted.get(stream.name, AUTO)
    if asked not in (AUTO, *routes):
        raise RouteError(f"routes: {stream.name} has no route {asked!r}, only {', '.join(routes)}")
    if asked == AUTO and wanted.get(DEFAULT) in routes:
        asked = wanted[DEFAULT]
    if asked != AUTO:
        route = routes[asked]
        if missing := route.missing(tap):
            raise RouteError(f"routes: {stream.name} cannot be read by {asked}: {missing}")
        return Choice(route, "asked for", route.cost(stream, tap.sizes))
    return _cheapest(tap, stream)


def _cheapest(tap: TapCustomerIO, stream: CustomerIOStream) -> Choice:
    usable = [route for route in stream.routes if not route.missing(tap)]
    if not usable:
        return Choice(None, "; ".join(route.missing(tap) for route in stream.routes))
    costs = [(route, route.cost(stream, tap.sizes)) for route in usable]
    if len(costs) == 1:
        return Choice(costs[0][0], "the only one that is set up", costs[0][1])
    rate = tap.config["requests_per_second"]
    known = sorted(
        ((route, cost) for route, cost in costs if cost), key=lambda one: (one[1].time(rate), one[1].calls)
    )
    if not known:
        return Choice(usable[0], "the usual one: nothing tells what the others cost")
    offers = ", ".join(f"{r.name}: {c.calls} calls, {c.time(rate):.0f} s" for r, c in known)
    return Choice(known[0][0], f"cheapest ({offers})", known[0][1])


def check(wanted: Mapping[str, str], streams: Mapping[str, object]) -> None:
    """Refuse names of streams that do not exist. Raises RouteError."""
    for name in wanted:
        if name != DEFAULT and name not in streams:
            raise RouteError(f"routes: there is no stream {name!r}")
