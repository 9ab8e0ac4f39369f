"""The generated workspace, before it is loaded anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]


@dataclass
class Person:
    """A person: one identifier, attributes, push devices; `active` ones do things."""

    identifiers: dict[str, str]
    attributes: JSON
    devices: list[JSON] = field(default_factory=list)
    active: bool = True

    @property
    def email(self) -> str | None:
        """The address, if there is one."""
        return self.identifiers.get("email") or self.attributes.get("email")


@dataclass
class Object:
    """An object of a type, with the people that belong to it and the attributes of that."""

    type_id: str
    object_id: str
    attributes: JSON
    links: list[tuple[dict[str, str], JSON]] = field(default_factory=list)


@dataclass
class Event:
    """Something that a person did; `kind` is event, page or screen; `timestamp` in unix seconds."""

    id: str
    identifiers: dict[str, str]
    kind: str
    name: str
    timestamp: int
    attributes: JSON


@dataclass
class Workspace:
    """All of it. `members` holds ids of people by manual segment; `config` is what Track cannot write."""

    people: list[Person]
    objects: list[Object]
    events: list[Event]
    members: dict[int, list[str]]
    config: JSON
