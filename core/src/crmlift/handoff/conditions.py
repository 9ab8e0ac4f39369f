"""Conditions of segments and journeys as one tree, from every grammar that Customer.io speaks.

Three are read: the App API's audience filter (`and`, `or`, `not`, `attribute`, `segment`), the trees of the
user interface (`inverse`, `event` with `times` and `within`), and the flat lists of a journey's actions
(`{type, field, operator, value}`, which are ANDed). What no grammar explains is kept as it came.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from crmlift.part import Part

Owner = Literal["person", "event", "object", "relationship", "device", "awaited event", "message"]
OWNERS: dict[str, Owner] = {
    "attribute": "person",
    "event_attribute": "event",
    "object_attribute": "object",
    "relationship_attribute": "relationship",
    "device_attribute": "device",
    "foreign_event": "awaited event",
    "message": "message",
}
OPERATORS = {
    "eq", "!eq", "exists", "!exists", "gt", "lt", "bw", "contains", "!contains", "timestamp_gt",
    "timestamp_lt", "timestamp_gta", "timestamp_lta", "timestamp_bw",
}  # fmt: skip


class All(Part):
    """Every one of them holds; none at all means everybody."""

    kind: Literal["all"] = "all"
    of: list[Node]


class AnyOf(Part):
    """At least one of them holds."""

    kind: Literal["any"] = "any"
    of: list[Node]


class Not(Part):
    """It does not hold."""

    kind: Literal["not"] = "not"
    of: Node


class Compare(Part):
    """A field of somebody or something, compared.

    `inverse` is the user interface's negation: who lacks the field is said not to match it either, where
    `Not` takes them in. `type_id` is the object type of a field of an object or a relationship.
    """

    kind: Literal["compare"] = "compare"
    owner: Owner = "person"
    field: str
    operator: str
    value: Any = None
    value2: Any = None
    inverse: bool = False
    known: bool = True
    type_id: str | None = None


class Did(Part):
    """Somebody did something, or an attribute changed: `times` at least, `within_seconds` of now."""

    kind: Literal["did"] = "did"
    event: str
    change: bool = False
    filters: Node | None = None
    times: int = 1
    within_seconds: int | None = None


class InSegment(Part):
    """Somebody is in a segment."""

    kind: Literal["segment"] = "segment"
    id: str


class Unknown(Part):
    """What no grammar explains, as it came."""

    kind: Literal["unknown"] = "unknown"
    raw: Any


Node = Annotated[All | AnyOf | Not | Compare | Did | InSegment | Unknown, Field(discriminator="kind")]
for _part in (All, AnyOf, Not, Did):
    _part.model_rebuild()

EVERYBODY = All(of=[])


def parse(raw: Any, owner: Owner = "person") -> Node:
    """Return the tree of a decoded condition; `owner` has the fields that are named without one."""
    if raw in (None, "", {}, []):
        return EVERYBODY
    if isinstance(raw, list):
        return _joined("all", [parse(one, owner) for one in raw])
    if not isinstance(raw, dict):
        return Unknown(raw=raw)
    for word, kind in (("and", "all"), ("or", "any")):
        if isinstance(raw.get(word), list):
            return _negated(raw, _joined(kind, [parse(one, owner) for one in raw[word]]))
    if "not" in raw and len(raw) == 1:
        return Not(of=parse(raw["not"], owner))
    return _leaf(raw, owner)


def walk(node: Node | None) -> Iterator[Node]:
    """Yield a tree's nodes, each before what is in it."""
    if node is None:
        return
    yield node
    if isinstance(node, All | AnyOf):
        for one in node.of:
            yield from walk(one)
    elif isinstance(node, Not):
        yield from walk(node.of)
    elif isinstance(node, Did):
        yield from walk(node.filters)


def segments_in(node: Node | None) -> list[str]:
    """Return the ids of the segments that a tree names, each once, in order."""
    return list(dict.fromkeys(one.id for one in walk(node) if isinstance(one, InSegment)))


def awaited_event(node: Node | None) -> str | None:
    """Return the event that a condition waits for, where its coming is all that is asked."""
    match node:
        case Compare(owner="awaited event", field="name", operator="eq", value=str(name)):
            return name
        case Did(event=name, change=False, filters=None):
            return name
    return None


def _leaf(raw: dict[str, Any], owner: Owner) -> Node:
    kind = raw.get("type")
    if isinstance(inner := raw.get("attribute"), dict) and "field" in inner:
        return _test(inner | {"inverse": _inverse(raw) or _inverse(inner)}, "person")
    if isinstance(inner := raw.get("event"), dict) and isinstance(inner.get("name"), str):
        return _negated(raw, _did(raw, inner))
    if isinstance(inner := raw.get("segment"), dict | int | str):
        id = inner.get("id") if isinstance(inner, dict) else inner
        return _negated(raw, InSegment(id=str(id))) if id is not None else Unknown(raw=raw)
    if kind in ("segments_negatable", "segments") and _is_one(raw.get("segments")):
        found = InSegment(id=str(raw["segments"][0]))
        return Not(of=found) if raw.get("negate") is True else found
    if isinstance(raw.get("field"), str) and (kind is None or kind in OWNERS):
        return _test(raw, OWNERS.get(str(kind), owner))
    return Unknown(raw=raw)


def _is_one(segments: Any) -> bool:
    """Whether a list names one segment; what several in one entry mean is not known."""
    return isinstance(segments, list) and len(segments) == 1


def _test(raw: dict[str, Any], owner: Owner) -> Node:
    operator = raw.get("operator")
    if not isinstance(operator, str):
        return Unknown(raw=raw)
    return Compare(
        owner=owner,
        field=raw["field"],
        operator=operator,
        value=raw.get("value"),
        value2=raw.get("value2"),
        inverse=_inverse(raw),
        known=operator in OPERATORS,
        type_id=None if raw.get("type_id") is None else str(raw["type_id"]),
    )


def _did(raw: dict[str, Any], event: dict[str, Any]) -> Node:
    filters = parse(event.get("filters"), "event")
    return Did(
        event=event["name"],
        change=event.get("type") == "attribute_change",
        filters=None if filters == EVERYBODY else filters,
        times=_whole(raw.get("times")) or 1,
        within_seconds=_whole(raw.get("within")) or None,
    )


def _joined(kind: str, nodes: list[Node]) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    return All(of=nodes) if kind == "all" else AnyOf(of=nodes)


def _negated(raw: dict[str, Any], node: Node) -> Node:
    return Not(of=node) if _inverse(raw) else node


def _inverse(raw: dict[str, Any]) -> bool:
    return raw.get("inverse") is True


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else None
