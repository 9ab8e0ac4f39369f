"""A rehearsal takes a few people with all that hangs on them, and nothing of anybody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from records import company, event, member, person, segment, works_at

from crmlift.errors import ConfigError
from crmlift.mapping.load import parse_mapping
from crmlift.rehearse.sample import Choice, draw
from crmlift.testing.workspace import KEYS

WORKSPACE = [
    company("c1"), company("c2"),
    *[person(f"p{number}") for number in range(30)], person("twin", email="p1@example.com"),
    works_at("p1", "c1"), works_at("p2", "c1"), works_at("p3", "c2"),
    segment(1), segment(2), member(1, "p1"), member(1, "p2"), member(2, "p3"),
    event("e1", "p1"), event("e2", "p2"), event("e3", "twin"),
]  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "messages.jsonl"
    schemas = [
        {"type": "SCHEMA", "stream": stream, "schema": {"properties": {}}, "key_properties": keys}
        for stream, keys in KEYS.items()
    ]
    records = [{"type": "RECORD", "stream": stream, "record": record} for stream, record in WORKSPACE]
    state = [{"type": "STATE", "value": {"n": 1}}]
    file.write_text("\n".join(json.dumps(message) for message in [*schemas, *records, *state]))
    return file


def drawn(bench, source, **choice):
    target = source.with_name("sample.jsonl")
    sample = draw(source, parse_mapping(bench.mapping), Choice(**choice))
    sample.write(source, target)
    messages = [json.loads(line) for line in target.read_text().splitlines()]
    assert {message["type"] for message in messages} == {"SCHEMA", "RECORD"}
    chosen = [(one["stream"], one["record"]) for one in messages if one["type"] == "RECORD"]
    assert [record for record in WORKSPACE if record in chosen] == chosen
    return sample, chosen


def test_a_named_person_comes_with_what_hangs_on_them_and_what_they_link_to(bench, source):
    sample, chosen = drawn(bench, source, named=(" P1@example.com",))
    assert sample.people == {"p1", "twin"}
    assert chosen == [
        company("c1"), person("p1"), person("twin", email="p1@example.com"), works_at("p1", "c1"),
        segment(1), member(1, "p1"), event("e1", "p1"), event("e3", "twin"),
    ]  # fmt: skip


def test_somebody_who_was_merged_comes_with_the_person_they_joined(bench, source):
    _, chosen = drawn(bench, source, named=("twin",))
    assert person("p1") in chosen
    assert event("e1", "p1") in chosen


def test_a_segment_comes_whole_or_in_part(bench, source):
    sample, chosen = drawn(bench, source, segment="segment 1", count=None)
    assert sample.people == {"p1", "p2"}
    assert event("e2", "p2") in chosen
    assert company("c2") not in chosen
    assert len(drawn(bench, source, segment="1", count=1)[0].people) == 1


def test_a_number_is_drawn_by_the_seed(bench, source):
    first = drawn(bench, source, count=5, seed=1)
    assert len(first[0].people) == 5
    assert drawn(bench, source, count=5, seed=1) == first
    assert drawn(bench, source, count=5, seed=2) != first
    assert len(drawn(bench, source, count=500)[0].people) == 31


def test_a_row_that_many_people_make_brings_one_of_them_only(bench, source):
    bench.mapping = bench.mapping.replace(
        "  relationships:",
        """    - {entity: tag, key: "='all'", fields: {name: {value: Everybody}}}
    - entity: person_tag
      key: ["='all'", cio_id]
      links: {person: {entity: person, key: cio_id}, tag: {entity: tag, key: "='all'"}}
  relationships:""",
    )
    sample, chosen = drawn(bench, source, named=("p3",))
    assert sample.people == {"p3"}
    assert [record["cio_id"] for stream, record in chosen if stream == "people"] == ["p3"]


def test_nobody_is_an_error(bench, source):
    with pytest.raises(ConfigError, match="Nobody was found"):
        drawn(bench, source, segment="no such segment")


def test_what_was_drawn_loads_without_anything_left_waiting(bench, source):
    _, chosen = drawn(bench, source, named=("p1", "p3"))
    counts = bench.run(*chosen)
    assert counts["company"] == {"created": 2}
    assert bench.status == "complete"
    assert not any("waiting" in counter for counter in counts.values())
