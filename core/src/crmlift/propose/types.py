"""The type of a custom field, from what the profile counted."""

from __future__ import annotations

from typing import NamedTuple

from crmlift.destination import FieldType
from crmlift.mapping.model import Convert
from crmlift.scope.model import Attribute

_ALMOST_ALL = 0.98
_MOST_CHOICES = 12
_TIME_NAMES = ("_at", "date", "time", "_on", "seen", "since", "until")


class Typed(NamedTuple):
    """A field type, the conversion that leads to it, its choices, and what a person should know."""

    type: FieldType
    convert: Convert
    choices: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def type_of(attribute: Attribute, *, values_shown: bool) -> Typed:
    """Return the narrowest type that all values fit."""
    kinds = set(attribute.types) - {"null"}
    if "array" in kinds:
        return Typed(FieldType.TEXT, "list") if kinds == {"array"} else _mixed(kinds)
    if "object" in kinds:
        return Typed(FieldType.JSON, "json")
    if attribute.mixed:
        return _mixed(kinds)
    if kinds == {"boolean"}:
        return Typed(FieldType.BOOLEAN, "boolean")
    if kinds and kinds <= {"integer", "number"}:
        return _of_numbers(attribute, kinds)
    return _of_text(attribute, values_shown=values_shown)


def _mixed(kinds: set[str]) -> Typed:
    return Typed(FieldType.TEXT, "text", notes=(f"mixed types ({', '.join(sorted(kinds))}), so text",))


def _of_numbers(attribute: Attribute, kinds: set[str]) -> Typed:
    times = attribute.patterns.get("unix_seconds", 0.0) >= _ALMOST_ALL
    if times and attribute.name.casefold().endswith(_TIME_NAMES):
        return Typed(FieldType.DATETIME, "datetime", notes=("unix seconds",))
    if kinds == {"integer"}:
        return Typed(FieldType.INTEGER, "integer")
    return Typed(FieldType.NUMBER, "number")


def _of_text(attribute: Attribute, *, values_shown: bool) -> Typed:
    looks = {look for look, share in attribute.patterns.items() if share >= _ALMOST_ALL}
    for look, type_, convert in (
        ("datetime", FieldType.DATETIME, "datetime"),
        ("date", FieldType.DATE, "date"),
        ("boolean", FieldType.BOOLEAN, "boolean"),
    ):
        if look in looks:
            return Typed(type_, convert)  # type: ignore[arg-type]
    few = attribute.distinct_exact and 1 < attribute.distinct <= _MOST_CHOICES < attribute.filled
    if not few:
        return Typed(FieldType.TEXT, "text")
    if values_shown and len(attribute.examples) == attribute.distinct:
        return Typed(FieldType.CHOICE, "text", choices=tuple(sorted(attribute.examples)))
    return Typed(
        FieldType.TEXT, "text", notes=(f"only {attribute.distinct} distinct values: a choice, if you like",)
    )


def accepts(live: FieldType, convert: Convert) -> bool:
    """Whether a field of the live CRM can hold what a conversion gives."""
    if live in (FieldType.TEXT, FieldType.HTML):
        return convert in (
            "text",
            "list",
            "country",
            "language",
            "timezone",
            "date",
            "datetime",
            "integer",
            "number",
        )
    same = {
        FieldType.INTEGER: {"integer"},
        FieldType.NUMBER: {"integer", "number"},
        FieldType.BOOLEAN: {"boolean"},
        FieldType.DATE: {"date"},
        FieldType.DATETIME: {"datetime"},
        FieldType.JSON: {"json"},
    }
    return convert in same.get(live, set())
