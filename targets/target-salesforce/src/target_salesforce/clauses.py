"""Conditions of Customer.io as SOQL, and as the filters of a list view, a report, or a flow's start."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from crmlift.destination import FieldType
from crmlift.handoff.advice import Held, Segment
from crmlift.handoff.conditions import Did
from crmlift.handoff.leaves import Bound, LeafTranslator
from target_salesforce.soql import quoted

SOBJECTS = {"lead": "Lead", "contact": "Contact"}
_LONG = {FieldType.HTML, FieldType.JSON}
_OPPOSITE = {
    "equals": "notEqual",
    "contains": "notContain",
    "greaterThan": "lessOrEqual",
    "lessThan": "greaterOrEqual",
}
_OPPOSITE |= {opposite: operation for operation, opposite in _OPPOSITE.items()}
_BOUNDS: dict[Bound, str] = {"=": "equals", "<": "lessThan", ">": "greaterThan"}


@dataclass(frozen=True, slots=True)
class Filter:
    """One line of a list view's filter; an empty value means that the field has none."""

    field: str
    operation: str
    value: str
    kind: Literal["text", "boolean", "number", "moment"] = "text"


@dataclass(frozen=True, slots=True)
class Tree:
    """Filters joined by `AND` or `OR`."""

    word: Literal["AND", "OR"]
    of: tuple[Tree | Filter, ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition of a query; `view` is the same as filters, None where those cannot say it."""

    soql: str
    view: Tree | Filter | None


class Clauses(LeafTranslator[Clause]):
    """Conditions over leads or contacts."""

    def everybody(self) -> Clause:
        """Everybody."""
        return Clause("Id != null", Tree("AND", ()))

    def all_of(self, parts: list[Clause]) -> Clause:
        """`AND`, in parentheses: SOQL takes none beside `OR` without them."""
        return _joined("AND", parts)

    def any_of(self, parts: list[Clause]) -> Clause:
        """`OR`, in parentheses."""
        return _joined("OR", parts)

    def negation(self, part: Clause) -> Clause:
        """`NOT`; list views have none, so their operations are turned round."""
        if " < " in part.soql or " > " in part.soql:
            self.lose("Whom SOQL takes in where a comparison of an empty field is negated is not certain.")
        return Clause(f"(NOT {part.soql})", None if part.view is None else _turned(part.view))

    def did(self, did: Did) -> Clause | None:
        """Nothing: queries of tasks cannot stand inside another query."""
        del did
        return None

    def members(self, segment: Segment) -> Clause | None:
        """The members of the segment's campaign."""
        rules = self.fields.mapping.streams
        loaded = any(rule.entity == "campaign_member" for rule in rules.get("segment_memberships", []))
        named = self.fields.holding("name", "campaign", "segments")
        if not (loaded and named and segment.listed):
            return None
        if "segments" in self.fields.namesakes(segment, "campaign"):
            self.lose(f"Several segments are called “{segment.name}”, and so are their campaigns.")
        kind = "Campaign.cio_kind__c LIKE '%segment'"
        same = f"Campaign.{named.field} = {quoted(segment.name)} AND {kind}"
        member = f"{SOBJECTS[self.entity]}Id"
        return Clause(f"Id IN (SELECT {member} FROM CampaignMember WHERE {same})", None)

    def filled(self, held: Held) -> Clause:
        """Not null."""
        return Clause(f"{held.field} != null", Filter(held.field, "notEqual", ""))

    def text(self, held: Held, text: str, *, whole: bool) -> Clause | None:
        """Texts are compared without case. A long text cannot be compared at all."""
        if held.spec.custom is not None and held.spec.custom.type in _LONG:
            return None
        if not text:
            return None
        # A comma in a list view's value stands for "or".
        view = None if "," in text else Filter(held.field, "equals" if whole else "contains", text)
        if whole:
            return Clause(f"{held.field} = {quoted(text)}", view)
        pattern = quoted(text)[1:-1].replace("_", "\\_").replace("%", "\\%")
        return Clause(f"{held.field} LIKE '%{pattern}%'", view)

    def boolean(self, held: Held, value: bool) -> Clause:
        """Checkboxes are never empty."""
        if not value:
            self.lose(f"A checkbox is never empty: who has nothing in {held.field} is taken in.")
        said = str(value).lower()
        return Clause(
            f"{held.field} = {said}", Filter(held.field, "equals", "1" if value else "0", kind="boolean")
        )

    def number(self, held: Held, bound: Bound, number: float) -> Clause:
        """Numbers may be empty."""
        view = Filter(held.field, _BOUNDS[bound], f"{number:g}", kind="number")
        return Clause(f"{held.field} {bound} {number:g}", view)

    def moment(self, held: Held, bound: Bound, moment: datetime | date) -> Clause:
        """Dates are not quoted. A list view compares by the user's own time zone, so it has none."""
        said = moment.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(moment, datetime) else moment.isoformat()
        return Clause(f"{held.field} {bound} {said}", None)

    def country(self, held: Held, code: str) -> Clause:
        """As the mapping writes it; an org with country picklists shows the name for it."""
        self.lose(f"{held.field} is compared with the code {code}: an org may keep the name instead.")
        return Clause(f"{held.field} = {quoted(code)}", Filter(held.field, "equals", code))


def numbered(view: Tree | Filter) -> tuple[list[Filter], str]:
    """Return the filters in order, and the logic between them by number (`1 AND (2 OR 3)`)."""
    found: list[Filter] = []

    def said(node: Tree | Filter, *, inner: bool) -> str:
        if isinstance(node, Filter):
            found.append(node)
            return str(len(found))
        text = f" {node.word} ".join(said(one, inner=True) for one in node.of)
        return f"({text})" if inner and len(node.of) > 1 else text

    logic = said(view, inner=False)
    return found, logic


def _joined(word: Literal["AND", "OR"], parts: list[Clause]) -> Clause:
    if len(parts) == 1:
        return parts[0]
    views = [part.view for part in parts]
    known = tuple(view for view in views if view is not None)
    soql = f" {word} ".join(part.soql for part in parts)
    return Clause(f"({soql})", Tree(word, _flat(word, known)) if len(known) == len(views) else None)


def _flat(word: str, views: tuple[Tree | Filter, ...]) -> tuple[Tree | Filter, ...]:
    """Without trees of the same word inside."""
    found: list[Tree | Filter] = []
    for view in views:
        found += view.of if isinstance(view, Tree) and view.word == word else [view]
    return tuple(found)


def _turned(view: Tree | Filter) -> Tree | Filter:
    """The opposite (De Morgan)."""
    if isinstance(view, Filter):
        return Filter(view.field, _OPPOSITE[view.operation], view.value, kind=view.kind)
    return Tree("OR" if view.word == "AND" else "AND", tuple(map(_turned, view.of)))
