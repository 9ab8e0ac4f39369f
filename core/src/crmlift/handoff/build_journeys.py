"""Items of campaigns and API-triggered broadcasts, each with its way as far as it is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlift.handoff import read_journey, words
from crmlift.handoff.build_content import audience, messages, metrics, moment, sent
from crmlift.handoff.conditions import InSegment
from crmlift.handoff.gather import Gathered, members_file
from crmlift.handoff.journey import Journey, StepKind
from crmlift.handoff.model import Audience, Fact, Item, Kind, Message, Table

Record = dict[str, Any]
_BROADCAST = "triggered_broadcast"


def campaigns(gathered: Gathered, names: Mapping[str, str]) -> list[Item]:
    """Return an item for each campaign, of whichever route knows it."""
    return _items(Kind.CAMPAIGN, "campaigns", "campaign", gathered, names)


def broadcasts(gathered: Gathered, names: Mapping[str, str]) -> list[Item]:
    """Return an item for each API-triggered broadcast, which the user interface has as a campaign."""
    return _items(Kind.BROADCAST, "broadcasts", "broadcast", gathered, names)


def _items(kind: Kind, stream: str, what: str, gathered: Gathered, names: Mapping[str, str]) -> list[Item]:
    known = {str(found["id"]): found for found in gathered.documents[stream]}
    is_broadcast = kind is Kind.BROADCAST
    drawn = {
        str(found["id"]): found
        for found in gathered.documents["journeys"]
        if (found.get("type") == _BROADCAST) is is_broadcast
    }
    return [
        _item(kind, what, known.get(id), drawn.get(id), gathered, names)
        for id in dict.fromkeys([*known, *drawn])
    ]


def _item(
    kind: Kind,
    what: str,
    campaign: Record | None,
    drawn: Record | None,
    gathered: Gathered,
    names: Mapping[str, str],
) -> Item:
    found: Record = campaign or drawn or {}
    id = str(found["id"])
    contents = gathered.of(f"{what}_actions", f"{what}_id", id)
    journey = _journey(id, found, campaign, drawn, contents, gathered, names)
    listed = messages(contents) or _from_templates(journey, gathered)
    subjects = gathered.counted["journey_subjects"][id]
    triggers = gathered.of("broadcast_triggers", "broadcast_id", id) if kind is Kind.BROADCAST else []
    return Item(
        kind=kind,
        id=id,
        name=str(found.get("name") or f"{what.title()} {id}"),
        description=str(found.get("description") or ""),
        state=str(found.get("state") or ""),
        facts=[
            Fact(label="Starts with", value=journey.trigger.words),
            Fact(label="Channels", value=_channels(journey, listed)),
            Fact(label="Languages", value=_languages(listed)),
            Fact(label="People may enter again", value=_again(journey.again)),
            *([Fact(label="People in it now", value=f"{subjects:,}")] if subjects else []),
            *([Fact(label="Goal", value=journey.goal)] if journey.goal else []),
            *([Fact(label="Leaves early when", value="; ".join(journey.exits))] if journey.exits else []),
            *([Fact(label="Tags", value=", ".join(found["tags"]))] if found.get("tags") else []),
            *moment("First started", found.get("first_started")),
            *moment("Changed", found.get("updated")),
            *sent(gathered, f"{what}_id", id),
        ],
        statements=_statements(kind, journey),
        journey=journey,
        audience=_audience(journey, gathered, names),
        messages=listed,
        metrics=metrics(
            [
                *gathered.of(f"{what}_metrics", f"{what}_id", id),
                *gathered.of("journey_metrics", "campaign_id", id),
            ]
            if kind is Kind.CAMPAIGN
            else gathered.of("broadcast_metrics", "broadcast_id", id)
        ),
        tables=[
            *_segments(journey, gathered, names),
            *_notes(gathered.of("journey_notes", "journey_id", id), journey),
            *_runs(triggers),
        ],
        tasks=_tasks(kind, journey, str(found.get("state") or "")),
    )


def _journey(
    id: str,
    found: Record,
    campaign: Record | None,
    drawn: Record | None,
    contents: list[Record],
    gathered: Gathered,
    names: Mapping[str, str],
) -> Journey:
    if drawn is None:
        return read_journey.from_campaign(found, contents, names)
    actions = gathered.of("journey_actions", "journey_id", id)
    edges = gathered.of("journey_edges", "journey_id", id)
    if not actions and campaign is not None:  # it is listed, but what is in it could not be read
        return read_journey.from_campaign(campaign, contents, names)
    return read_journey.from_graph(drawn, actions, edges, names)


def _from_templates(journey: Journey, gathered: Gathered) -> list[Message]:
    """Contents by the graph's templates, where the App API has none."""
    wanted = {step.template_id: step for step in journey.steps if step.template_id}
    found = [record for record in gathered.documents["templates"] if str(record["id"]) in wanted]
    kinds = {id: step.type for id, step in wanted.items()}
    return messages([record | {"type": kinds[str(record["id"])]} for record in found])


