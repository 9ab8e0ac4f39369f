"""Conditions of Customer.io as search domains over Odoo's contacts."""

from __future__ import annotations

from typing import Any

from crmlift.handoff import words
from crmlift.handoff.advice import Segment
from crmlift.handoff.conditions import Compare, Did
from crmlift.handoff.translate import Translator
from crmlift.mapping.convert import to_country

ENTITY = "person"
Domain = list[Any]
# Standard fields that keep a text as it is; others are links, selections, or cleaned by Odoo (`website`).
_KEPT = {"ref", "email", "phone", "function", "street", "street2", "city", "zip", "comment", "vat"}
_BOUNDS = {"gt": ">", "lt": "<"}
_MOMENTS = {"timestamp_gta": ">", "timestamp_lta": "<"}


class OdooDomain(Translator[Domain]):
    """Conditions as a search domain over contacts, each part whole in prefix notation."""

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
        if sum(other.name == name for other in self.fields.segments.values()) > 1:
            self.lose(f"Several segments are called “{name}”, and so are their tags: give them other names.")
        return [("category_id.name", "=", name)]

    def compare(self, test: Compare) -> Domain | None:
        """A field of the contact, as the mapping loads the attribute."""
        held = self.fields.holding(test.field, ENTITY)
        if held is None:
            return self._parts(test)
        if held.others:
            self.lose(f"{held.field} takes {' and '.join(held.others)}, too, where {test.field} has nothing.")
        if held.spec.default is not None:
            self.lose(f"{held.field} is “{held.spec.default}” where {test.field} is not set.")
        custom = held.spec.custom
        if custom is None and held.field not in _KEPT and held.conversion in ("", "text"):
            self.lose(f"Odoo may keep {held.field} in another form than {test.field} has.")
        match held.conversion:
            case "" | "text":
                return self._text(held.field, test)
            case "boolean":
                return self._boolean(held.field, test)
            case "integer" | "number":
                return self._number(held.field, test, held.conversion)
            case "date" | "datetime":
                return self._moment(held.field, test, held.conversion)
            case "country" if test.operator in ("eq", "!eq"):
                return self._country(held.field, test)
            case "list" if test.operator in ("contains", "exists"):
                self.lose(f"{held.field} holds the items of {test.field} as one text.")
                return self._text(held.field, test)
        return None

    def _parts(self, test: Compare) -> Domain | None:
        """An object is not loaded as such: the fields of its parts say whether it is there."""
        fields = self.fields.below(test.field, ENTITY)
        if not fields or test.operator not in ("exists", "!exists"):
            return None
        self.lose(f"{test.field} itself is not loaded: somebody counts by {', '.join(fields)}.")
        found = self.any_of([[(name, "!=", False)] for name in fields])
        return found if test.operator == "exists" else self.negation(found)

    def _text(self, field: str, test: Compare) -> Domain | None:
        """Customer.io compares texts without case."""
        if "blank" in self.fields.kinds(test.field):
            self.lose(f"Some have a {test.field} that is blank; Odoo does not tell it from none.")
        pattern = _escaped(words.plain(test.value))
        said: dict[str, Domain] = {
            "eq": [(field, "=ilike", pattern)],
            "exists": [(field, "!=", False)],
            "contains": [(field, "ilike", pattern)],
        }
        found = said.get(test.operator.removeprefix("!"))
        if found is None or not test.operator.startswith("!"):
            return found
        return self._unless(test, found, [(field, "!=", False)])

    def _unless(self, test: Compare, found: Domain, there: Domain) -> Domain:
        """`!exists` is plain; whom another negation takes in where nothing is set is not published."""
        if test.operator == "!exists":
            return self.negation(found)
        self.lose_negation(test)
        return self.all_of([self.negation(found), there])

    def _boolean(self, field: str, test: Compare) -> Domain | None:
        value = words.plain(test.value).lower()
        if test.operator != "eq" or value not in ("true", "false"):
            return None
        self._only({"boolean"}, test, "no booleans: they are made into one, or left out")
        if value == "false":
            self.lose(f"Odoo has no empty booleans: who has no {test.field} is taken in.")
        return [(field, "=", value == "true")]

    def _number(self, field: str, test: Compare, kind: str) -> Domain | None:
        number = _number(test.value)
        if number is None or test.operator not in ("eq", *_BOUNDS):
            return None
        if kind == "integer":
            self._only({"integer", "string"}, test, "not whole: they are left out")
        empty = {"eq": number == 0, "gt": number < 0, "lt": number > 0}[test.operator]
        if empty:
            self.lose(
                f"Odoo has no empty numbers: who has no {test.field}, or one that is no number, counts as 0."
            )
        return [(field, _BOUNDS.get(test.operator, "="), number)]

    def _moment(self, field: str, test: Compare, kind: str) -> Domain | None:
        seconds = _number(test.value)
        if test.operator == "exists":
            self.lose(f"Only values of {test.field} that are dates are loaded.")
            return [(field, "!=", False)]
        if seconds is None or test.operator not in _MOMENTS:
            return None
        if kind == "date":
            self.lose(f"{field} holds the day of {test.field}, not its time.")
        self._only({"integer"}, test, "not in seconds: only those that are dates are loaded")
        moment = words.moment(int(seconds)).removesuffix(" UTC")
        value = moment[:10] if kind == "date" else f"{moment}:{int(seconds) % 60:02}"
        return [(field, _MOMENTS[test.operator], value)]

    def _country(self, field: str, test: Compare) -> Domain | None:
        try:
            found: Domain = [(f"{field}.code", "=", to_country(test.value))]
        except ValueError:
            return None
        self.lose(f"{field} is the country itself: other spellings of “{test.value}” are taken in.")
        return found if test.operator == "eq" else self._unless(test, found, [(field, "!=", False)])

    def _only(self, expected: set[str], test: Compare, otherwise: str) -> None:
        """Lose what values of other types become; without any seen, nothing is sure."""
        kinds = self.fields.kinds(test.field) - {"null"}
        if not kinds:
            self.lose(f"No value of {test.field} was seen, so its type is not known.")
        elif not kinds <= expected:
            self.lose(f"Some values of {test.field} are {otherwise}.")


def _escaped(text: str) -> str:
    """A pattern that matches itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _number(value: Any) -> float | int | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if number.is_integer() else number
