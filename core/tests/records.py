"""Short records of each stream, for tests."""

from __future__ import annotations

from typing import Any

Record = tuple[str, dict[str, Any]]


def person(key: str, **more: Any) -> Record:
    record = {"cio_id": key, "email": f"{key}@example.com", "attributes": {"name": key.upper()}}
    return "people", record | more


def company(key: str) -> Record:
    return "objects", {"cio_object_id": key, "attributes": {"name": f"Company {key}"}}


def works_at(who: str, where: str) -> Record:
    return "relationships", {"object_type_id": "1", "cio_object_id": where, "cio_id": who}


def segment(number: int) -> Record:
    return "segments", {"id": number, "name": f"Segment {number}"}


def member(number: int, who: str, **more: Any) -> Record:
    return "segment_memberships", {"segment_id": number, "cio_id": who, **more}


def event(key: str, who: str, at: Any = 1_700_000_000) -> Record:
    return "activities", {"id": key, "cio_id": who, "name": "Bought", "timestamp": at, "data": {"sum": 3}}


EVERYTHING = [
    company("c1"), person("p1"), person("p2"), works_at("p1", "c1"),
    segment(1), member(1, "p1"), member(1, "p2"), event("e1", "p1"), event("e2", "p2"),
]  # fmt: skip
