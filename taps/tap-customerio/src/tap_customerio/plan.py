"""By which route each stream comes, and what a run is expected to cost: how many calls, how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from singer_sdk.exceptions import ConfigValidationError

from tap_customerio.routes import API, Choice
from tap_customerio.run import Run
from tap_customerio.sizes import Sizes
from tap_customerio.streams.base import CustomerIOStream

AUTO = "auto"
DEFAULT = "default"
_SHOWN = 8  # streams in the estimate, those that take longest


class RouteError(ConfigValidationError):
    """The setting `routes` asks for what is not there."""


class Plan:
    """The routes of a run: chosen for all selected streams and logged when the first of them begins.

    Raises RouteError.
    """

    def __init__(self, run: Run, streams: Sequence[CustomerIOStream], sizes: Sizes) -> None:
        self._run = run
        self._sizes = sizes
        self._wanted = dict(run.config.get("routes") or {})
        check(self._wanted, {stream.name for stream in streams})
        self._choices = {stream.name: self._choose(stream) for stream in streams if stream.selected}
        for line in summary(self._choices, run.config["requests_per_second"]):
            run.logger.info("%s", line)

    def choice(self, stream: CustomerIOStream) -> Choice:
        """The route of a stream."""
        if stream.name not in self._choices:
            self._choices[stream.name] = self._choose(stream)
        return self._choices[stream.name]

    def _choose(self, stream: CustomerIOStream) -> Choice:
        """The route that is asked for; where that is left open, the cheapest of those that can be used.

        A default that the stream does not have leaves it open; a route that is asked for by the stream's name
        must be there.
        """
        routes = {route.name: route for route in stream.routes}
        asked = self._wanted.get(stream.name, AUTO)
        if asked not in (AUTO, *routes):
            raise RouteError(f"routes: {stream.name} has no route {asked!r}, only {', '.join(routes)}")
        if asked == AUTO and self._wanted.get(DEFAULT) in routes:
            asked = self._wanted[DEFAULT]
        if asked != AUTO:
            route = routes[asked]
            if missing := route.missing(self._run):
                raise RouteError(f"routes: {stream.name} cannot be read by {asked}: {missing}")
            return Choice(route, "asked for", route.cost(stream, self._sizes))
        return self._cheapest(stream)

    def _cheapest(self, stream: CustomerIOStream) -> Choice:
        usable = [route for route in stream.routes if not route.missing(self._run)]
        if not usable:
            return Choice(None, "; ".join(route.missing(self._run) for route in stream.routes))
        costs = [(route, route.cost(stream, self._sizes)) for route in usable]
        if len(costs) == 1:
            return Choice(costs[0][0], "the only one that is set up", costs[0][1])
        rate = self._run.config["requests_per_second"]
        known = sorted(
            ((route, cost) for route, cost in costs if cost),
            key=lambda one: (one[1].time(rate), one[1].calls),
        )
        if not known:
            return Choice(usable[0], "the usual one: nothing tells what the others cost")
        offers = ", ".join(f"{r.name}: {c.calls} calls, {c.time(rate):.0f} s" for r, c in known)
        return Choice(known[0][0], f"cheapest ({offers})", known[0][1])


def check(wanted: Mapping[str, str], streams: set[str]) -> None:
    """Refuse names of streams that do not exist. Raises RouteError."""
    for name in wanted:
        if name != DEFAULT and name not in streams:
            raise RouteError(f"routes: there is no stream {name!r}")


def summary(chosen: Mapping[str, Choice], rate: int) -> list[str]:
    """Lines for the log: routes where there was a choice, then calls and time of what costs most."""
    lines = [
        f"route of {name}: {choice.route.name}, {choice.why}"
        for name, choice in chosen.items()
        if choice.route and (choice.route is not API or "(" in choice.why)
    ]
    closed: dict[str, list[str]] = {}
    for name, choice in chosen.items():
        if choice.route is None:
            closed.setdefault(choice.why, []).append(name)
    lines += [f"no route, {why}: {', '.join(names)}" for why, names in closed.items()]
    costs = {name: choice.cost for name, choice in chosen.items() if choice.cost is not None}
    if not costs:
        return lines
    calls = sum(cost.calls for cost in costs.values())
    seconds = sum(cost.time(rate) for cost in costs.values())
    dearest = sorted(costs, key=lambda name: costs[name].time(rate), reverse=True)
    shares = ", ".join(
        f"{name} {costs[name].calls} in {duration(costs[name].time(rate))}"
        for name in dearest[:_SHOWN]
        if costs[name].time(rate)
    )
    unknown = [name for name, choice in chosen.items() if choice.route and choice.cost is None]
    without = f"; not counted: {', '.join(unknown)}" if unknown else ""
    return [
        *lines,
        f"estimate: about {calls} calls ({shares}), {duration(seconds)} at {rate} a second{without}",
    ]


def duration(seconds: float) -> str:
    """Seconds as text: `40 s`, `12 min`, `3.1 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
