"""The profile of a workspace: what `scope.json` holds.

Numbers are records unless a name says otherwise; shares lie between 0 and 1; times are RFC 3339 in UTC
and months `YYYY-MM`. Examples are masked unless `values_shown` says otherwise: letters become `x`,
digits `9`.
"""

from __future__ import annotations

from typing import Literal

from crmlift.part import Part


class StreamCount(Part):
    """A stream and how many records it brought; `deleted` of them were only marked as gone."""

    stream: str
    records: int
    deleted: int


class Sign(Part):
    """What the values, before they were masked, say about a field of a CRM: see `crmlift propose`."""

    field: str
    kind: str
    strength: float
    text: str


class Attribute(Part):
    """One attribute of the records of a stream, or of a group of them such as an object type or event.

    `name` is a path: `subscription.mrr` inside an object, `items[].sku` inside an array, `prices.*`
    where the keys are ids. Null, the empty string and absence all count as empty. `distinct` is an
    estimate above a thousand or so, within about 3 %.
    """

    stream: str
    group: str
    name: str
    total: int
    filled: int
    null_rate: float
    types: dict[str, int]
    mixed: bool
    distinct: int
    distinct_exact: bool
    longest: int
    patterns: dict[str, float]
    """Share of the distinct values that look like an email address, a date and so on."""
    examples: list[str]
    differs_by_case: list[str]
    """Attributes beside it whose name is the same but for upper and lower case."""
    signs: list[Sign] = []
    """For attributes of people and objects; none of them quotes a value."""


class Property(Attribute):
    """A property of an event. `column` is true where enough of the events have it."""

    share: float
    column: bool


class Event(Part):
    """An event, page view or screen view by name, with its properties."""

    kind: str
    name: str
    count: int
    first: str | None
    last: str | None
    properties: list[Property]


class Volume(Part):
    """How much of a kind happened in a month."""

    month: str
    stream: str
    kind: str
    count: int


class ObjectType(Part):
    """A kind of object."""

    id: str
    slug: str
    name: str
    objects: int
    relationships: int


class Group(Part):
    """People that share a value. `cio_ids` are Customer.io's own ids, a few of them."""

    value: str
    people: int
    cio_ids: list[str]


class Duplicates(Part):
    """People that share an email address, a mailbox (without `+tag`) or an id, whatever the case."""

    by: Literal["email", "mailbox", "id"]
    groups: int
    people: int
    largest: list[Group]


class Domain(Part):
    """A domain of email addresses; `free` where anybody can have an address there."""

    domain: str
    people: int
    free: bool


class People(Part):
    """Shares of people. `inactive` and `no_sign` add up to those who showed no life in `inactive_days`."""

    total: int
    with_email: int
    without_email: int
    without_id: int
    anonymous: int
    """Neither email nor id."""
    unsubscribed: int
    inactive_days: int
    active: int
    inactive: int
    no_sign: int
    """No event, click, device or last-seen attribute tells when they were last active."""
    with_devices: int
    business_email: int = 0
    """Those whose address is not at a free mail service."""
    domains: list[Domain] = []
    """The domains with the most people; masked where they are fewer than five."""


class Deleted(Part):
    """Deleted profiles: only suppression keeps an integration from creating them again."""

    profiles: int
    came_back: int
    """Of these, the id or email address belongs to a person again."""


class Segment(Part):
    """A segment, its rule where the API sends it, and its members."""

    id: int | str
    name: str
    type: str
    state: str
    rule: str | None
    members: int


class Documents(Part):
    """Campaigns, broadcasts, templates and the like: what is rebuilt by people, not loaded."""

    kind: str
    number: int
    by_state: dict[str, int]


class Redaction(Part):
    """Messages of a channel, and those whose content was not kept."""

    channel: str
    messages: int
    redacted: int


class Devices(Part):
    """Push devices of a platform, and those that accept messages."""

    platform: str
    devices: int
    push_enabled: int


class Unread(Part):
    """What was not read, or not whole, as the tap says."""

    subject: str
    status: str
    reason: str


class Profile(Part):
    """Everything that a pass over a workspace told."""

    format: Literal[1] = 1
    written_at: str
    values_shown: bool
    streams: list[StreamCount]
    people: People
    deleted: Deleted
    duplicates: list[Duplicates]
    attributes: list[Attribute]
    attributes_left_out: int
    events: list[Event]
    volume: list[Volume]
    objects: list[ObjectType]
    segments: list[Segment]
    documents: list[Documents]
    redacted: list[Redaction]
    devices: list[Devices]
    unread: list[Unread]
