"""Journeys: campaigns with their whole graph, as they are drawn in the workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from singer_sdk import typing as th

from tap_customerio.sizes import Sizes
from tap_customerio.streams.base import FREE_FORM, PERSONAL, TEXTS, any_of, prop
from tap_customerio.streams.campaigns import Broadcasts, Campaigns
from tap_customerio.streams.ui_api.base import CONDITIONS, RAW, UNDECODED, UiStream
from tap_customerio.ui_api import UiClient, conditions, graph
from tap_customerio.values import Record

_PER_PAGE = 20  # the API's own; another size is not known to be obeyed
# What starts a journey, by any kind of trigger.
_ENTRY = {
    "anchors", "attribute_filters", "audience", "date_triggered_attribute", "date_triggered_frequency",
    "event", "event_type", "fallback_zone", "filters", "lead_days", "object_attribute_triggers",
    "object_campaign", "recipients_filter", "relationship_attribute_triggers", "relationship_campaign",
    "start_time", "trigger", "webhook_id", "zone",
}  # fmt: skip
_KEYS = _ENTRY | {
    "actions", "archived", "conversion", "conversion_type", "created", "description", "edges",
    "exit_on_trigger_or_filter_not_matched", "first_started", "global_exit_conditions", "id", "name",
    "restart_mode", "state", "tags", "type", "updated", "use_message_limits", "workflow_action_ids",
}  # fmt: skip
_ACTION_KEYS = {
    "action_ids", "action_state", "allocations", "attribute_name", "attribute_value", "can_convert",
    "cohort_names", "cohorts", "conditions", "created", "days", "delay", "end_time", "event_name",
    "exit_type", "fallback_zone", "frequency_cap_mode", "has_content", "has_subject", "has_url", "hostname",
    "id", "max_delay", "min_delay", "multi_conditions", "name", "preconditions", "request_method",
    "send_to_unsubscribed", "sending_state", "split_state", "start_time", "started", "sub_type", "subject",
    "template_id", "tracked", "type", "updated", "zone",
}  # fmt: skip
_EDGE_KEYS = {"from", "to", "type", "index"}
_NOTHING: tuple[Any, ...] = (None, "", [], {})


def answers(stream: UiStream) -> Iterator[Record]:
    """`{campaign, actions}` of every campaign, asked for once in a run however many streams need it."""

    def found() -> Iterator[Record]:
        pages = stream.api.pages("/campaigns", "campaigns", _id, query={"size": _PER_PAGE})
        listed = stream.identified(pages)
        for answer in stream.api.map(lambda one: stream.some(lambda: _whole(stream.api, one)), listed):
            if answer is not None:
                yield answer

    return stream.run.shelf.read("journeys", found)


def _id(found: Any) -> object:
    return found.get("id") if isinstance(found, dict) else None


def _whole(api: UiClient, listed: Record) -> Record:
    answer = api.get("/campaigns/{campaign}", {"campaign": listed["id"]})
    answer = answer if isinstance(answer, dict) else {}
    campaign = answer.get("campaign")
    # What the list says stands where the whole answer does not say it.
    return answer | {"campaign": listed | (campaign if isinstance(campaign, dict) else {})}


def _actions(answer: Record) -> list[Record]:
    """Beside the campaign; the list inside of it was seen to be empty."""
    for found in (answer.get("actions"), answer["campaign"].get("actions")):
        if isinstance(found, list) and found:
            return [action for action in found if isinstance(action, dict)]
    return []


def _campaigns(sizes: Sizes) -> int | None:
    """How many campaigns there are here: API-triggered broadcasts are some."""
    counts = [sizes.length(kind) for kind in (Campaigns, Broadcasts)]
    return None if None in counts else sum(filter(None, counts))


class JourneyStream(UiStream):
    """A stream out of the campaigns' answers."""

    def read(self) -> Iterable[Record]:
        """The records of every campaign."""
        for answer in answers(self):
            yield from self.records(answer)

    def calls(self, sizes: Sizes) -> int | None:
        """None beyond those of the journeys."""
        del sizes
        return 0

    def records(self, answer: Record) -> Iterable[Record]:
        """The records of one campaign."""
        raise NotImplementedError

    def decoded(self, found: Record) -> Record:
        """The conditions of an object as fields; what is unknown in them is counted."""
        whole, broken = conditions.decoded(found)
        self.line.unknown.update(conditions.unknown(list(whole.values())))
        self.line.unknown.update(f"undecodable {name}" for name in broken)
        return {"conditions": whole, "undecoded": broken}

    def note(self, what: str, name: object, known: set[str]) -> None:
        """Count a name that is not known."""
        if str(name) not in known:
            self.line.unknown[f"{what} {str(name)[:80]}"] += 1


