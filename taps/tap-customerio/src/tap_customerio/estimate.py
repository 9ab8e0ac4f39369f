"""What a run is expected to cost: by which route each stream comes, how many calls, how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tap_customerio.routes.choice import Choice, check, choose
from tap_customerio.routes.route import API

if TYPE_CHECKING:
    from tap_customerio.streams.base import CustomerIOStream
    from tap_customerio.tap import TapCustomerIO


_SHOWN = 8  # streams in the estimate, those that take longest


class Plan:
    """The routes of a run: chosen for all selected streams and logged when the first of them begins.

    Raises RouteError.
    """

    def __init__(self, tap: TapCustomerIO) -> None:
        self._tap = tap
        self._wanted = dict(tap.config.get("routes") or {})
        check(self._wanted, tap.streams)
        streams = [stream for stream in tap.own_streams if stream.selected]
        self._choices = {stream.name: choose(tap, stream, self._wanted) for stream in streams}
        for line in summary(self._choices, tap.config["requests_per_second"]):
            tap.logger.info("%s", line)

    def choice(self, stream: CustomerIOStream) -> Choice:
        """The route of a stream."""
        if stream.name not in self._choices:
            self._choices[stream.name] = choose(self._tap, stream, self._wanted)
        return self._choices[stream.name]


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
