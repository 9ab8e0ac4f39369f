"""Comparisons of people's attributes by what the mapping makes of their values: what all CRMs share.

A target says how its own fields are compared, one method for each type; what a conversion, a shared field or
a default takes away is found here.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC, date, datetime
from typing import Literal

from crmlift.handoff import words
from crmlift.handoff.advice import Fields, Held
from crmlift.handoff.conditions import Compare
from crmlift.handoff.translate import T, Translator
from crmlift.mapping.convert import to_country

Bound = Literal["=", "<", ">"]
_BOUNDS: dict[str, Bound] = {"eq": "=", "gt": ">", "lt": "<"}
_MOMENTS: dict[str, Bound] = {"timestamp_gta": ">", "timestamp_lta": "<"}

_OPTED_OUT = ("consent.opted_out", "consent.email_opted_out")


class LeafTranslator(Translator[T]):
    """Compares attributes of people that one entity of a CRM holds."""

    def __init__(self, fields: Fields, entity: str) -> None:
        super().__init__(fields)
        self.entity = entity

    @abstractmethod
    def filled(self, held: Held) -> T | None:
        """The field holds something."""

    @abstractmethod
    def text(self, held: Held, text: str, *, whole: bool) -> T | None:
        """The field's text is this one, or, unless `whole`, has it in it; case does not count."""

    @abstractmethod
    def boolean(self, held: Held, value: bool) -> T | None:
        """The field is true, or false."""

    @abstractmethod
    def number(self, held: Held, bound: Bound, number: float) -> T | None:
        """The field's number is so, or beyond."""

    @abstractmethod
    def moment(self, held: Held, bound: Bound, moment: datetime | date) -> T | None:
        """The field's day, or its time in UTC, is before or after this."""

    def country(self, held: Held, code: str) -> T | None:
        """The field is a country, by ISO 3166 code; None where it cannot be compared."""
        del held, code
        return None

    def compare(self, test: Compare) -> T | None:
        """A comparison in the CRM's terms."""
        held = self.fields.holding(test.field, self.entity) or self._standing_for(test)
        if held is None:
            return self._parts(test)
        if held.others:
            self.lose(f"{held.field} takes {' and '.join(held.others)}, too, where {test.field} has nothing.")
        if held.spec.default is not None:
            self.lose(f"{held.field} is “{held.spec.default}” where {test.field} is not set.")
        operator = test.operator.removeprefix("!")
        said = self._exists(held, test) if operator == "exists" else self._said(held, test, operator)
        if said is None or operator == test.operator:
            return said
        if operator == "exists":
            return self.negation(said)
        self.lose_negation(test)
        there = self.filled(held)
        return None if there is None else self.all_of([self.negation(said), there])

    def _standing_for(self, test: Compare) -> Held | None:
        """What the consent hook says of somebody holds the attribute, and more."""
        if test.field != "unsubscribed":
            return None
        for name in _OPTED_OUT:
            if held := self.fields.holding(name, self.entity):
                self.lose(f"{held.field} is set for who opted out in any other way, too.")
                return held
        return None

    def _parts(self, test: Compare) -> T | None:
        """An object is not loaded as such: the fields of its parts say whether it is there."""
        parts = self.fields.below(test.field, self.entity)
        if test.operator not in ("exists", "!exists"):
            return None
        said = [one for held in parts if (one := self.filled(held)) is not None]
        if not said:
            return None
        names = ", ".join(held.field for held in parts)
        self.lose(f"{test.field} itself is not loaded: somebody counts by {names}.")
        found = self.any_of(said)
        return found if test.operator == "exists" else self.negation(found)

    def _exists(self, held: Held, test: Compare) -> T | None:
        if held.conversion == "boolean":
            return None  # few CRMs have a boolean that is empty
        if held.conversion not in ("", "text", "list"):
            self.lose(f"Only values of {test.field} that are of the type {held.conversion} are loaded.")
        elif "blank" in self.fields.kinds(test.field):
            self.lose(f"Some have a {test.field} that is blank, which is not told from none.")
        return self.filled(held)

    def _said(self, held: Held, test: Compare, operator: str) -> T | None:
        match held.conversion:
            case "" | "text" | "list" if operator in ("eq", "contains"):
                if held.conversion == "list":
                    self.lose(f"{held.field} holds the items of {test.field} as one text.")
                return self.text(held, words.plain(test.value), whole=operator == "eq")
            case "boolean" if operator == "eq":
                return self._boolean(held, test)
            case "integer" | "number" if operator in _BOUNDS:
                return self._number(held, test, _BOUNDS[operator])
            case "date" | "datetime" if operator in _MOMENTS:
                return self._moment(held, test, _MOMENTS[operator])
            case "country" if operator == "eq":
                return self._country(held, test)
        return None

    def _boolean(self, held: Held, test: Compare) -> T | None:
        value = words.plain(test.value).lower()
        if value not in ("true", "false"):
            return None
        self._only({"boolean"}, test, "no booleans: they are made into one, or left out")
        return self.boolean(held, value == "true")

    def _number(self, held: Held, test: Compare, bound: Bound) -> T | None:
        number = _number(test.value)
        if number is None:
            return None
        if held.conversion == "integer":
            self._only({"integer", "string"}, test, "not whole: they are left out")
        return self.number(held, bound, number)

    def _moment(self, held: Held, test: Compare, bound: Bound) -> T | None:
        seconds = _number(test.value)
        if seconds is None:
            return None
        try:
            moment = datetime.fromtimestamp(seconds, UTC)
        except (OverflowError, OSError, ValueError):
            return None
        self._only({"integer"}, test, "not in seconds: only those that are dates are loaded")
        if held.conversion == "datetime":
            return self.moment(held, bound, moment)
        self.lose(f"{held.field} holds the day of {test.field}, not its time.")
        return self.moment(held, bound, moment.date())

    def _country(self, held: Held, test: Compare) -> T | None:
        try:
            code = to_country(test.value)
        except ValueError:
            return None
        self.lose(f"{held.field} is the country itself: other spellings of “{test.value}” are taken in.")
        return self.country(held, code)

    def _only(self, expected: set[str], test: Compare, otherwise: str) -> None:
        """Lose what values of other types become; without any seen, nothing is sure."""
        kinds = self.fields.kinds(test.field) - {"null"}
        if not kinds:
            self.lose(f"No value of {test.field} was seen, so its type is not known.")
        elif not kinds <= expected:
            self.lose(f"Some values of {test.field} are {otherwise}.")


def _number(value: object) -> float | int | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return int(number) if number.is_integer() else number