class Journeys(JourneyStream):
    """Campaigns with what lets people in and out."""

    name = "journeys"
    description = "Campaigns with entry, exit and goal, as the user interface has them."
    primary_keys = ("id",)
    fields = (
        prop("id", th.StringType, "Number of the campaign, as text.", key=True),
        prop("name", th.StringType, "Name."),
        prop("description", th.StringType, "Description."),
        prop("type", th.StringType, "Kind of trigger, such as `seg_attr`, `transactional` (event), `date`."),
        prop("state", th.StringType, "`draft`, `running`, `stopping`, `stopped`, `sunsetting`, …"),
        prop("created", th.IntegerType, "Unix seconds."),
        prop("updated", th.IntegerType, "Unix seconds."),
        prop("event", th.StringType, "Event or form that starts it."),
        prop("restart_mode", th.StringType, "`rematch`: people may enter again."),
        prop("entry", FREE_FORM, "All that decides who enters, conditions decoded."),
        prop("exit_conditions", any_of("array", "object", "string"), "What makes people leave early."),
        prop("exit_on_mismatch", th.BooleanType, "Whether those leave who no longer match."),
        prop("goal", FREE_FORM, "`conversion` and `conversion_type`, as the API sends them."),
        prop("workflow_action_ids", TEXTS, "Actions in the order of old; no graph."),
        prop("root_action_ids", TEXTS, "Actions that no edge leads to: the beginning."),
        prop("edges_inferred", th.BooleanType, "True if the API sent no edges and their order was taken."),
        prop("actions", th.IntegerType, "How many actions it has."),
        prop("edges", th.IntegerType, "How many edges it has."),
        CONDITIONS,
        UNDECODED,
        RAW,
    )

    def calls(self, sizes: Sizes) -> int | None:
        """One for each campaign; actions and edges come along."""
        return _campaigns(sizes)

    def records(self, answer: Record) -> Iterator[Record]:
        """One."""
        campaign, actions = answer["campaign"], _actions(answer)
        found, inferred = graph.edges(campaign, actions, answer)
        for name in campaign:
            self.note("key of a campaign", name, _KEYS)
        known = self.decoded(campaign)
        order = graph.whole(campaign.get("workflow_action_ids"))
        entry = {name: known["conditions"].get(name, campaign[name]) for name in campaign if _enters(name)}
        goal = {name: campaign.get(name) for name in ("conversion", "conversion_type")}
        yield self.made(
            campaign,
            **known,
            entry={name: value for name, value in entry.items() if value not in _NOTHING},
            exit_conditions=known["conditions"].get("global_exit_conditions"),
            exit_on_mismatch=campaign.get("exit_on_trigger_or_filter_not_matched"),
            goal=goal if any(value is not None for value in goal.values()) else None,
            root_action_ids=graph.roots(actions, found, order),
            edges_inferred=inferred and bool(found),
            actions=len(actions),
            edges=len(found),
        )


def _enters(name: str) -> bool:
    return name in _ENTRY or name.startswith("date_triggered_")


