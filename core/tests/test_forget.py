"""Forgetting a person erases them from the ledger's file, and nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from records import EVERYTHING, event, member, person

from crmlift.errors import ConfigError
from crmlift.forget import forget
from crmlift.mapping.load import parse_mapping
from crmlift.verify import verify

SECRET = "unforgettable"


def file_of(bench) -> bytes:
    return b"".join(path.read_bytes() for path in Path(bench.folder).glob("ledger.db*"))


@pytest.fixture
def loaded(bench):
    """p1 with before-images, a dead letter, a waiting record, events and a twin; p2 beside."""
    bench.run(*EVERYTHING, person("p3", email="p1@example.com"))
    bench.run(person("p1", attributes={"name": f"{SECRET} name"}), event("e1", "p1"))
    bench.run(person("p1"), person("p2", attributes={"name": "other"}))
    bench.crm.refuses = lambda _entity, values: SECRET in str(values)
    bench.run(
        person("p1", attributes={"name": f"{SECRET} again"}), event("e9", "p1"), member(9, "p1", note=SECRET)
    )
    return bench


def test_nothing_of_the_person_is_left_in_the_file(loaded):
    assert SECRET.encode() in file_of(loaded)
    with loaded.open_ledger() as ledger:
        erased = forget(ledger, parse_mapping(loaded.mapping), "p1").erased
        assert ledger.erasure.key_of("p1@example.com") is None
    assert {"records", "journal", "dead_letters", "parked", "claims"} <= erased.keys()
    content = file_of(loaded)
    assert SECRET.encode() not in content
    assert b"p1@example.com" not in content
    assert b'"p1"' not in content


def test_everybody_else_stays(loaded):
    with loaded.open_ledger() as ledger:
        forget(ledger, parse_mapping(loaded.mapping), "p1")
        assert ledger.records.ids("person", ["p1", "p2"]).keys() == {"p2"}
        assert verify(ledger, loaded.crm).passed
        entries = [entry for run in (1, 2, 3) for entry in ledger.journal.backwards(run, "person")]
    assert {entry.key for entry in entries} == {"p2"}


def test_a_person_is_found_by_the_address_that_people_are_matched_by(loaded):
    with loaded.open_ledger() as ledger:
        assert forget(ledger, parse_mapping(loaded.mapping), " P1@Example.com").erased["records"] >= 1


def test_creates_of_others_that_were_under_way_are_still_known(bench, ledger):
    ledger.journal.open_batch("person", ["p1", "p2"])
    ledger.records.shape(("a",))
    bench.run(person("p1"))
    with bench.open_ledger() as other:
        other.journal.open_batch("person", ["p1", "p2"])
        forget(other, parse_mapping(bench.mapping), "p1")
        assert [batch.keys for batch in other.journal.open_batches("person")][-1] == ["p2"]


def test_nobody_is_an_error(loaded):
    with loaded.open_ledger() as ledger, pytest.raises(ConfigError, match="knows nobody"):
        forget(ledger, parse_mapping(loaded.mapping), "p77")
