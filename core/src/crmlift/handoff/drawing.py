"""A journey's flow as inline SVG: layers from top to bottom, no outside resource, the page's own colours.

Layers by longest path, loops back up at the side, order within a layer by barycentres (Sugiyama's method).
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

from crmlift.handoff.journey import Journey, Step, StepKind, Way

_WIDTH, _GAP, _LAYER_GAP, _DROP = 190, 34, 60, 26
_LINE, _PADDING, _MARGIN, _LANE = 16, 10, 14, 12
_CHARACTERS, _LABEL_CHARACTERS, _MOST_LINES = 26, 24, 4
_SWEEPS = 6
START = "start"


@dataclass(slots=True)
class _Box:
    """A step, the trigger, or, without lines, a way that passes a layer, as tall as that layer."""

    id: str
    layer: int
    lines: list[str]
    style: str = ""
    x: float = 0.0
    y: float = 0.0
    passing: float = 0.0

    @property
    def width(self) -> float:
        return _WIDTH if self.lines else _LANE

    @property
    def height(self) -> float:
        return len(self.lines) * _LINE + 2 * _PADDING if self.lines else self.passing


def flow(journey: Journey) -> Markup:
    """Return the drawing, with a text alternative; empty where there are no steps."""
    if not journey.steps:
        return Markup("")
    steps = {step.id: step for step in journey.steps}
    ways = [way for way in journey.ways if {way.start, way.end} <= steps.keys()]
    entry = [Way(start=START, end=root, label="") for root in journey.roots if root in steps]
    forward = [*entry, *(way for way in ways if not way.back)]
    layers = _layers([START, *steps], forward)
    boxes = {
        id: _Box(id, layer, _lines(journey, steps.get(id)), _style(steps.get(id)))
        for id, layer in layers.items()
    }
    chains = [(way, _chain(way, boxes)) for way in forward]
    rows = _ordered(boxes, [chain for _, chain in chains])
    _place(rows, [chain for _, chain in chains])
    return _svg(journey, boxes, chains, [way for way in ways if way.back])


def _layers(ids: list[str], ways: list[Way]) -> dict[str, int]:
    """The longest path to each; without loops this ends."""
    after: dict[str, list[str]] = defaultdict(list)
    waiting = dict.fromkeys(ids, 0)
    for way in ways:
        after[way.start].append(way.end)
        waiting[way.end] += 1
    layer = dict.fromkeys(ids, 0)
    ready = [id for id in ids if not waiting[id]]
    while ready:
        id = ready.pop(0)
        for next_id in after[id]:
            layer[next_id] = max(layer[next_id], layer[id] + 1)
            waiting[next_id] -= 1
            if not waiting[next_id]:
                ready.append(next_id)
    # Steps that nothing leads to stand below the trigger, beside the first.
    return {id: max(number, 1) if id != START else 0 for id, number in layer.items()}


def _chain(way: Way, boxes: dict[str, _Box]) -> list[str]:
    """The boxes that a way passes; bends are added for layers between."""
    chain = [way.start]
    for layer in range(boxes[way.start].layer + 1, boxes[way.end].layer):
        bend = f"{way.start}>{way.end}>{len(boxes)}"
        boxes[bend] = _Box(bend, layer, [])
        chain.append(bend)
    return [*chain, way.end]


def _ordered(boxes: dict[str, _Box], chains: list[list[str]]) -> list[list[_Box]]:
    """Rows of boxes, those that belong together near each other."""
    above: dict[str, list[str]] = defaultdict(list)
    below: dict[str, list[str]] = defaultdict(list)
    for chain in chains:
        for start, end in pairwise(chain):
            above[end].append(start)
            below[start].append(end)
    rows: list[list[_Box]] = [[] for _ in range(1 + max(box.layer for box in boxes.values()))]
    for box in boxes.values():
        rows[box.layer].append(box)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        place = {box.id: n / max(len(row), 1) for row in rows for n, box in enumerate(row)}
        for row in rows if down else reversed(rows):
            near = above if down else below
            row.sort(key=lambda box: _mean([place[id] for id in near[box.id]], place[box.id]))
            place |= {box.id: n / len(row) for n, box in enumerate(row)}
    return rows


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _place(rows: list[list[_Box]], chains: list[list[str]]) -> None:
    """Give every box its place: under what leads to it, without touching its neighbours."""
    boxes = {box.id: box for row in rows for box in row}
    near: dict[str, list[str]] = defaultdict(list)
    for chain in chains:
        for start, end in pairwise(chain):
            near[end].append(start)
            near[start].append(end)
    y = float(_MARGIN)
    for row in rows:
        x = 0.0
        for box in row:
            box.x, box.y = x + box.width / 2, y
            x += box.width + _GAP
        tallest = max(box.height for box in row)
        for box in row:
            box.x -= x / 2
            box.passing = tallest
        y += tallest + _LAYER_GAP
    for _ in range(2 * _SWEEPS):
        for row in rows:
            wanted = [_mean([boxes[id].x for id in near[box.id]], box.x) for box in row]
            _spread(row, wanted)
    left = min(box.x - box.width / 2 for box in boxes.values())
    for box in boxes.values():
        box.x += _MARGIN - left


def _spread(row: list[_Box], wanted: list[float]) -> None:
    """Move a row towards where its boxes want to be; their order and distance stay."""
    for position, box in enumerate(row):
        box.x = wanted[position]
        if position:
            before = row[position - 1]
            box.x = max(box.x, before.x + (before.width + box.width) / 2 + _GAP)
    shift = _mean([target - box.x for box, target in zip(row, wanted, strict=True)], 0.0)
    for box in row:
        box.x += shift


def _svg(
    journey: Journey, boxes: dict[str, _Box], chains: list[tuple[Way, list[str]]], back: list[Way]
) -> Markup:
    right = max(box.x + box.width / 2 for box in boxes.values())
    height = max(box.y + box.height for box in boxes.values()) + _MARGIN
    width = right + _MARGIN + _LANE * 2 * len(back) + (60 if back else 0)
    parts = [_path(way, [boxes[id] for id in chain]) for way, chain in chains]
    parts += [
        _loop(boxes[way.start], boxes[way.end], right + _LANE * (2 * n + 1)) for n, way in enumerate(back)
    ]
    parts += [_box(box) for box in boxes.values() if box.lines]
    parts += [_label(way, [boxes[id] for id in chain]) for way, chain in chains if way.label]
    title = f"Flow of {journey.name}: {len(journey.steps)} steps, {len(journey.ways)} ways"
    return Markup(
        f'<svg class="flow" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'role="img" aria-label="{escape(title)}">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        f"{''.join(parts)}</svg>"
    )


def _path(way: Way, boxes: list[_Box]) -> str:
    curve = f"M{boxes[0].x:.1f} {boxes[0].y + boxes[0].height:.1f}"
    for before, box in pairwise(boxes):
        bend = box.y - _DROP  # straight down from there: the label's place
        middle = (before.y + before.height + bend) / 2
        curve += f"C{before.x:.1f} {middle:.1f} {box.x:.1f} {middle:.1f} {box.x:.1f} {bend:.1f}"
        curve += f"V{box.y + (0 if box.lines else box.height):.1f}"
    return f'<path class="way" d="{curve}" marker-end="url(#tip)"><title>{escape(way.words)}</title></path>'


def _loop(start: _Box, end: _Box, lane: float) -> str:
    x1, y1 = start.x + start.width / 2, start.y + start.height / 2
    x2, y2 = end.x + end.width / 2, end.y + end.height / 2
    curve = f"M{x1:.1f} {y1:.1f}C{lane:.1f} {y1:.1f} {lane:.1f} {y1:.1f} {lane:.1f} {(y1 + y2) / 2:.1f}"
    curve += f"C{lane:.1f} {y2:.1f} {lane:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return f'<path class="way back" d="{curve}" marker-end="url(#tip)"><title>back</title></path>'


def _label(way: Way, boxes: list[_Box]) -> str:
    """What it takes to go a way, where it comes down to the next layer."""
    share = f" {way.share_percent:g} %" if way.share_percent is not None else ""
    text = _short(way.label + share, _LABEL_CHARACTERS)
    return (
        f'<text class="label" x="{boxes[1].x:.1f}" y="{boxes[1].y - 12:.1f}">{escape(text)}'
        f"<title>{escape(way.words or way.label)}</title></text>"
    )


def _box(box: _Box) -> str:
    left = box.x - box.width / 2
    lines = "".join(
        f'<tspan class="{"text" if n else "head"}" x="{box.x:.1f}" '
        f'y="{box.y + _PADDING + 12 + n * _LINE:.1f}">{escape(line)}</tspan>'
        for n, line in enumerate(box.lines)
    )
    return (
        f'<g class="step {box.style}"><rect x="{left:.1f}" y="{box.y:.1f}" width="{box.width}" '
        f'height="{box.height}" rx="8"/><text>{lines}</text></g>'
    )


def _style(step: Step | None) -> str:
    return "trigger" if step is None else step.kind.value.replace(" ", "-")


def _lines(journey: Journey, step: Step | None) -> list[str]:
    """A heading, and what the step is about."""
    head, text = ("starts with", journey.trigger.words) if step is None else (step.kind.value, step.title)
    if step is not None and step.kind is StepKind.MESSAGE:
        head = step.channel or head
    if step is not None and step.kind is StepKind.UNKNOWN:
        head = "not known"
    wrapped = textwrap.wrap(text, _CHARACTERS) or [""]
    if len(wrapped) > _MOST_LINES:
        wrapped = [*wrapped[: _MOST_LINES - 1], _short(wrapped[_MOST_LINES - 1] + " …", _CHARACTERS)]
    return [head, *[line for line in wrapped if line and line != head]]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
