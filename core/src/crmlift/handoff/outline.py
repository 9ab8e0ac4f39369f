"""A journey as numbered lines in a CRM's own terms: the target says each step, the order is common to all."""

from __future__ import annotations

from collections.abc import Callable

from crmlift.handoff.conditions import Node
from crmlift.handoff.journey import Journey, Step


def outline(
    journey: Journey, begins: str, say: Callable[[Step], str], condition: Callable[[Node], str | None]
) -> list[str]:
    """Return `begins` as the first line, then a line for each step in the order in which people come to them.

    `condition` writes a branch's condition in the CRM's terms, or gives None where it cannot. Lines are
    referred to by their number, of which the first is 1.
    """
    order = _order(journey)
    number = {step.id: place for place, step in enumerate(order, 2)}
    lines = [begins]
    for step in order:
        ways = [way for way in journey.ways if way.start == step.id]
        ends = []
        for way in ways:
            said = condition(way.condition) if way.condition is not None else None
            when = f"{way.label}{f' ({said})' if said else f' ({way.words})' if way.words else ''}"
            share = f" {way.share_percent:g} %" if way.share_percent is not None else ""
            ends.append(f"{when}{share} → {number.get(way.end, '?')}{' (back)' if way.back else ''}".strip())
        # The next line needs no arrow.
        plain = len(ways) == 1 and not ways[0].label and number.get(ways[0].end) == number[step.id] + 1
        lines.append(say(step) + ("" if plain or not ends else f"; then {'; '.join(ends)}"))
    return lines


def _order(journey: Journey) -> list[Step]:
    """Steps in the order in which one comes to them; those that nothing leads to come last."""
    steps = {step.id: step for step in journey.steps}
    waiting = dict.fromkeys(steps, 0)
    for way in journey.ways:
        if not way.back and way.end in waiting and way.start in steps:
            waiting[way.end] += 1
    free = [id for id in steps if not waiting[id]]
    ready = sorted(reversed(free), key=lambda id: id in journey.roots)
    found: list[str] = []
    while ready:
        id = ready.pop()
        found.append(id)
        for way in reversed(journey.ways):
            if way.start == id and not way.back and way.end in waiting:
                waiting[way.end] -= 1
                if not waiting[way.end]:
                    ready.append(way.end)
    return [steps[id] for id in [*found, *(id for id in steps if id not in set(found))]]
