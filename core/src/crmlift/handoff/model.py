"""The hand-off as data: what `docs/schemas/handoff.json` and `handoff-item.json` publish.

An item is one thing that a person rebuilds or decides; its kind says which of its parts it has. Moments are
ISO 8601 in UTC. There are no credentials in it, and no personal data but in the files that it names.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import computed_field

from crmlift.handoff.advice import Advice
from crmlift.handoff.conditions import Node
from crmlift.handoff.journey import Journey
from crmlift.handoff.liquid import Liquid
from crmlift.part import Part

VERSION = 1


class Kind(StrEnum):
    """What there is to hand over, in the order of the index."""

    SEGMENT = "segment"
    CAMPAIGN = "campaign"
    BROADCAST = "broadcast"
    NEWSLETTER = "newsletter"
    TRANSACTIONAL = "transactional"
    BECAME = "became"
    PUSH = "push"
    SETTINGS = "settings"
    DELETED = "deleted"
    MESSAGES = "messages"
    COMPLETENESS = "completeness"


class Fact(Part):
    """A line of an item: what, and what of it."""

    label: str
    value: str


class Table(Part):
    """Rows under a heading; `note` says what they mean."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    note: str = ""


class PeopleFile(Part):
    """A file beside the documents that only its owner may read: it is made of people."""

    path: str
    rows: int
    columns: list[str]


class Rule(Part):
    """What makes somebody a member: `raw` as the API sends it, `tree` as it was understood.

    `source` is the route that gave it: `ui_api`, `api`, or nothing where no route gives it.
    """

    source: str
    words: str
    raw: Any = None
    tree: Node | None = None
    not_understood: list[str] = []


class Membership(Part):
    """A segment's people at the moment of the export; `counted` by the memberships that were read."""

    dynamic: bool
    counted: int
    at: str
    file: PeopleFile | None = None


class Message(Part):
    """One content in one language or variant, with what its Liquid refers to."""

    id: str
    name: str
    channel: str
    language: str = ""
    sender: str = ""
    reply_to: str = ""
    recipient: str = ""
    subject: str = ""
    preheader: str = ""
    body: str = ""
    body_plain: str = ""
    layout: str = ""
    address: str = ""
    sending_state: str = ""
    liquid: Liquid = Liquid()


class Metric(Part):
    """A count over the whole time that was read."""

    name: str
    total: float


class Audience(Part):
    """Whom something goes to: segments with their sizes at the export, or in words."""

    words: str
    segments: list[str] = []
    people_now: int | None = None


class Task(Part):
    """Something for the admin to do, with places for an owner and a mark."""

    task: str
    item: str | None = None
    group: str


class Item(Part):
    """One thing that is documented. `key` is `kind-id` and names its files."""

    version: int = VERSION
    kind: Kind
    id: str
    name: str
    description: str = ""
    state: str = ""
    facts: list[Fact] = []
    statements: list[str] = []
    rule: Rule | None = None
    members: Membership | None = None
    journey: Journey | None = None
    audience: Audience | None = None
    messages: list[Message] = []
    metrics: list[Metric] = []
    tables: list[Table] = []
    files: list[PeopleFile] = []
    tasks: list[str] = []
    advice: list[Advice] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def key(self) -> str:
        """Kind and id."""
        return f"{self.kind.value}-{self.id}"


class Entry(Part):
    """An item in the index."""

    key: str
    kind: Kind
    id: str
    name: str
    state: str
    summary: str
    exactness: dict[str, str] = {}


class Handoff(Part):
    """The index of all documents. `packages` are files with all texts to import of a CRM."""

    version: int = VERSION
    written_at: str
    workspace: str
    destination: str | None = None
    mapping_approved: bool | None = None
    packages: list[str] = []
    items: list[Entry]
    checklist: list[Task]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def counts(self) -> dict[str, int]:
        """Items by kind."""
        found: dict[str, int] = {}
        for entry in self.items:
            found[entry.kind.value] = found.get(entry.kind.value, 0) + 1
        return found
