"""One line of the map per attribute: a field of the CRM, a custom field, or none, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from crmlift.destination import Field, FieldType
from crmlift.mapping.model import Convert
from crmlift.propose.evidence import CONSENT, NONE, Evidence, Trait
from crmlift.propose.fieldnames import FieldNames
from crmlift.propose.mapped import Place, answers, live_answers
from crmlift.propose.text import tokens
from crmlift.propose.types import Typed, accepts, type_of
from crmlift.propose.weigh import Band, Verdict
from crmlift.scope.model import Attribute

Action = Literal["extend", "standard", "existing", "custom", "skip"]
_CONVERTS: dict[str, Convert] = {
    "country": "country",
    "language": "language",
    "timezone": "timezone",
    "birthday": "date",
    "created_at": "datetime",
}


@dataclass(slots=True)
class Line:
    """What is proposed for one attribute.

    `rule` is the place of the rule among those of its stream, from 0. `extend` adds a source to a field
    that the mapping has, `standard` and `existing` fill a field of the live CRM, `custom` declares one to
    create, `skip` leaves it out. A line is `written` into the mapping unless its band is `decide`: then it
    stands there as a comment.
    """

    stream: str
    group: str
    rule: int
    entity: str
    attribute: str
    path: str
    action: Action
    field: str | None
    label: str
    band: Band
    confidence: float
    evidence: list[str]
    null_rate: float
    type: FieldType | None = None
    convert: Convert | None = None
    choices: tuple[str, ...] = ()
    notes: list[str] = dataclasses.field(default_factory=list)

    @property
    def written(self) -> bool:
        """Whether the mapping does it without a further decision."""
        return self.action != "skip" and self.band != "decide"


def trait_of(attribute: Attribute, *, values_shown: bool) -> Trait:
    """Return what the proposer looks at: real examples only where the profile shows them."""
    known = [Evidence(sign.field, sign.kind, sign.strength, sign.text) for sign in attribute.signs]
    return Trait(attribute.name, attribute.examples if values_shown and not known else (), known)


class Drafter:
    """Drafts the lines of one rule.

    `live` is the entity as the CRM describes it, empty where it was not asked; `filled` are the paths
    that hold something in this workspace.
    """

    def __init__(
        self,
        place: Place,
        live: Mapping[str, Field],
        names: FieldNames,
        filled: set[str],
        *,
        values_shown: bool,
    ) -> None:
        self.place, self.live, self.names, self.filled = place, live, names, filled
        self.values_shown = values_shown
        self._mapped = answers(place.rule)
        self._standard = live_answers(live)
        self._taken = {*place.rule.fields, *place.rule.links}
        self._extended: set[str] = set()

    def draft(self, found: Sequence[tuple[Attribute, Verdict]]) -> Iterator[Line]:
        """Yield a line per attribute, the most certain first, so that it gets the field."""
        for attribute, verdict in sorted(found, key=lambda pair: -pair[1].candidates[0].confidence):
            yield self._line(attribute, verdict)

    def _line(self, attribute: Attribute, verdict: Verdict) -> Line:
        best = verdict.candidates[0]
        line = Line(
            stream=self.place.stream,
            group=self.place.group,
            rule=self.place.index,
            entity=self.place.rule.entity,
            attribute=attribute.name,
            path=self.place.path(attribute.name),
            action="custom",
            field=None,
            label=best.field,
            band=verdict.band,
            confidence=best.confidence,
            evidence=best.evidence,
            null_rate=attribute.null_rate,
        )
        typed = type_of(attribute, values_shown=self.values_shown)
        if not self._to_standard(line, typed) and not self._to_existing(line, typed):
            self._to_custom(line, typed)
        if line.band == "decide":
            others = [f"{c.field} {c.confidence:.0%}" for c in verdict.candidates[1:3] if c.confidence >= 0.1]
            line.notes += [f"or {' or '.join(others)}"] if others else []
        return line

    def _to_standard(self, line: Line, typed: Typed) -> bool:
        """A field that the mapping, or the live CRM, has for this label."""
        if line.label == NONE:
            return False
        if line.label in CONSENT:
            sense = "a no" if line.label.endswith("out") else "a yes"
            line.notes.append(f"{sense} to mail, as it seems; the CRM's own opt-out is not touched: decide")
            return False
        name = self._mapped.get(line.label)
        if name is not None:
            spec = self.place.rule.fields[name]
            sources = spec.from_ or []
            others = set(sources) - {line.path}
            if sources and self.filled.isdisjoint(others) and name not in self._extended:
                self._extended.add(name)
                line.action, line.field, line.convert = "extend", name, spec.as_
                return True
            other = (
                "another attribute" if name in self._extended else " and ".join(sources) or "an expression"
            )
            line.notes.append(f"“{name}” is filled from {other} already")
            return False
        name = self._standard.get(line.label)
        if name is None or name in self._taken:
            return False
        convert = _CONVERTS.get(line.label, typed.convert)
        if not accepts(self.live[name].type, convert):
            line.notes.append(f"the CRM's “{name}” is of type {self.live[name].type}")
            return False
        self._taken.add(name)
        line.action, line.field, line.convert = "standard", name, convert
        return True

    def _to_existing(self, line: Line, typed: Typed) -> bool:
        """A custom field of the live CRM with the same name."""
        wanted = "".join(tokens(line.attribute))
        for name, spec in self.live.items():
            if not spec.custom or spec.readonly or name in self._taken:
                continue
            if wanted in (_bare(name), _bare(spec.label)) and accepts(spec.type, typed.convert):
                self._taken.add(name)
                line.action, line.field, line.convert = "existing", name, typed.convert
                line.notes.append("a custom field of this CRM has that name")
                return True
        return False

    def _to_custom(self, line: Line, typed: Typed) -> None:
        line.field = self.names.name(line.attribute, self._taken | set(self.live))
        self._taken.add(line.field)
        line.type, line.convert, line.choices = typed.type, typed.convert, typed.choices
        line.notes += typed.notes
        if line.label in CONSENT and line.band != "decide":
            line.band = "look"


def left_out(attribute: Attribute, place: Place) -> Line:
    """The line of an attribute that too many records lack; nobody was asked what it may be."""
    return Line(
        stream=place.stream,
        group=place.group,
        rule=place.index,
        entity=place.rule.entity,
        attribute=attribute.name,
        path=place.path(attribute.name),
        action="skip",
        field=None,
        label=NONE,
        band="look",
        confidence=0.0,
        evidence=[f"{attribute.null_rate:.0%} of the records lack it"],
        null_rate=attribute.null_rate,
    )


def _bare(name: str) -> str:
    """The letters of a field's name without what CRMs and targets put around it."""
    words = tokens(name.removesuffix("__c"))
    while words and words[0] in ("x", "cf", "cio", "new", "custom"):
        words = words[1:]
    return "".join(words)
