"""What to rebuild in a CRM: what a target answers, and what it is asked with.

A target names an `Advisor` as `CrmTarget.advisor`. It translates a segment's tree and a journey's graph into
the CRM's own terms; which CRM field holds what is looked up in the mapping, through `Fields`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from crmlift.destination import FieldType
from crmlift.handoff import words
from crmlift.handoff.conditions import Did, InSegment, Node, walk
from crmlift.handoff.journey import Journey
from crmlift.mapping.model import FieldMap, Rule
from crmlift.mapping.model import Mapping as MappingFile
from crmlift.part import Part


class Exactness(StrEnum):
    """How far a translation goes."""

    EXACT = "exact"
    """On what was loaded, it picks exactly the people that the segment holds."""
    PARTIAL = "partial"
    """It picks other people, too, or not all; `lost` says which."""
    BY_HAND = "by_hand"
    """Nothing of it can be said in the CRM's terms; the steps say what to do."""


class Advice(Part):
    """What to rebuild in one CRM. `artefacts` are texts to import or paste, by file name; none is active."""

    crm: str
    exactness: Exactness
    lost: list[str] = []
    steps: list[str] = []
    artefacts: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that is to be rebuilt; `tree` is None where no rule is known, or there is none.

    `listed` says that its people are known, and loaded: those of an archived one are not.
    """

    id: str
    name: str
    dynamic: bool
    tree: Node | None
    listed: bool = True


class Evidence(Protocol):
    """What the export has seen."""

    def kinds(self, attribute: str) -> frozenset[str]:
        """Return the JSON types that an attribute's values have; empty where it was not seen."""

    def names(self, stream: str) -> frozenset[str]:
        """Return the names of a stream's records."""


@dataclass(frozen=True, slots=True)
class Held:
    """Where an attribute is kept in the CRM. `others` are attributes that go into the same field, too."""

    entity: str
    field: str
    rule: Rule
    spec: FieldMap
    others: tuple[str, ...]

    @property
    def conversion(self) -> str:
        """The mapping's `as`, else the type of a field of our own; nothing for text."""
        if self.spec.as_ or self.spec.custom is None:
            return self.spec.as_ or ""
        type = self.spec.custom.type
        return "" if type in (FieldType.TEXT, FieldType.HTML, FieldType.CHOICE) else type.value


class Fields:
    """Which CRM field holds what, by the mapping; paths are told as attributes (`traits.plan` is `plan`)."""

    def __init__(self, mapping: MappingFile, evidence: Evidence, segments: Mapping[str, Segment]) -> None:
        self.mapping = mapping
        self.segments = segments
        self._evidence = evidence
        self._prefixes = ("attributes.", *(f"{name}." for name in _bags(mapping)))

    def entities(self, stream: str = "people") -> list[str]:
        """Return the entities that a stream's records become with fields of theirs, in order."""
        rules = self.mapping.streams.get(stream, [])
        return list(dict.fromkeys(rule.entity for rule in rules if rule.mode != "update" and rule.fields))

    def holding(self, attribute: str, entity: str, stream: str = "people") -> Held | None:
        """Return where an entity keeps an attribute: the field that takes it first, None if there is none."""
        found: list[tuple[int, Held]] = []
        for rule in self.mapping.streams.get(stream, []):
            if rule.entity != entity:
                continue
            for name, spec in rule.fields.items():
                sources = list(dict.fromkeys(map(self.attribute, spec.from_ or ())))
                if attribute in sources and spec.as_ != "json":
                    others = tuple(source for source in sources if source != attribute)
                    found.append((sources.index(attribute), Held(entity, name, rule, spec, others)))
        found.sort(key=lambda one: (one[0], len(one[1].others)))
        return found[0][1] if found else None

    def within(self, attribute: str, entity: str, stream: str = "people") -> str | None:
        """Return the field whose expression reads an attribute among others, None if there is none."""
        read = re.compile(rf"\b(?:{'|'.join(map(re.escape, self._prefixes))}){re.escape(attribute)}\b")
        for rule in self.mapping.streams.get(stream, []):
            for name, spec in rule.fields.items():
                if rule.entity == entity and spec.expr and read.search(spec.expr):
                    return name
        return None

    def below(self, attribute: str, entity: str, stream: str = "people") -> list[Held]:
        """Return where the parts of an attribute that is an object are kept (`subscription.plan_name`)."""
        return [
            Held(entity, name, rule, spec, ())
            for rule in self.mapping.streams.get(stream, [])
            if rule.entity == entity
            for name, spec in rule.fields.items()
            if any(self.attribute(path).startswith(f"{attribute}.") for path in spec.from_ or ())
        ]

    def attribute(self, path: str) -> str:
        """Return the attribute that a source path reads."""
        for prefix in self._prefixes:
            if path.startswith(prefix):
                return path.removeprefix(prefix)
        return path

    def sets(self, changes: Mapping[str, Any], entity: str) -> dict[str, str]:
        """Return the texts that an entity's fields get where attributes change; empty where one gets none so.

        Liquid in a value, and fields that hold no text, are for a person to look at.
        """
        found = {}
        for attribute, value in changes.items():
            held = self.holding(attribute, entity)
            if held is None or held.conversion not in ("", "text") or "{{" in str(value):
                return {}
            found[held.field] = words.plain(value)
        return found

    def kinds(self, attribute: str) -> frozenset[str]:
        """Return the JSON types that an attribute's values have, where that was seen."""
        return self._evidence.kinds(attribute)

    def namesakes(self, segment: Segment, entity: str) -> list[str]:
        """Return the streams whose records of this entity may have a segment's name, too."""
        found = [
            stream
            for stream, rules in self.mapping.streams.items()
            if stream != "segments" and any(rule.entity == entity for rule in rules)
            if segment.name in self._evidence.names(stream)
        ]
        twins = sum(other.name == segment.name for other in self.segments.values() if other.listed)
        return [*(["segments"] if twins > 1 else []), *found]

    def deeds(self, node: Node | None) -> list[Did]:
        """Return what people must have done, in segments within the segment, too."""
        found: list[Did] = []
        seen: set[str] = set()
        waiting = [node]
        while waiting:
            for one in walk(waiting.pop()):
                if isinstance(one, Did):
                    found.append(one)
                elif isinstance(one, InSegment) and one.id not in seen:
                    seen.add(one.id)
                    waiting.append(self.segments[one.id].tree if one.id in self.segments else None)
        return found


def _bags(mapping: MappingFile) -> Iterable[str]:
    """Names under which hooks put flat copies of attributes."""
    for options in mapping.hooks.values():
        into, streams = options.get("into"), options.get("streams")
        if isinstance(into, str) and isinstance(streams, dict) and "attributes" in streams.values():
            yield into


class Advisor(Protocol):
    """Translates into one CRM's terms."""

    crm: str
    """The CRM's name for people, such as `Odoo`."""

    def segment(self, segment: Segment, fields: Fields) -> Advice:
        """Translate what makes people members."""

    def journey(self, journey: Journey, fields: Fields) -> Advice:
        """Say how to build a journey with the CRM's own automation."""

    def package(self, artefacts: Mapping[str, Mapping[str, str]]) -> dict[str, bytes]:
        """Return what an admin imports in one go, by file name: the artefacts, by item and name, in one."""
