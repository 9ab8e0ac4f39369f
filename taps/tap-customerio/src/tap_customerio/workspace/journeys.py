"""The campaigns as the UI API shows them: the same ids, names and messages, with the graph between them.

Shapes of this API are not published. Inferred: `languages` of a branch by language, the goal of the third
campaign, the 2017 split, and by intent all of the action type that nobody knows.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from tap_customerio.workspace.model import JSON

_DAY = 86_400
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]
_TYPES = {
    "email": "email_action",
    "twilio": "twilio_action",
    "push": "push_action",
    "webhook": "webhook_action",
}


def encoded(condition: object) -> str:
    """The text form of a condition: base64 of its percent-encoded JSON."""
    return b64encode(quote(json.dumps(condition, ensure_ascii=False), safe="").encode()).decode()


def attribute(field: str, operator: str, value: object = None) -> JSON:
    """A condition of an action on an attribute of the person."""
    found: JSON = {"type": "attribute", "field": field, "operator": operator}
    return found if value is None else found | {"value": value}


class Canvas:
    """A campaign while it is drawn: messages are those of the App API, all else is numbered here."""

    def __init__(self, campaign: JSON, messages: Sequence[JSON], now: int) -> None:
        self.id = int(campaign["id"])
        self.now = now
        self.actions: list[JSON] = []
        self.edges: list[JSON] = []
        self.messages = [self._message(message) for message in messages]
        self._next = self.id * 1000

    def _message(self, message: JSON) -> JSON:
        return {
            "id": message["id"],
            "type": _TYPES[message["type"]],
            "name": message["name"],
            "created": message["created"],
            "updated": message["updated"],
            "action_state": "active",
            "preconditions": "",
            "sending_state": message["sending_state"],
            "template_id": message["id"] + 5000,
            "tracked": True,
        }

    def message(self, place: int) -> str:
        """Draw a message; its id."""
        self.actions.append(self.messages[place])
        return str(self.messages[place]["id"])

    def rest(self, first: int) -> list[str]:
        """Draw the messages from a place on; their ids."""
        return [self.message(place) for place in range(first, len(self.messages))]

    def add(self, kind: str, **keys: Any) -> str:
        """Draw any other action; its id."""
        self._next += 1
        times = {"created": self.now - 420 * _DAY, "updated": self.now - 2 * _DAY}
        self.actions.append({"id": self._next, "type": kind, "name": "", **times, **keys})
        return str(self._next)

    def line(self, *ids: str) -> None:
        """One after the other."""
        for before, after in pairwise(ids):
            self.edges.append({"from": before, "to": after, "type": "continue"})

    def branches(self, of: str, *to: str) -> None:
        """Ways out of a branch, in their order."""
        for index, id in enumerate(to):
            self.edges.append({"from": of, "to": id, "type": "branch", "index": index})

    def done(self) -> JSON:
        """What of a campaign comes from its canvas."""
        return {"workflow_action_ids": [action["id"] for action in self.actions], "edges": self.edges}


def _languages(canvas: Canvas) -> JSON:
    """A branch by language that joins again."""
    branch = canvas.add("multi_lang_branch_action", languages=["en", "de"])
    english, german = canvas.message(0), canvas.message(1)
    canvas.branches(branch, english, german)
    after = [*canvas.rest(2), canvas.add("exit_action")]
    canvas.line(english, after[0])
    canvas.line(german, *after)
    return {
        "type": "seg_attr",
        "trigger": {"and": [{"segment": {"id": 2}}, {"or": [
            {"attribute": {"field": "plan", "operator": "exists"}},
            {"segment": {"id": 7}, "inverse": True},
        ]}]},
    }  # fmt: skip


def _linear(canvas: Canvas) -> JSON:
    """Messages with delays between them, of three kinds, and a window."""
    window = {"start_time": "09:00", "end_time": "17:00", "days": _WEEKDAYS, "zone": "customer_time_zone"}
    ids = []
    for place in range(len(canvas.messages)):
        if place == 1:
            ids.append(canvas.add("delay_time_window_action", fallback_zone="Europe/Berlin", **window))
        elif place == 2:
            ids.append(canvas.add("randomized_delay_action", min_delay=3600, max_delay=2 * 3600))
        elif place:
            ids.append(canvas.add("delay_seconds_action", delay=place * _DAY))
        ids.append(canvas.message(place))
    canvas.line(*ids, canvas.add("exit_action"))
    return {
        "type": "transactional",
        "event": "order_placed",
        "attribute_filters": {"and": [{"field": "total", "operator": "gt", "value": "50"}]},
        "restart_mode": "rematch",
    }


def _true_false(canvas: Canvas) -> JSON:
    """An old segment trigger with its hidden gate, and a branch whose ways meet again."""
    gate = canvas.add("filter_match_delay_action")
    test = canvas.add("conditional_branch_action", conditions=encoded([attribute("plan", "eq", "pro")]))
    yes, no = canvas.message(0), canvas.add("delay_seconds_action", delay=3600)
    canvas.line(gate, test)
    canvas.branches(test, yes, no)
    after = [*canvas.rest(1), canvas.add("exit_action")]
    canvas.line(yes, after[0])
    canvas.line(no, *after)
    return {
        "type": "behavioral",
        "anchors": encoded([{"type": "segments_negatable", "segments": [4], "negate": False}]),
        "filters": encoded([{"type": "segments_negatable", "segments": [8], "negate": False}]),
        "conversion": {"segment": 3},
        "conversion_type": "segment",
    }


def _multi_split(canvas: Canvas) -> JSON:
    """Two conditions, one in each wire form and one beyond ASCII, and the way of all others."""
    conditions = [
        encoded([attribute("city", "eq", "Köln"), attribute("lead_score", "gt", "50")]),
        [{"type": "event_attribute", "field": "total", "operator": "bw", "value": "10", "value2": "20"}],
    ]
    split = canvas.add("multi_split_branch_action", multi_conditions=conditions)
    first, second = canvas.message(0), canvas.message(1)
    other = canvas.add("attribute_update_action", attribute_name="segment_of", attribute_value="others")
    canvas.branches(split, first, second, other)
    after = [*canvas.rest(2), canvas.add("exit_action")]
    for way in (first, second):
        canvas.line(way, after[0])
    canvas.line(other, *after)
    return {"type": "transactional", "event": "order_placed", "attribute_filters": {}}


def _cohorts(canvas: Canvas) -> JSON:
    """Half and half."""
    names = {"cohorts": [500, 500], "cohort_names": ["Offer", "Kein Angebot ✂"]}
    cohort = canvas.add("random_cohort_branch_action", **names)
    offer, nothing = canvas.message(0), canvas.add("static_seg_update_action", segment_id=12)
    canvas.branches(cohort, offer, nothing)
    after = [*canvas.rest(1), canvas.add("exit_action")]
    canvas.line(offer, after[0])
    canvas.line(nothing, *after)
    return {"type": "seg_attr", "trigger": {"segment": {"id": 6}}}


def _wait(canvas: Canvas) -> JSON:
    """A wait that times out into an event that starts the campaign again: a loop without an edge back."""
    waited = [
        encoded([{"type": "foreign_event", "field": "name", "operator": "eq", "value": "invoice_paid"}])
    ]
    keys = {"multi_conditions": waited, "delay": 3 * _DAY, "exit_type": "continue"}
    first, wait = canvas.message(0), canvas.add("conditional_wait_action", **keys)
    paid, again = canvas.message(1), canvas.add("create_event_action", event_name="order_placed")
    ends = [canvas.add("exit_action"), canvas.add("exit_action")]
    canvas.line(first, wait)
    canvas.branches(wait, paid, again)
    canvas.line(paid, *canvas.rest(2), ends[0])
    canvas.line(again, ends[1])
    return {"type": "transactional", "event": "order_placed", "restart_mode": "rematch"}


def _legacy(canvas: Canvas) -> JSON:
    """As drawn in 2017: a split that names its variants, an order, and no edges."""
    gate = canvas.add("filter_match_delay_action")
    variants = [canvas.message(0), canvas.message(1)]
    keys = {"allocations": [50, 50], "split_state": "running"}
    split = canvas.add("split_randomized_action", action_ids=[int(id) for id in variants], **keys)
    order = [gate, split, *canvas.rest(2), canvas.add("exit_action")]
    segments = [{"type": "segments_negatable", "segments": [8], "negate": False}]
    return {
        "type": "behavioral",
        "anchors": encoded(segments),
        "workflow_action_ids": [int(id) for id in order],
        "edges": None,
    }


def _exits(canvas: Canvas) -> JSON:
    """Each branch ends by itself."""
    condition = encoded([{"type": "segments_negatable", "segments": [3], "negate": True}])
    test = canvas.add("conditional_branch_action", conditions=condition)
    yes, no = canvas.message(0), canvas.message(1)
    canvas.branches(test, yes, no)
    canvas.line(yes, *canvas.rest(2), canvas.add("exit_action"))
    canvas.line(no, canvas.add("exit_action"))
    return {
        "type": "transactional",
        "event": "order_placed",
        "global_exit_conditions": [{"event": {"etype": 3}}, {"segment": {"id": 3}}],
        "exit_on_trigger_or_filter_not_matched": True,
    }


def _future(canvas: Canvas) -> JSON:
    """What nobody knows yet: an action type, keys, an operator, a type of edge."""
    keys = {"orbit": {"depth": 3, "names": ["ß", "λ"]}, "hyper_conditions": encoded([{"x": 1}])}
    odd = canvas.add("quantum_action", **keys)
    strange = encoded([attribute("bio", "sounds_like", "müller"), {"type": "mood", "field": "today"}])
    test = canvas.add("conditional_branch_action", conditions=strange, glow="dim")
    yes, no = canvas.message(0), canvas.add("exit_action")
    canvas.edges.append({"from": odd, "to": test, "type": "tunnel", "index": 7, "probability": 0.5})
    canvas.branches(test, yes, no)
    canvas.line(yes, *canvas.rest(1), no)
    return {"type": "seg_attr", "trigger": {"segment": {"id": 10}}, "phase": "new moon"}


def _undecodable(canvas: Canvas) -> JSON:
    """Exit conditions that are null, and a text that nothing can be made of."""
    broken = canvas.add("conditional_branch_action", conditions="%%not base64%%")
    yes, no = canvas.message(0), canvas.add("exit_action")
    canvas.branches(broken, yes, no)
    canvas.line(yes, *canvas.rest(1), no)
    return {"type": "transactional", "event": "order_placed", "global_exit_conditions": None}


def _plain(canvas: Canvas) -> JSON:
    """Nothing but its messages."""
    canvas.line(*canvas.rest(0), canvas.add("exit_action"))
    return {"type": "seg_attr", "trigger": {"segment": {"id": 1}}}


_DRAWN = {
    1: _languages, 2: _linear, 3: _true_false, 4: _multi_split, 5: _cohorts, 6: _wait, 7: _legacy, 8: _exits,
    9: _future, 10: _undecodable,
}  # fmt: skip
_SHARED = ("id", "name", "description", "state", "created", "updated", "first_started", "tags")


def campaign(found: JSON, messages: Sequence[JSON], now: int) -> JSON:
    """A campaign of the App API with its graph: `{campaign, actions}`."""
    canvas = Canvas(found, messages, now)
    return _journey(found, canvas, _DRAWN.get(found["id"], _plain)(canvas))


def broadcast(found: JSON, messages: Sequence[JSON], now: int) -> JSON:
    """An API-triggered broadcast, which is a campaign here."""
    canvas = Canvas(found, messages, now)
    _plain(canvas)
    recipients = {"and": [{"segment": {"id": 1}}]}
    return _journey(found, canvas, {"type": "triggered_broadcast", "recipients_filter": recipients})


def _journey(found: JSON, canvas: Canvas, trigger: JSON) -> JSON:
    shared = {name: found.get(name) for name in _SHARED}
    return {"campaign": {**shared, **canvas.done(), **trigger}, "actions": canvas.actions}
