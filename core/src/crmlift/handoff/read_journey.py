"""Make a `Journey` of what the tap read: the graph, else the order of old, else its messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from crmlift.handoff import read_step, words
from crmlift.handoff.conditions import EVERYBODY, All, Node, Not, Owner, Unknown, parse, segments_in
from crmlift.handoff.journey import Journey, Step, StepKind, Trigger, Way

Record = Mapping[str, Any]
_KINDS = {
    "behavioral": "segment", "seg_attr": "segment or attribute", "transactional": "event", "date": "date",
    "form": "form", "object": "object", "relationship": "relationship", "webhook": "webhook",
    "triggered_broadcast": "API", "none": "nothing yet",
}  # fmt: skip
_STATEMENTS = {
    "graph": "Drawn from the graph that the user interface shows.",
    "order": "This campaign has no graph: its actions are shown in the order that the workspace keeps.",
    "messages only": (
        "Only the messages are known: delays, branches, splits, exits and goals are not in the App API. "
        "A read-only service-account token lets the tap read them."
    ),
}


def from_graph(
    journey: Record, actions: Iterable[Record], edges: Iterable[Record], names: Mapping[str, str]
) -> Journey:
    """Return a campaign of the streams `journeys`, `journey_actions` and `journey_edges`."""
    actions = sorted(actions, key=_place)
    steps = [read_step.step(action, names) for action in actions]
    ways = _without_loops([_way(edge, names) for edge in sorted(edges, key=_place)], journey)
    ways = _by_language(ways, actions)
    trigger = _trigger(journey.get("entry") or {}, str(journey.get("type") or ""), names)
    drawn: Literal["order", "graph"] = "order" if journey.get("edges_inferred") else "graph"
    return Journey(
        id=str(journey["id"]),
        name=str(journey.get("name") or ""),
        trigger=trigger,
        exits=_exits(journey, names),
        exit_conditions=_exit_conditions(journey, trigger),
        goal=_goal(journey.get("goal"), names),
        again=journey.get("restart_mode") == "rematch",
        steps=steps,
        ways=ways,
        roots=[str(id) for id in journey.get("root_action_ids") or ()],
        loops=_loops(steps, ways, trigger),
        drawn=drawn,
        statement=_STATEMENTS[drawn],
        not_understood=[*(journey.get("undecoded") or ()), *_not_understood(steps, ways)],
    )


def from_campaign(campaign: Record, messages: Sequence[Record], names: Mapping[str, str]) -> Journey:
    """Return a campaign of the App API: what starts it, and its messages in their order."""
    listed = [str(action["id"]) for action in campaign.get("actions") or () if action.get("id") is not None]
    place = {id: n for n, id in enumerate(listed)}
    by_id = {str(message["id"]): message for message in messages}
    order = sorted(by_id, key=lambda id: place.get(id, len(place)))
    steps = [read_step.message(by_id[id]) for id in order]
    return Journey(
        id=str(campaign["id"]),
        name=str(campaign.get("name") or ""),
        trigger=_app_trigger(campaign, names),
        steps=steps,
        statement=_STATEMENTS["messages only"],
    )


def _place(record: Record) -> tuple[int, str]:
    return int(record.get("position") or 0), str(record.get("id"))


def _way(edge: Record, names: Mapping[str, str]) -> Way:
    condition = None if edge.get("condition") is None else parse(edge["condition"])
    known = edge.get("type") in ("continue", "branch")
    label = edge.get("label") or ("" if known else str(edge.get("type")))
    said = words.condition(condition, names) if condition else ""
    if edge.get("wait_seconds"):
        said = f"after {words.span(edge['wait_seconds'])}"
    return Way(
        start=str(edge["from"]),
        end=str(edge["to"]),
        label=str(label),
        words=said,
        condition=condition,
        share_percent=edge.get("share_percent"),
        wait_seconds=edge.get("wait_seconds"),
        raw=None if known else edge.get("raw"),
    )


def _without_loops(ways: list[Way], journey: Record) -> list[Way]:
    """Mark the ways that lead back to where one has been, going from the beginning on."""
    after: dict[str, list[int]] = {}
    for position, way in enumerate(ways):
        after.setdefault(way.start, []).append(position)
    back: set[int] = set()
    done: set[str] = set()
    for root in [*map(str, journey.get("root_action_ids") or ()), *after]:
        if root in done:
            continue
        under_way, stack = {root}, [(root, iter(after.get(root, ())))]
        while stack:
            here, rest = stack[-1]
            position = next(rest, -1)
            if position < 0:
                under_way.discard(here)
                done.add(here)
                stack.pop()
            elif (end := ways[position].end) in under_way:
                back.add(position)
            elif end not in done:
                under_way.add(end)
                stack.append((end, iter(after.get(end, ()))))
    return [
        way.model_copy(update={"back": True}) if position in back else way
        for position, way in enumerate(ways)
    ]


def _trigger(entry: Record, kind: str, names: Mapping[str, str]) -> Trigger:
    """What starts a journey, of the fields of the user interface."""
    owner: Owner = "event" if entry.get("event") else "person"
    raw = next((entry[name] for name in ("trigger", "anchors", "recipients_filter") if entry.get(name)), None)
    condition = None if raw is None else parse(raw)
    filters = [parse(entry[name], owner) for name in ("attribute_filters",) if entry.get(name)]
    filters += [parse(entry[name]) for name in ("filters", "audience") if entry.get(name)]
    joined = _joined(filters)
    said = [_starts(entry, kind)] if condition is None else [words.condition(condition, names)]
    if entry.get("event") and condition is not None:
        said.insert(0, f"event {entry['event']}")
    if joined is not None:
        said.append(f"where {words.condition(joined, names)}")
    return Trigger(
        kind=_KINDS.get(kind, kind or "not known"),
        words=" ".join(said),
        condition=condition,
        filters=joined,
        event=None if entry.get("event") is None else str(entry["event"]),
        segments=list(dict.fromkeys([*segments_in(condition), *segments_in(joined)])),
        fields=dict(entry),
    )


def _joined(nodes: list[Node]) -> Node | None:
    real = [node for node in nodes if node != EVERYBODY]
    if not real:
        return None
    return real[0] if len(real) == 1 else All(of=real)


def _starts(entry: Record, kind: str) -> str:
    if entry.get("event"):
        return f"event {entry['event']}"
    if entry.get("date_triggered_attribute"):
        often = entry.get("date_triggered_frequency") or ""
        return f"the date in {entry['date_triggered_attribute']} {often}".strip()
    if kind == "triggered_broadcast":
        return "a call of the API"
    return f"{_KINDS.get(kind, kind or 'something')} (see the fields of the trigger)"


def _app_trigger(campaign: Record, names: Mapping[str, str]) -> Trigger:
    """What starts a campaign, of the fields of the App API."""
    segments = [str(id) for id in campaign.get("trigger_segment_ids") or ()]
    needed = [str(id) for id in campaign.get("filter_segment_ids") or ()]
    joins = parse({"or": [{"segment": {"id": id}} for id in segments]}) if segments else None
    filters = parse({"and": [{"segment": {"id": id}} for id in needed]}) if needed else None
    event, date = campaign.get("event_name"), campaign.get("date_attribute")
    kind = str(campaign.get("type") or "")
    if joins is not None:
        said = words.condition(joins, names)
    elif event:
        said = f"event {event}"
    elif date:
        said = f"the date in {date} {campaign.get('frequency') or ''}".strip()
    else:
        said = "a call of the API" if kind == "triggered_broadcast" else kind or "not known"
    said += f" where {words.condition(filters, names)}" if filters else ""
    fields = {
        name: campaign[name] for name in _APP_FIELDS if campaign.get(name) not in (None, "", [], {}, False)
    }
    return Trigger(
        kind="API" if kind == "triggered_broadcast" else kind or "not known",
        words=said,
        condition=joins,
        filters=filters,
        event=event,
        segments=[*segments, *needed],
        fields=fields,
    )


_APP_FIELDS = (
    "event_type", "frequency", "start_hour", "start_minutes", "timezone", "use_customer_timezone",
    "object_type_id", "object_attribute_triggers", "relationship_attribute_triggers", "audience",
    "webhook_id", "filter_object_attributes", "filter_relationship_attributes", "scheduled_start",
    "scheduled_stop", "scheduled_start_should_backfill", "scheduled_stop_should_sunset",
)  # fmt: skip


def _by_language(ways: list[Way], actions: Iterable[Record]) -> list[Way]:
    """Name the ways out of a branch by language, which come in the order of its languages."""
    labels: dict[int, str] = {}
    for action in actions:
        languages = (action.get("raw") or {}).get("languages")
        if isinstance(languages, list):
            out = [n for n, way in enumerate(ways) if way.start == str(action["id"])]
            labels |= dict(zip(out, map(str, languages), strict=False))
    return [
        way.model_copy(update={"label": labels[n]}) if n in labels and not way.label else way
        for n, way in enumerate(ways)
    ]


def _exit_conditions(journey: Record, trigger: Trigger) -> list[Node]:
    """What makes people leave early, as far as it is a condition and no event of a number."""
    found = journey.get("exit_conditions") or []
    nodes = [parse(one) for one in (found if isinstance(found, list) else [found])]
    if journey.get("exit_on_mismatch"):
        nodes += [Not(of=one) for one in (trigger.condition, trigger.filters) if one is not None]
    return [node for node in nodes if not isinstance(node, Unknown)]


def _exits(journey: Record, names: Mapping[str, str]) -> list[str]:
    found = journey.get("exit_conditions") or []
    said = []
    for one in found if isinstance(found, list) else [found]:
        event = one.get("event") if isinstance(one, dict) else None
        if isinstance(event, dict) and "name" not in event:
            said.append(f"event of catalogue number {event.get('etype')}")
        else:
            said.append(words.condition(parse(one), names))
    if journey.get("exit_on_mismatch"):
        said.append("the trigger or the filters no longer match")
    return said


def _goal(goal: Any, names: Mapping[str, str]) -> str | None:
    if not isinstance(goal, dict):
        return None
    conversion = goal.get("conversion")
    if isinstance(conversion, dict) and "segment" in conversion:
        return words.condition(parse(conversion), names)
    return f"{goal.get('conversion_type') or 'goal'}: {conversion}"


def _loops(steps: list[Step], ways: list[Way], trigger: Trigger) -> list[str]:
    title = {step.id: step.title for step in steps}
    found = [
        f"back from “{title.get(way.start, way.start)}” to “{title.get(way.end, way.end)}”"
        for way in ways
        if way.back
    ]
    found += [
        f"“{step.title}” creates the event {step.event}, which starts this journey again"
        for step in steps
        if step.kind is StepKind.EVENT and step.event and step.event == trigger.event
    ]
    return found


def _not_understood(steps: list[Step], ways: list[Way]) -> list[str]:
    found = [f"action type {step.type}" for step in steps if step.kind is StepKind.UNKNOWN]
    found += [
        f"conditions of “{step.title}”" for step in steps if step.raw and step.kind is not StepKind.UNKNOWN
    ]
    return found + [f"edge type {way.label}" for way in ways if way.raw is not None]
