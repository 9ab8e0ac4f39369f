"""A run counts after each stream, and stops where too much goes wrong."""

from __future__ import annotations

import pytest
from records import company, event, person, works_at

from crmlift.errors import RunStopped
from crmlift.loader.counts import Result

PEOPLE = [person(f"p{number}") for number in range(40)]


def load(bench, messages, **options):
    with bench.open_ledger() as ledger:
        pipeline = bench.start(ledger, **options)
        try:
            for stream, record in messages:
                pipeline.record(stream, dict(record))
            pipeline.finish()
        finally:
            bench.counts = pipeline.counts
        return pipeline


def test_each_entity_is_counted_in_the_crm_before_the_next_stream_begins(bench):
    seen = []
    bench.crm.before_call = seen.append
    load(bench, [company("c1"), *PEOPLE, event("e1", "p1")])
    assert bench.counts.checks == {
        "company": {"ledger": 1, "crm": 1},
        "person": {"ledger": 40, "crm": 40},
        "event": {"ledger": 1, "crm": 1},
    }
    created = [position for position, call in enumerate(seen) if call == "create"]
    assert "count" in seen[created[0] : created[1]]


def test_a_run_stops_where_most_rows_of_an_entity_are_rejected(bench):
    bench.crm.refuses = lambda entity, values: entity == "person" and values["email"][1] in "123456789"
    with pytest.raises(
        RunStopped, match=r"39 of 40 rows of 'person' were rejected\. More than 50 %"
    ) as caught:
        load(bench, [*PEOPLE, event("e1", "p0")])
    assert "`stop_above_percent`" in caught.value.hint
    assert bench.counts.entity("person")[Result.CREATED] == 1
    assert bench.crm.rows["event"] == {}


def test_a_run_goes_on_below_the_share_and_with_few_rows(bench):
    bench.crm.refuses = lambda entity, values: entity == "person" and values["email"][1] in "123456789"
    load(bench, PEOPLE, stop_above_percent=100)
    load(bench, [person(f"q{number}") for number in range(5)])
    assert bench.counts.entity("person")[Result.REJECTED] == 4


def test_a_run_stops_where_rows_vanish_from_the_crm(bench):
    load(bench, PEOPLE)
    for number in range(30):
        bench.crm.keys["person"].pop(f"p{number}")
    with pytest.raises(RunStopped, match="The ledger knows 40 rows of 'person' and the CRM counts 10"):
        load(bench, [*PEOPLE, event("e1", "p1")])
    assert bench.crm.rows["event"] == {}


def test_what_is_read_after_a_stop_is_still_settled(bench):
    load(bench, PEOPLE)
    bench.crm.keys["person"].clear()
    with bench.open_ledger() as ledger:
        pipeline = bench.start(ledger)
        for stream, record in PEOPLE:
            pipeline.record(stream, dict(record))
        pipeline.state({"n": 1})
        with pytest.raises(RunStopped):
            pipeline.record(*event("e1", "p1"))
        pipeline.checkpoint()
        pipeline.stop()
    assert bench.states[-1] == {"n": 1}


def test_a_tap_that_mixes_streams_is_counted_once_per_stream(bench):
    mixed = [
        message
        for pair in zip(PEOPLE[:9], [company(f"c{n}") for n in range(9)], strict=True)
        for message in pair
    ]
    load(bench, mixed)
    assert bench.crm.calls["count"] <= 6


def gone(number: int):
    return "people", {"cio_id": f"p{number}", "_sdc_deleted_at": "2026-01-01T00:00:00Z"}


def test_a_run_stops_before_most_rows_of_an_entity_are_removed_at_once(bench):
    load(bench, PEOPLE)
    with pytest.raises(
        RunStopped, match=r"no longer has 21 of 40 rows of 'person' or more\. Above 50 % is too much"
    ) as caught:
        load(bench, [gone(number) for number in range(21)])
    assert "Is it the right workspace" in caught.value.hint
    assert all(row.get("active") is None for row in bench.crm.rows["person"].values())
    load(bench, [gone(number) for number in range(21)], stop_above_percent=100)
    assert sum(row.get("active") is False for row in bench.crm.rows["person"].values()) == 21


def test_a_run_that_stopped_is_not_followed_by_one_that_removes_the_rest(bench):
    load(bench, PEOPLE)
    for _ in range(2):
        with bench.open_ledger() as ledger:
            pipeline = bench.start(ledger)
            for number in range(21):
                if number == 15:
                    pipeline.checkpoint()
                pipeline.record(*gone(number))
            with pytest.raises(RunStopped, match="21 of 40 rows"):
                pipeline.finish()
    assert sum(row.get("active") is False for row in bench.crm.rows["person"].values()) == 15


def test_removals_of_several_runs_are_not_added_up(bench):
    load(bench, PEOPLE)
    for first in (0, 10, 20):
        load(bench, [gone(number) for number in range(first + 10)])
    assert bench.counts.entity("person") == {Result.ARCHIVED: 10, Result.UNCHANGED: 20}


def test_an_entity_of_several_streams_is_counted_once_unless_it_changed(bench):
    everything = [company("c1"), person("p1"), works_at("p1", "c1")]
    load(bench, everything)
    before = bench.crm.calls["count"]
    load(bench, everything)
    assert bench.crm.calls["count"] - before == 2
    assert bench.counts.checks["person"] == {"ledger": 1, "crm": 1}
