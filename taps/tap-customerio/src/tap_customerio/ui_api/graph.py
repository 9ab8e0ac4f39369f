"""The edges of a journey, each with what its branch means, out of a campaign and its actions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

from tap_customerio.ui_api.conditions import decoded
from tap_customerio.values import Record

ACTION_TYPES = {
    "attribute_update_action", "batch_update_action", "collection_query_action", "conditional_branch_action",
    "conditional_wait_action", "create_event_action", "delay_action", "delay_seconds_action",
    "delay_time_window_action", "email_action", "exit_action", "filter_match_delay_action",
    "grace_period_action", "in_app_action", "llm_action", "multi_lang_branch_action",
    "multi_split_branch_action", "push_action", "random_cohort_branch_action", "randomized_delay_action",
    "slack_action", "split_randomized_action", "static_seg_update_action", "trigger", "twilio_action",
    "webhook_action", "whatsapp_action",
}  # fmt: skip
EDGE_TYPES = {"continue", "branch"}


def text(id: Any) -> str | None:
    """An id as text, which it is in some answers and a number in others."""
    return None if id is None else str(id)


def whole(value: Any) -> list[Any]:
    """A list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def drawn_edges(campaign: Record, answer: Record) -> list[Record]:
    """The edges as the API sends them: on the campaign, or beside it."""
    for found in (campaign.get("edges"), answer.get("edges")):
        if isinstance(found, list) and found:
            return [edge for edge in found if isinstance(edge, dict)]
    return []


def inferred_edges(campaign: Record, actions: Sequence[Record]) -> list[Record]:
    """Edges of an old campaign that has none: one action after the other, in the campaign's order.

    A randomized split of that time names its variants, which stand beside each other and go on together.
    """
    by_id = {text(action.get("id")): action for action in actions}
    order = [text(id) for id in whole(campaign.get("workflow_action_ids"))] or list(by_id)
    variants = {id: _variants(action) for id, action in by_id.items()}
    beside = {variant for found in variants.values() for variant in found}
    line = [id for id in order if id is not None and id not in beside]
    edges: list[Record] = []
    for here, following in zip_longest(line, line[1:]):
        split = variants.get(here, [])
        edges += [{"from": here, "to": to, "type": "branch", "index": n} for n, to in enumerate(split)]
        if following is not None:
            edges += [{"from": one, "to": following, "type": "continue"} for one in split or [here]]
    return edges


def edges(campaign: Record, actions: Sequence[Record], answer: Record) -> tuple[list[Record], bool]:
    """The edges of a journey with their meaning; and whether they had to be inferred.

    Each is `{from, to, type, index, label, condition, share_percent, wait_seconds}` with its `raw` form.
    """
    drawn = drawn_edges(campaign, answer)
    by_id = {text(action.get("id")): action for action in actions}
    found = drawn or inferred_edges(campaign, actions)
    last = _last_branches(found)
    return [
        {
            "from": text(edge.get("from")),
            "to": text(edge.get("to")),
            "type": text(edge.get("type")),
            "index": _index(edge),
            "label": None,
            "condition": None,
            "share_percent": None,
            "wait_seconds": None,
            "raw": edge if drawn else None,
            **_meaning(by_id.get(text(edge.get("from"))) or {}, edge, last.get(text(edge.get("from")))),
        }
        for edge in found
    ], not drawn


def roots(actions: Iterable[Record], found: Sequence[Record], order: Sequence[Any]) -> list[str]:
    """Where a journey begins: actions that no edge leads to, or the first by order where all are led to."""
    reached = {edge["to"] for edge in found}
    ids = [id for action in actions if (id := text(action.get("id"))) is not None]
    free = [id for id in ids if id not in reached]
    first = [id for id in map(text, order) if id in ids] or ids
    return [id for id in free if id is not None] or [id for id in first[:1] if id is not None]


def _variants(action: Record) -> list[str]:
    if action.get("type") != "split_randomized_action":
        return []
    return [id for id in map(text, whole(action.get("action_ids"))) if id is not None]


def _index(edge: Record) -> int | None:
    index = edge.get("index")
    return int(index) if isinstance(index, (int, str)) and str(index).isdecimal() else None


def _last_branches(found: Iterable[Record]) -> dict[str | None, int]:
    """The highest index of the branches that leave each action."""
    last: dict[str | None, int] = {}
    for edge in found:
        index = _index(edge)
        if edge.get("type") == "branch" and index is not None:
            last[text(edge.get("from"))] = max(index, last.get(text(edge.get("from")), 0))
    return last


def _meaning(action: Record, edge: Record, last: int | None) -> Record:
    """What it takes to go this way."""
    index = _index(edge)
    if edge.get("type") != "branch" or index is None:
        return {}
    conditions = decoded(action)[0]
    match action.get("type"):
        case "conditional_branch_action":
            label = ("matched", "not matched")[index] if index < 2 else None
            return {"label": label, "condition": conditions.get("conditions") if index == 0 else None}
        case "multi_split_branch_action":
            condition = _at(conditions.get("multi_conditions"), index)
            known = len(whole(action.get("multi_conditions")))
            return {
                "label": "default" if index >= known else f"condition {index + 1}",
                "condition": condition,
            }
        case "conditional_wait_action" if index > 0 and index == last:
            return {"label": "timeout", "wait_seconds": _whole(action.get("delay"))}
        case "conditional_wait_action":
            waited = conditions.get("multi_conditions")
            # As many ways on as conditions, or one for whichever of them is met.
            condition = _at(waited, index) if len(whole(waited)) == last else waited
            return {"label": "matched", "condition": condition}
        case "random_cohort_branch_action":
            share = _at(action.get("cohorts"), index)  # tenths of a percent
            share = share / 10 if isinstance(share, (int, float)) else None
            return {"label": _at(action.get("cohort_names"), index), "share_percent": share}
        case "split_randomized_action":
            return {"label": f"variant {index + 1}", "share_percent": _at(action.get("allocations"), index)}
    return {}


def _at(values: Any, index: int) -> Any:
    return values[index] if isinstance(values, list) and index < len(values) else None


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, str)) and str(value).isdecimal() else None
