"""Make a `Step` of an action: its kind, a title, and in words what it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlift.handoff import words
from crmlift.handoff.conditions import Unknown, parse, walk
from crmlift.handoff.journey import Step, StepKind

Record = Mapping[str, Any]
CHANNELS = {
    "email_action": "email", "twilio_action": "SMS", "push_action": "push", "in_app_action": "in-app",
    "webhook_action": "webhook", "slack_action": "Slack", "whatsapp_action": "WhatsApp",
    "email": "email", "twilio": "SMS", "push": "push", "in_app": "in-app", "webhook": "webhook",
    "slack": "Slack", "whatsapp": "WhatsApp", "inbox": "inbox",
}  # fmt: skip
_KINDS = {
    "delay_seconds_action": StepKind.WAIT,
    "delay_action": StepKind.WAIT,
    "randomized_delay_action": StepKind.WAIT,
    "grace_period_action": StepKind.WAIT,
    "delay_time_window_action": StepKind.WINDOW,
    "conditional_wait_action": StepKind.WAIT_UNTIL,
    "conditional_branch_action": StepKind.BRANCH,
    "multi_split_branch_action": StepKind.BRANCH,
    "multi_lang_branch_action": StepKind.LANGUAGES,
    "random_cohort_branch_action": StepKind.SPLIT,
    "split_randomized_action": StepKind.SPLIT,
    "attribute_update_action": StepKind.UPDATE,
    "batch_update_action": StepKind.UPDATE,
    "static_seg_update_action": StepKind.SEGMENT,
    "create_event_action": StepKind.EVENT,
    "collection_query_action": StepKind.DATA,
    "llm_action": StepKind.DATA,
    "filter_match_delay_action": StepKind.GATE,
    "exit_action": StepKind.EXIT,
}


def channel(kind: object) -> str:
    """Return a channel's name from a type of action or message; the type itself where it is not known."""
    return CHANNELS.get(str(kind), str(kind))


def message(found: Record) -> Step:
    """Return a message of the App API as a step."""
    return Step(
        id=str(found["id"]),
        kind=StepKind.MESSAGE,
        type=str(found.get("type") or ""),
        title=str(found.get("name") or found["id"]),
        words=f"sends {channel(found.get('type'))}",
        channel=channel(found.get("type")),
    )


def step(action: Record, names: Mapping[str, str]) -> Step:
    """Return an action of the stream `journey_actions`; `names` are those of segments by id."""
    kind = _kind(str(action.get("type")))
    raw: Record = action.get("raw") or {}
    conditions = [parse(one) for one in _conditions(action)]
    said = _said(kind, action, raw, names)
    named = str(action.get("name") or "")
    # What was not understood stays in view as it came.
    odd = bool(action.get("undecoded")) or any(
        isinstance(one, Unknown) for node in conditions for one in walk(node)
    )
    return Step(
        id=str(action["id"]),
        kind=kind,
        type=str(action.get("type")),
        title=named or said,
        words=said if said != named else "",
        channel=channel(action.get("type")) if kind is StepKind.MESSAGE else None,
        template_id=action.get("template_id"),
        seconds=_seconds(kind, action, raw),
        event=action.get("event_name"),
        conditions=conditions,
        changes=_changes(kind, raw),
        raw=dict(raw) if kind is StepKind.UNKNOWN or odd else None,
    )


def _kind(kind: str) -> StepKind:
    if kind in CHANNELS:
        return StepKind.MESSAGE
    return _KINDS.get(kind, StepKind.UNKNOWN)


def _conditions(action: Record) -> list[Any]:
    """The conditions of an action, one per branch where there are several."""
    found: Mapping[str, Any] = action.get("conditions") or {}
    several = found.get("multi_conditions")
    if isinstance(several, list):
        return several
    return [found[name] for name in ("conditions", "preconditions") if found.get(name)]


def _seconds(kind: StepKind, action: Record, raw: Record) -> int | None:
    if kind in (StepKind.WAIT, StepKind.WAIT_UNTIL):
        seconds = action.get("delay") or raw.get("min_delay")
        return int(seconds) if isinstance(seconds, int | float) else None
    return None


def _changes(kind: StepKind, raw: Record) -> dict[str, Any]:
    if kind is StepKind.UPDATE and raw.get("attribute_name"):
        return {str(raw["attribute_name"]): raw.get("attribute_value")}
    return {}


def _said(kind: StepKind, action: Record, raw: Record, names: Mapping[str, str]) -> str:
    match kind:
        case StepKind.MESSAGE:
            draft = ", kept as a draft" if action.get("sending_state") == "draft" else ""
            return f"sends {channel(action.get('type'))}{draft}"
        case StepKind.WAIT if raw.get("max_delay"):
            least, most = int(raw.get("min_delay") or 0), int(raw["max_delay"])
            return f"waits between {words.span(least)} and {words.span(most)}, by chance"
        case StepKind.WAIT:
            return f"waits {words.span(int(action.get('delay') or 0))}"
        case StepKind.WINDOW:
            return _window(raw)
        case StepKind.WAIT_UNTIL:
            most = int(action.get("delay") or 0)
            return (
                f"waits until a condition is met, {words.span(most)} at most" if most else "waits until met"
            )
        case StepKind.BRANCH:
            said = [words.condition(parse(one), names) for one in _conditions(action) if one is not None]
            return f"splits by: {'; '.join(said)}" if said else "splits by a condition that cannot be read"
        case StepKind.LANGUAGES:
            languages = raw.get("languages")
            listed = f": {', '.join(map(str, languages))}" if isinstance(languages, list) else ""
            return f"splits by language{listed}"
        case StepKind.SPLIT:
            return "splits by chance"
        case StepKind.UPDATE if raw.get("attribute_name"):
            return f"sets {raw['attribute_name']} to “{raw.get('attribute_value')}”"
        case StepKind.UPDATE:
            return "sets attributes"
        case StepKind.SEGMENT:
            id = raw.get("segment_id")
            return (
                f"changes segment {id} “{names.get(str(id), '')}”" if id is not None else "changes a segment"
            )
        case StepKind.EVENT:
            return f"creates the event {action.get('event_name')}"
        case StepKind.GATE:
            return "waits until the filters match"
        case StepKind.EXIT:
            return "ends"
    return str(action.get("type"))


def _window(raw: Record) -> str:
    days = raw.get("days")
    on = f" on {', '.join(map(str, days))}" if isinstance(days, list) and days else ""
    zone = str(raw.get("zone") or "")
    zone = "the time zone of the person" if zone == "customer_time_zone" else zone
    between = f"between {raw.get('start_time')} and {raw.get('end_time')}"
    fallback = f" (else {raw['fallback_zone']})" if raw.get("fallback_zone") else ""
    return f"waits for a time {between}{on}, {zone}{fallback}"