def _audience(journey: Journey, gathered: Gathered, names: Mapping[str, str]) -> Audience | None:
    """Whom it reaches, where that is one segment and nothing else."""
    condition = journey.trigger.condition
    if not isinstance(condition, InSegment) or journey.trigger.filters is not None:
        return None
    return audience([condition.id], gathered, names)


def _segments(journey: Journey, gathered: Gathered, names: Mapping[str, str]) -> list[Table]:
    """The segments that its trigger and filters name, with their sizes."""
    if not journey.trigger.segments:
        return []
    known = gathered.has("segment_memberships")
    rows = [
        [id, names.get(id, ""), f"{gathered.files.counts[members_file(id)]:,}" if known else ""]
        for id in journey.trigger.segments
    ]
    return [Table(title="Segments of its trigger and filters", columns=["Id", "Name", "People"], rows=rows)]


def _channels(journey: Journey, listed: list[Message]) -> str:
    found = [step.channel for step in journey.steps if step.channel] or [one.channel for one in listed]
    return ", ".join(dict.fromkeys(name for name in found if name)) or "none"


def _languages(listed: list[Message]) -> str:
    return ", ".join(dict.fromkeys(one.language for one in listed if one.language)) or "one, not named"


def _again(again: bool | None) -> str:
    return "not known: the App API does not say" if again is None else "yes" if again else "no"


def _statements(kind: Kind, journey: Journey) -> list[str]:
    said = [journey.statement]
    if journey.loops:
        said += [f"It loops: {loop}." for loop in journey.loops]
    if journey.not_understood:
        said.append(
            f"Not understood, and shown as it came: {', '.join(dict.fromkeys(journey.not_understood))}."
        )
    if kind is Kind.BROADCAST:
        said.append(
            "Customer.io takes one call for a broadcast every 10 seconds; callers may have been built on it."
        )
    if any(step.kind is StepKind.SPLIT for step in journey.steps):
        said.append("Shares of random splits are those of now: a finished test sends everybody one way.")
    return said


def _notes(notes: list[Record], journey: Journey) -> list[Table]:
    if not notes:
        return []
    rows = []
    for note in notes:
        at = note.get("action_id")
        step = journey.step(str(at)) if at is not None else None
        rows.append([step.title if step else "the trigger", str(note.get("text") or "")])
    return [Table(title="Notes on the canvas", columns=["At", "Note"], rows=rows)]


def _runs(triggers: list[Record]) -> list[Table]:
    if not triggers:
        return []
    rows = [[str(run["id"]), words.moment(run.get("created_at"))] for run in triggers]
    return [Table(title="Runs", columns=["Run", "Triggered"], rows=rows)]


def _tasks(kind: Kind, journey: Journey, state: str) -> list[str]:
    if state in ("draft", "archived"):
        return ["Decide whether it is wanted: it does not run"]
    stop = ["Stop it in Customer.io before its successor starts, so that nobody gets a message twice"]
    if kind is Kind.BROADCAST:
        stop.append("Let what calls the API call the successor")
    if any(step.channel == "webhook" for step in journey.steps):
        stop.append("Tell who receives its webhooks")
    return ["Rebuild the journey, inactive, and try it with a test person", *stop]
