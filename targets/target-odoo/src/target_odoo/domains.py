"""Conditions of Customer.io as search domains over Odoo's contacts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from crmlift.handoff.advice import Held, Segment
from crmlift.handoff.conditions import Did
from crmlift.handoff.leaves import Bound, LeafTranslator

ENTITY = "person"
Domain = list[Any]
# Standard fields that keep a text as it is; others are links, selections, or cleaned by Odoo (`website`).
_KEPT = {"ref", "email", "phone", "function", "street", "street2", "city", "zip", "comment", "vat"}


class OdooDomain(LeafTranslator[Domain]):
    """Conditions as a domain, each part whole in prefix notation."""

    def everybody(self) -> Domain:
        """Every contact."""
        return [("id", "!=", False)]

    def all_of(self, parts: list[Domain]) -> Domain:
        """`&` before its terms."""
        return ["&"] * (len(parts) - 1) + [term for part in parts for term in part]

    def any_of(self, parts: list[Domain]) -> Domain:
        """`|` before its terms."""
        return ["|"] * (len(parts) - 1) + [term for part in parts for term in part]

    def negation(self, part: Domain) -> Domain:
        """`!` before its term: who has nothing in the field is taken in, as by `not` in Customer.io."""
        for name, operator, _ in (term for term in part if isinstance(term, tuple)):
            if operator in "<>" or "." in name:  # Odoo turns the operator round, which an empty field fails
                self.lose(f"Odoo leaves out contacts without {name} where a comparison of it is negated.")
        return ["!", *part]

    def did(self, did: Did) -> Domain | None:
        """Nothing: a contact has no field for its events."""
        del did
        return None

    def members(self, segment: Segment) -> Domain | None:
        """The contacts with the segment's tag."""
        name = segment.name
        rules = self.fields.mapping.streams
        tagged = any(rule.entity == "person_tag" for rule in rules.get("segment_memberships", []))
        named = self.fields.holding("name", "tag", "segments")
        if not (tagged and named and segment.listed):
            return None
        for stream in self.fields.namesakes(segment, "tag"):
            self.lose(f"Another of the {stream} has a tag of the name “{name}”, too: rename one of the tags.")
        return [("category_id.name", "=", name)]

    def filled(self, held: Held) -> Domain:
        """Empty fields are `False`, whatever their type; empty numbers are 0."""
        if held.conversion in ("integer", "number"):
            self.lose(f"Odoo has no empty numbers: who has 0 in {held.field} counts as without.")
            return [(held.field, "!=", 0)]
        return [(held.field, "!=", False)]

    def text(self, held: Held, text: str, *, whole: bool) -> Domain:
        """`=ilike` and `ilike`: texts without case."""
        if held.spec.custom is None and held.field not in _KEPT:
            self.lose(f"Odoo may keep {held.field} in another form than Customer.io does.")
        pattern = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return [(held.field, "=ilike" if whole else "ilike", pattern)]

    def boolean(self, held: Held, value: bool) -> Domain:
        """Booleans that were never set are false."""
        if not value:
            self.lose(f"Odoo has no empty booleans: who has nothing in {held.field} is taken in.")
        return [(held.field, "=", value)]

    def number(self, held: Held, bound: Bound, number: float) -> Domain:
        """Numbers that were never set are 0."""
        if {"=": number == 0, ">": number < 0, "<": number > 0}[bound]:
            self.lose(f"Odoo has no empty numbers: who has none in {held.field} counts as 0.")
        return [(held.field, bound, number)]

    def moment(self, held: Held, bound: Bound, moment: datetime | date) -> Domain:
        """Odoo keeps times in UTC, to the second."""
        if isinstance(moment, datetime):
            return [(held.field, bound, moment.strftime("%Y-%m-%d %H:%M:%S"))]
        return [(held.field, bound, moment.isoformat())]

    def country(self, held: Held, code: str) -> Domain:
        """A link to the country."""
        return [(f"{held.field}.code", "=", code)]
