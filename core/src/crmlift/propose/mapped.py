"""What a mapping does already: which attributes it reads, and which of its fields answer to which label.

A target's default mapping is its declaration: `zip: {from: traits.postal_code}` says that `zip` holds
postal codes. Nothing else has to be filled in by its author.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crmlift.destination import Field, FieldType
from crmlift.mapping.expression import compile_expression
from crmlift.mapping.model import FieldMap, Rule
from crmlift.mapping.model import Mapping as MappingFile
from crmlift.propose.evidence import NONE, Trait
from crmlift.propose.names import by_name

_PATHS = re.compile(r"[A-Za-z_][\w.]*")
_RAW = "attributes"


@dataclass(frozen=True, slots=True)
class Place:
    """A rule into which fields are proposed: the stream's own entity, and where its attributes lie."""

    stream: str
    group: str
    index: int
    rule: Rule
    prefix: str

    def path(self, attribute: str) -> str:
        """The source path of an attribute."""
        return f"{self.prefix}.{attribute}"


def places(mapping: MappingFile, object_types: Mapping[str, str]) -> Iterator[Place]:
    """Yield the rules that make a person, and per object type (slug to id) the first that takes it."""
    people = mapping.streams.get("people", [])
    for index in _alike(people):
        yield Place("people", "", index, people[index], _prefix(mapping, "people"))
    rules = mapping.streams.get("objects", [])
    for slug, number in object_types.items():
        found = _first(rules, {"object_type_slug": slug, "object_type_id": number})
        if found is not None:
            yield Place("objects", slug, found, rules[found], _prefix(mapping, "objects"))


def _alike(rules: list[Rule]) -> list[int]:
    """The rule that says most of its record, and those that make alike rows: a lead here, a contact there."""
    made = [index for index, rule in enumerate(rules) if rule.mode != "update"]
    said = {index: set(answers(rules[index])) for index in made}
    main = max(made, key=lambda index: len(said[index]), default=0)
    alike = [index for index in made if 2 * len(said[main] & said[index]) > len(said[main]) or index == main]
    return [index for index in alike if rules[index].key == rules[main].key]


def _first(rules: list[Rule], record: Mapping[str, str]) -> int | None:
    for index, rule in enumerate(rules):
        if rule.mode != "update" and (not record or not rule.when or compile_expression(rule.when)(record)):
            return index
    return None


def _prefix(mapping: MappingFile, stream: str) -> str:
    flatten = mapping.hooks.get("flatten", {})
    flat = flatten.get("streams", {}).get(stream) == _RAW
    return str(flatten.get("into", "traits")) if flat else _RAW


def read_attributes(mapping: MappingFile, place: Place) -> set[str]:
    """Return the attributes that some rule of the stream reads by name.

    Among them those that the API only repeats: what a rule reads as `email` needs no `attributes.email`.
    """
    found: set[str] = set()
    for rule in mapping.streams.get(place.stream, []):
        texts = [path for spec in rule.fields.values() for path in spec.from_ or [spec.expr or ""]]
        texts += [rule.when or "", *rule.match.values(), *rule.key]
        for text in texts:
            found |= {*_PATHS.findall(text), text}
    prefixes = (f"{place.prefix}.", f"{_RAW}.")
    named = {path.removeprefix(prefix) for path in found for prefix in prefixes if path.startswith(prefix)}
    return named | {path for path in found if "." not in path}


def answers(rule: Rule) -> dict[str, str]:
    """Return which field of a rule answers to which label, read off the paths that feed it."""
    found: dict[str, str] = {}
    for name, spec in rule.fields.items():
        for path in spec.from_ or []:
            label = named(path.rpartition(".")[2] if path.startswith((f"{_RAW}.", "traits.")) else path)
            if label:
                found.setdefault(label, name)
    return found


def named(name: str) -> str | None:
    """Return the label that a plain name stands for, or None."""
    evidence = [
        item for item in by_name(Trait(name)) if item.kind in ("name", "name_weak", "other_name", "consent")
    ]
    evidence.sort(key=lambda item: item.kind != "name")
    return evidence[0].field if evidence and evidence[0].field != NONE else None


def live_answers(live: Mapping[str, Field]) -> dict[str, str]:
    """Return which standard field of the live CRM answers to which label, by its name or its caption."""
    found: dict[str, str] = {}
    for name, field in live.items():
        if field.custom or field.readonly or field.type in (FieldType.LINK, FieldType.LINKS, FieldType.OTHER):
            continue
        label = named(name) or (named(field.label) if field.label else None)
        if label:
            found.setdefault(label, name)
    return found


def fed_by(spec: FieldMap) -> list[str]:
    """Return the paths that feed a field; none where it is an expression or a constant."""
    return list(spec.from_ or [])