class JourneyActions(JourneyStream):
    """Everything on the canvas: messages, delays, branches, updates, exits, and what nobody knows yet."""

    name = "journey_actions"
    description = "Actions of campaigns of every type, known or not."
    primary_keys = ("journey_id", "id")
    fields = (
        prop("journey_id", th.StringType, "Number of the campaign, as text.", key=True),
        prop("id", th.StringType, "Number of the action, as text.", key=True),
        prop("position", th.IntegerType, "Place in the API's list, from 0."),
        prop("type", th.StringType, "Such as `email_action`, `delay_seconds_action`, `exit_action`."),
        prop("sub_type", th.StringType, "Narrower type."),
        prop("known", th.BooleanType, "Whether the type is one of which the meaning is known."),
        prop("name", th.StringType, "Name."),
        prop("action_state", th.StringType, "State."),
        prop("sending_state", th.StringType, "`automatic` or `draft`."),
        prop("template_id", th.StringType, "Template of a message, in `templates`."),
        prop("delay", th.IntegerType, "Seconds to wait, or until a wait ends."),
        prop(
            "event_name", th.StringType, "Event that it creates; it may start another journey, or this one."
        ),
        prop("created", th.IntegerType, "Unix seconds."),
        prop("updated", th.IntegerType, "Unix seconds."),
        CONDITIONS,
        UNDECODED,
        RAW,
    )

    def records(self, answer: Record) -> Iterator[Record]:
        """All actions of a campaign."""
        for position, action in enumerate(_actions(answer)):
            kind = str(action.get("type"))
            self.note("action type", kind, graph.ACTION_TYPES)
            if kind in graph.ACTION_TYPES:  # of an unknown type, every key may be new
                for name in action:
                    self.note(f"key of {kind}", name, _ACTION_KEYS)
            yield self.made(
                action,
                **self.decoded(action),
                journey_id=str(answer["campaign"]["id"]),
                position=position,
                known=kind in graph.ACTION_TYPES,
            )


class JourneyEdges(JourneyStream):
    """The way from action to action, each with its branch and what it takes to go that way."""

    name = "journey_edges"
    description = "Edges of campaigns, with the meaning of each branch."
    primary_keys = ("journey_id", "id")
    fields = (
        prop("journey_id", th.StringType, "Number of the campaign, as text.", key=True),
        prop("id", th.StringType, "`from:type:index:to`.", key=True),
        prop("position", th.IntegerType, "Place in the API's list, from 0."),
        prop("from", th.StringType, "Action that it leaves."),
        prop("to", th.StringType, "Action that it leads to."),
        prop("type", th.StringType, "`continue` or `branch`."),
        prop("index", th.IntegerType, "Number of the branch, from 0."),
        prop("label", th.StringType, "`matched`, `not matched`, `default`, `timeout`, or a cohort's name."),
        prop("condition", any_of("array", "object", "string"), "Condition of the branch, decoded."),
        prop("share_percent", th.NumberType, "Share of a random branch, as it is now."),
        prop("wait_seconds", th.IntegerType, "Seconds after which a wait ends this way; 0 for never."),
        prop("inferred", th.BooleanType, "True if the API sent no edges, and the actions' order was taken."),
        RAW,
    )

    def records(self, answer: Record) -> Iterator[Record]:
        """All edges of a campaign."""
        actions = _actions(answer)
        found, inferred = graph.edges(answer["campaign"], actions, answer)
        ids = {graph.text(action.get("id")) for action in actions}
        seen: Counter[str] = Counter()
        for position, edge in enumerate(found):
            for name in edge["raw"] or ():
                self.note("key of an edge", name, _EDGE_KEYS)
            self.note("edge type", edge["type"], graph.EDGE_TYPES)
            if edge["from"] not in ids or edge["to"] not in ids:
                self.line.unknown["edge of an action that is not listed"] += 1
            id = ":".join(str(edge[name] if edge[name] is not None else "") for name in _ID)
            seen[id] += 1
            yield edge | {
                "journey_id": str(answer["campaign"]["id"]),
                "id": id if seen[id] == 1 else f"{id}:{seen[id]}",
                "position": position,
                "inferred": inferred,
            }


_ID = ("from", "type", "index", "to")


