"""Draft a whole mapping: the target's own, with a line for each attribute that it does not read yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from crmlift.destination import Field
from crmlift.hooks.manager import Hooks
from crmlift.mapping.load import parse_mapping
from crmlift.mapping.model import Mapping as MappingFile
from crmlift.mapping.model import Rule
from crmlift.propose.fieldnames import FieldNames
from crmlift.propose.lines import Drafter, Line, left_out, trait_of
from crmlift.propose.mapped import Place, places, read_attributes
from crmlift.propose.proposer import judge
from crmlift.propose.suggest import Suggestion, suggest
from crmlift.propose.weigh import Verdict
from crmlift.propose.write import add_lines, add_suggestions, mentions
from crmlift.scope.model import Attribute, Profile

Describe = Callable[[str], Mapping[str, Field]]
_TOP = {"id": "without_id", "email": "without_email"}


@dataclass(slots=True)
class Draft:
    """The text of a mapping, and what was added to it."""

    text: str
    lines: list[Line] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)


def draft(
    text: str,
    profile: Profile,
    *,
    describe: Describe | None = None,
    names: FieldNames | None = None,
    most_empty: float = 0.8,
    hooks: Hooks | None = None,
) -> Draft:
    """Return a mapping's text with proposals for the attributes of a profile.

    `describe` gives the live fields of an entity by name; without it no field of the CRM is known but
    those that the mapping names. An attribute that a larger share than `most_empty` of the records lacks is
    left out. Attributes that the text mentions already are left as they are.
    """
    shown = profile.values_shown
    mapping = parse_mapping(text)
    made = Draft(text)
    judged: dict[tuple[str, str], list[tuple[Attribute, Verdict]]] = {}
    for place in places(mapping, {kind.slug: kind.id for kind in profile.objects}):
        # Two object types may share a rule, two rules a field: the second one sees what the first one got.
        place = replace(place, rule=parse_mapping(made.text).streams[place.stream][place.index])
        done = {line.path for line in made.lines if (line.stream, line.rule) == (place.stream, place.index)}
        found = [a for a in _open(profile, mapping, place, text) if place.path(a.name) not in done]
        kind = (place.stream, place.group)
        if kind not in judged:
            told = [attribute for attribute in found if attribute.null_rate <= most_empty]
            verdicts = judge([trait_of(a, values_shown=shown) for a in told], hooks=hooks)
            judged[kind] = list(zip(told, verdicts, strict=True))
        manner = names or FieldNames.like(_customs(mapping, place.rule))
        live = describe(place.rule.entity) if describe else {}
        drafter = Drafter(place, live, manner, _filled(profile, place), values_shown=shown)
        lines = list(drafter.draft([pair for pair in judged[kind] if pair[0] in found]))
        lines += [left_out(attribute, place) for attribute in found if attribute.null_rate > most_empty]
        made.lines += lines
        made.text = add_lines(made.text, place, lines) if lines else made.text
    manner = names or FieldNames.like(
        _customs(mapping, next(iter(mapping.streams.get("activities", [])), None))
    )
    made.suggestions = list(suggest(profile, mapping, made.lines, manner))
    made.text = add_suggestions(made.text, made.suggestions)
    return made


def _customs(mapping: MappingFile, rule: Rule | None = None) -> list[str]:
    """Custom fields that a rule declares, or any rule where it has too few to tell the manner."""
    own = [name for name, spec in rule.fields.items() if spec.custom] if rule else []
    rules = [rule for rules in mapping.streams.values() for rule in rules]
    return own if len(own) > 1 else [name for r in rules for name, spec in r.fields.items() if spec.custom]


def _open(profile: Profile, mapping: MappingFile, place: Place, text: str) -> Iterator[Attribute]:
    """The attributes of a place that nothing reads yet; what lies inside arrays goes with them."""
    read = read_attributes(mapping, place)
    for attribute in profile.attributes:
        if (attribute.stream, attribute.group) != (place.stream, place.group) or attribute.name in read:
            continue
        inside = "[]" in attribute.name or "*" in attribute.name
        if inside or set(attribute.types) - {"null"} <= {"object"} or not attribute.filled:
            continue
        if mentions(text, place.path(attribute.name), attribute.name):
            continue
        yield attribute


def _filled(profile: Profile, place: Place) -> set[str]:
    """Source paths that hold something in this workspace."""
    found = {
        path
        for attribute in profile.attributes
        if (attribute.stream, attribute.group) == (place.stream, place.group) and attribute.filled
        for path in (place.path(attribute.name), f"attributes.{attribute.name}")
    }
    if place.stream == "people":
        return found | {
            name for name, lacking in _TOP.items() if getattr(profile.people, lacking) < profile.people.total
        }
    return found | {"object_id", "cio_object_id"}


def summary(lines: Sequence[Line]) -> dict[str, int]:
    """Return how many lines there are by band, and how many are left out."""
    found = {"sure": 0, "look": 0, "decide": 0, "skip": 0}
    for line in lines:
        found["skip" if line.action == "skip" else line.band] += 1
    return found
