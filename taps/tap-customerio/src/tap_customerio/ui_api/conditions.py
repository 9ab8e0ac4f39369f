"""Conditions of journeys and segments: their two wire forms made one, and what in them is unknown.

A field holds JSON, or a text: base64 of the percent-encoded JSON. Which form a field comes in differs, so
the value is tested and not its name. Nothing is lost: what cannot be decoded stays where it was.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import msgspec

FIELDS = (
    "anchors",
    "attribute_filters",
    "audience",
    "conditions",
    "filters",
    "global_exit_conditions",
    "multi_conditions",
    "object_attribute_triggers",
    "preconditions",
    "recipients_filter",
    "relationship_attribute_triggers",
    "trigger",
)
_TYPES = {
    "attribute", "attribute_change", "attribute_compare", "device_attribute", "event", "event_attribute",
    "foreign_event", "message", "object_attribute", "relationship_attribute", "segments",
    "segments_negatable",
}  # fmt: skip
_OPERATORS = {
    "!contains", "!eq", "!exists", "bw", "contains", "eq", "exists", "gt", "lt", "timestamp_bw",
    "timestamp_gt", "timestamp_gta", "timestamp_lt", "timestamp_lta",
}  # fmt: skip


class Undecodable(ValueError):
    """A text that holds no condition in any form known here."""


def decode(value: Any) -> Any:
    """A condition as JSON; a list of texts is decoded text by text. Raises Undecodable."""
    if isinstance(value, str):
        return _decoded_text(value)
    if isinstance(value, list) and any(isinstance(one, str) for one in value):
        return [decode(one) for one in value]
    return value


def decoded(found: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The conditions of a campaign or action by field; and the fields that could not be decoded."""
    whole: dict[str, Any] = {}
    broken: list[str] = []
    for name in FIELDS:
        value = found.get(name)
        if value is None or value == "":
            continue
        try:
            whole[name] = decode(value)
        except Undecodable:
            broken.append(name)
            if isinstance(value, list):  # its other texts are still worth having; their places must stay
                whole[name] = [_or_none(one) for one in value]
    return whole, broken


def unknown(condition: Any) -> Counter[str]:
    """Types and operators in a decoded condition that are not known here, with how often they occur."""
    found: Counter[str] = Counter()
    for node in _nodes(condition):
        operator, kind = node.get("operator"), node.get("type")
        if isinstance(operator, str) and operator not in _OPERATORS:
            found[f"operator {operator[:80]}"] += 1
        if isinstance(kind, str) and kind not in _TYPES:
            found[f"condition type {kind[:80]}"] += 1
    return found


def _nodes(condition: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(condition, dict):
        yield condition
        for value in condition.values():
            yield from _nodes(value)
    elif isinstance(condition, list):
        for value in condition:
            yield from _nodes(value)


def _or_none(value: Any) -> Any:
    try:
        return decode(value)
    except Undecodable:
        return None


def _decoded_text(text: str) -> Any:
    for candidate in _readings(text):
        try:
            found = msgspec.json.decode(candidate)
        except msgspec.MsgspecError:
            continue
        if isinstance(found, (dict, list)):
            return found
    raise Undecodable("no condition in a known form")


def _readings(text: str) -> Iterator[str]:
    """What the text may stand for: base64 of percent-encoded JSON, or itself."""
    with suppress(ValueError):
        plain = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
        yield unquote(plain, errors="strict")
    yield text