class JourneyChildStream(UiStream):
    """A list of each campaign: one more request each."""

    path = ""
    root = ""

    def read(self) -> Iterable[Record]:
        """The lists of all campaigns, side by side."""
        ids = [str(answer["campaign"]["id"]) for answer in answers(self)]
        for id, found in zip(ids, self.api.map(self._of, ids), strict=True):
            for place, one in enumerate(found or ()):
                yield self.record(id, place, one)

    def calls(self, sizes: Sizes) -> int | None:
        """One for each campaign."""
        return _campaigns(sizes)

    def _of(self, id: str) -> list[Any] | None:
        listed: list[Any] | None = self.some(lambda: self.api.listed(self.path, self.root, {"campaign": id}))
        return listed

    def record(self, journey: str, place: int, found: Any) -> Record:
        """What becomes of a row."""
        whole = found if isinstance(found, dict) else {}
        return self.made(found, journey_id=journey, id=str(whole.get("id", place)))


class JourneyNotes(JourneyChildStream):
    """What people wrote on the canvas."""

    name = "journey_notes"
    description = "Notes on the canvas of campaigns."
    primary_keys = ("journey_id", "id")
    path = "/campaigns/{campaign}/notes"
    root = "notes"
    fields = (
        prop("journey_id", th.StringType, "Number of the campaign, as text.", key=True),
        prop("id", th.StringType, "Number of the note, as text; its place where it has none.", key=True),
        prop("text", th.StringType, "What it says."),
        prop("action_id", th.StringType, "Action that it stands by."),
        prop("on_trigger", th.BooleanType, "True if it stands by the trigger."),
        RAW,
    )

    def record(self, journey: str, place: int, found: Any) -> Record:
        """A note with the action that it stands by; -1 is the trigger."""
        whole = found if isinstance(found, dict) else {"text": str(found)}
        position = whole.get("position")
        beside = position.get("relative_to") if isinstance(position, dict) else None
        id = graph.text(beside.get("id")) if isinstance(beside, dict) else None
        said = next((whole[name] for name in ("text", "body", "content", "note") if whole.get(name)), None)
        made = super().record(journey, place, whole)
        return made | {
            "text": graph.text(said),
            "action_id": None if id == "-1" else id,
            "on_trigger": id == "-1",
        }


class JourneyVersions(JourneyChildStream):
    """What a campaign was before: a request per campaign, so not selected by default."""

    name = "journey_versions"
    description = f"Earlier versions of campaigns; one request per campaign. {PERSONAL}"
    primary_keys = ("journey_id", "id")
    selected_by_default = False
    path = "/campaigns/{campaign}/versions"
    root = "versions"
    fields = (
        prop("journey_id", th.StringType, "Number of the campaign, as text.", key=True),
        prop("id", th.StringType, "Number of the version, as text; its place where it has none.", key=True),
        prop("created", th.IntegerType, "Unix seconds."),
        RAW,
    )


class JourneySubjects(JourneyChildStream):
    """Who is in a campaign now, and where: not selected by default."""

    name = "journey_subjects"
    description = f"People who are in campaigns, and what they wait for; one request per campaign. {PERSONAL}"
    primary_keys = ("journey_id", "id")
    selected_by_default = False
    path = "/subjects"
    root = "subjects"
    fields = (
        prop("journey_id", th.StringType, "Number of the campaign, as text.", key=True),
        prop("id", th.StringType, "Id of the way through it; its place where it has none.", key=True),
        prop("cio_id", th.StringType, "Customer.io's id of the person, where the API says it."),
        prop("subject_state", th.StringType, "`active` or `finished`."),
        prop("match_time", th.IntegerType, "When the person entered, unix seconds."),
        prop("next_action_id", th.StringType, "Action that comes next."),
        prop("next_wake_up", th.IntegerType, "When, unix seconds."),
        RAW,
    )

    def _of(self, id: str) -> list[Any] | None:
        def found() -> list[Any]:
            return list(self.api.pages(self.path, self.root, _known_by, query={"campaign_id": id}))

        listed: list[Any] | None = self.some(found)
        return listed

    def record(self, journey: str, place: int, found: Any) -> Record:
        """Keyed by the internal id of the person, under one of several names."""
        made = super().record(journey, place, found)
        whole = found if isinstance(found, dict) else {}
        names = ("cio_id", "internal_customer_id", "customer_id")
        return made | {"cio_id": next((str(whole[name]) for name in names if whole.get(name)), None)}


def _known_by(found: Any) -> str:
    return str(found.get("id") or sorted(found.items(), key=str)) if isinstance(found, dict) else str(found)
