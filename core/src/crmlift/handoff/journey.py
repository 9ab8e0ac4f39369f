"""A campaign's way as a graph: what starts it, its steps, the ways between them, what ends it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from crmlift.handoff.conditions import Node
from crmlift.part import Part


class StepKind(StrEnum):
    """What a step does, whatever the API calls it."""

    MESSAGE = "message"
    WAIT = "wait"
    WINDOW = "window"
    WAIT_UNTIL = "wait until"
    BRANCH = "branch"
    LANGUAGES = "by language"
    SPLIT = "random split"
    UPDATE = "update person"
    SEGMENT = "change segment"
    EVENT = "create event"
    DATA = "other data"
    GATE = "gate"
    EXIT = "exit"
    UNKNOWN = "unknown"


class Step(Part):
    """One thing on the canvas. `type` is the API's own; `raw` is kept where its meaning is not known.

    `changes` are attributes that it sets, with their new values.
    """

    id: str
    kind: StepKind
    type: str
    title: str
    words: str
    channel: str | None = None
    template_id: str | None = None
    seconds: int | None = None
    event: str | None = None
    conditions: list[Node] = []
    changes: dict[str, Any] = {}
    raw: Any = None

    @property
    def line(self) -> str:
        """The title, and what it does where the title does not say that."""
        return self.title if self.words in ("", self.title) else f"{self.title}: {self.words}"


class Way(Part):
    """From one step to another. `back` closes a loop; `raw` is kept where its type is not known."""

    start: str
    end: str
    label: str
    words: str = ""
    condition: Node | None = None
    share_percent: float | None = None
    wait_seconds: int | None = None
    back: bool = False
    raw: Any = None


class Trigger(Part):
    """What lets people in: `kind` is the API's own word, `words` say it, `fields` are all that decides."""

    kind: str
    words: str
    condition: Node | None = None
    filters: Node | None = None
    event: str | None = None
    segments: list[str] = []
    fields: dict[str, Any] = {}

    @property
    def by_call(self) -> bool:
        """Whether a call of the API lets people in, and nothing that they are or do."""
        return self.kind == "API"


class Journey(Part):
    """A campaign from its trigger to its exits.

    `drawn` says where the way comes from: the graph itself, the order of the actions of a campaign of old, or
    nothing but the list of messages, because only the App API was read. `statement` says so in words.
    `exits` says what makes people leave early; `exit_conditions` are those of them that are conditions.
    """

    id: str
    name: str
    trigger: Trigger
    exits: list[str] = []
    exit_conditions: list[Node] = []
    goal: str | None = None
    again: bool | None = None
    steps: list[Step] = []
    ways: list[Way] = []
    roots: list[str] = []
    loops: list[str] = []
    drawn: Literal["graph", "order", "messages only"] = "messages only"
    statement: str = ""
    not_understood: list[str] = []

    def step(self, id: str) -> Step | None:
        """Return a step by id."""
        return next((step for step in self.steps if step.id == id), None)

    def ways_from(self, step: Step) -> list[Way]:
        """Return the ways out of a step, in their order: the first whose condition holds is taken."""
        return [way for way in self.ways if way.start == step.id]

    def goes_on(self, way: Way | None) -> str | None:
        """Return the id of the step that a way leads to; None where somebody who goes it leaves."""
        step = None if way is None else self.step(way.end)
        return None if step is None or step.kind is StepKind.EXIT else step.id

    def first_step(self) -> str | None:
        """Return the id of the step that people come to first."""
        ends = {way.end for way in self.ways if not way.back}
        begins = [*self.roots, *(step.id for step in self.steps if step.id not in ends)]
        return next((id for id in begins if self.step(id) is not None), None)
