"""Conditions and spans of time in words for a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from crmlift.handoff.conditions import All, AnyOf, Compare, Did, InSegment, Node, Not

_COMPARED = {
    "eq": "is {0}", "!eq": "is not {0}", "exists": "is set", "!exists": "is not set",
    "gt": "is more than {0}", "lt": "is less than {0}", "bw": "is between {0} and {1}",
    "contains": "contains {0}", "!contains": "does not contain {0}",
}  # fmt: skip
_MOMENTS = {
    "timestamp_gt": "is after {0}", "timestamp_lt": "is before {0}", "timestamp_gta": "is after {0}",
    "timestamp_lta": "is before {0}", "timestamp_bw": "is between {0} and {1}",
}  # fmt: skip
_SPANS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def condition(node: Node | None, names: Mapping[str, str] | None = None) -> str:
    """Say what a condition asks for; `names` are those of segments by id."""
    return _say(node, names or {})


def span(seconds: int) -> str:
    """Say how long something lasts, exactly: `3 days`, `1 hour 30 minutes`."""
    parts = []
    for unit, length in _SPANS:
        number, seconds = divmod(seconds, length)
        if number:
            parts.append(f"{number} {unit}{'s' if number > 1 else ''}")
    return " ".join(parts) or "no time"


def in_one_unit(seconds: int) -> tuple[int, str]:
    """Return a span as a number of the largest unit from minutes on that says it; minutes are rounded up."""
    units = _SPANS[:-1]
    unit, length = next(((unit, length) for unit, length in units if seconds % length == 0), units[-1])
    return max(1, -(-seconds // length)), unit


def moment(seconds: int | None) -> str:
    """Write unix seconds as an ISO 8601 moment in UTC; nothing for none."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC") if seconds else ""
    except (OverflowError, OSError, ValueError):
        return str(seconds)


def plain(value: Any) -> str:
    """Write a value as Customer.io compares it: as text."""
    return value if isinstance(value, str) else "" if value is None else _json(value)


def _say(node: Node | None, names: Mapping[str, str], *, inner: bool = False) -> str:
    match node:
        case None:
            return "everybody"
        case All() | AnyOf():
            if not node.of:
                return "everybody"
            word = " and " if isinstance(node, All) else " or "
            text = word.join(_say(one, names, inner=True) for one in node.of)
            return f"({text})" if inner else text
        case Not():
            return f"not ({_say(node.of, names)})"
        case Compare():
            return _test(node)
        case Did():
            return _did(node, names)
        case InSegment():
            name = names.get(node.id)
            return f"in segment {node.id} “{name}”" if name else f"in segment {node.id}"
        case _:
            return f"something that is not understood: {_json(node.raw)}"


def _test(test: Compare) -> str:
    whose = "" if test.owner == "person" else f"{test.owner}'s "
    subject = f"{whose}{test.field}"
    pattern = _COMPARED.get(test.operator)
    values = [test.value, test.value2]
    if test.operator in _MOMENTS:
        pattern, said = _MOMENTS[test.operator], [_when(test.operator, value) for value in values]
    else:
        said = [_value(value) for value in values]
    if pattern is None:
        pattern = f"{test.operator} {{0}} (an operator that is not known)"
    text = f"{subject} {pattern.format(*said)}"
    return f"not ({text}), and it is set" if test.inverse else text


def _when(operator: str, value: Any) -> str:
    number = int(value) if str(value).lstrip("-").isdecimal() else None
    if number is None:
        return _value(value)
    if operator in ("timestamp_gt", "timestamp_lt"):  # relative seconds
        return f"{span(abs(number))} {'ago' if number >= 0 else 'from now'}"
    return moment(number)


def _did(did: Did, names: Mapping[str, str]) -> str:
    times = "" if did.times == 1 else f" at least {did.times} times"
    within = f" in the last {span(did.within_seconds)}" if did.within_seconds else ""
    filters = f" where {_say(did.filters, names)}" if did.filters else ""
    what = f"attribute {did.event} changed" if did.change else f"did {did.event}"
    return f"{what}{times}{within}{filters}"


def _value(value: Any) -> str:
    return f"“{value}”" if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()
