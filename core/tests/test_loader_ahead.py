"""The next batch is made ready while the CRM is at work: what that must not change."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import company, event, person, works_at

from conftest import Bench
from crmlift.destination import EntitySpec
from crmlift.errors import RunStopped, TransientError
from crmlift.testing.memory import ENTITIES

PATIENCE_S = 60


@pytest.fixture
def held(bench: Bench) -> threading.Event:
    """Let the CRM answer no create before this is set."""
    go_on = threading.Event()

    def hold(method: str) -> None:
        if method == "create":
            assert go_on.wait(PATIENCE_S), "nobody went on while the CRM was at work"

    bench.crm.before_call = hold
    return go_on


def small(bench: Bench, **limits: int) -> None:
    """Give entities other batch limits."""
    specs: dict[str, EntitySpec] = {
        name: replace(ENTITIES[name], batch_limit=limit) for name, limit in limits.items()
    }
    bench.crm.entities = ENTITIES | specs


def test_the_next_batch_is_read_while_the_crm_is_at_work(bench, ledger, held):
    small(bench, person=500)
    pipeline = bench.start(ledger)
    for number in range(1000):
        if number == 700:
            assert bench.crm.rows["person"] == {}
            held.set()
        pipeline.record(*person(f"p{number}"))
    pipeline.finish()
    assert len(bench.crm.rows["person"]) == 1000


def test_no_state_leaves_before_the_answer_to_a_call(bench, ledger, held):
    small(bench, person=500)
    pipeline = bench.start(ledger)
    for number in range(500):
        pipeline.record(*person(f"p{number}"))
        pipeline.state(number)
    assert bench.states == []
    held.set()
    pipeline.finish()
    assert bench.states == [499]


def test_the_crm_has_one_call_at_a_time(bench):
    at_work, two = threading.Event(), threading.Event()
    create = bench.crm.create

    def slow(entity: str, rows: Any) -> Any:
        at_work.set()
        two.wait(0.02)
        outcomes = create(entity, rows)
        at_work.clear()
        return outcomes

    def begin(method: str) -> None:
        if method != "create" and at_work.is_set():
            two.set()

    bench.crm.create = slow
    bench.crm.before_call = begin
    small(bench, person=10, event=10)
    people = [person(f"p{number}") for number in range(95)]
    events = [event(f"e{number}", f"p{number % 95}") for number in range(100)]
    again = [person(f"p{number}", phone="+15550100") for number in range(30)]
    links = [works_at(f"p{number}", "c1") for number in range(60)]
    gone = [("people", {"cio_id": f"p{number}", "_sdc_deleted_at": "2026-01-01"}) for number in range(20)]
    bench.crm.rows["person"]["old"] = {"email": "late@example.com"}
    late = person("late")
    counts = bench.run(company("c1"), *people, *again, *links, *gone, late, *events)
    assert counts["person"]["created"] == 95
    assert counts["person"]["adopted"] == 1
    assert counts["event"] == {"created": 100}
    assert not two.is_set()


def test_calls_are_full_whatever_stands_between_the_new_rows(bench):
    small(bench, person=10)
    old = [person(f"old{number}") for number in range(100)]
    bench.run(*old)
    bench.crm.calls.clear()
    new = [person(f"new{number}") for number in range(100)]
    changed = [person(f"old{number}", phone="+15550100") for number in range(0, 100, 2)]
    mixed = [record for three in zip(new, old[1::2] * 2, changed * 2, strict=True) for record in three]
    bench.run(*mixed)
    assert bench.crm.calls["create"] == 10
    assert bench.crm.calls["update"] == 5


def test_a_parent_of_the_same_stream_still_gets_full_calls(bench):
    small(bench, person=10, event=10)
    bench.mapping = bench.mapping.replace(
        "  relationships:",
        "    - {entity: event, key: cio_id, fields: {name: cio_id},"
        " links: {person: {entity: person, key: cio_id, required: true}}}\n  relationships:",
    )
    bench.run(*[person(f"p{number}") for number in range(100)])
    assert bench.crm.calls["create"] == 20


@pytest.mark.parametrize("error", [TransientError("cut"), RunStopped("no right")])
def test_what_a_failed_call_left_is_looked_up_before_it_is_tried_again(bench, ledger, error):
    failures = [error]

    def fail(_method: str) -> None:
        if failures:
            raise failures.pop()

    bench.crm.after_call = fail
    pipeline = bench.start(ledger)
    for number in range(5):
        pipeline.record(*person(f"p{number}"))
    pipeline.state("all")
    with pytest.raises(type(error)):
        pipeline.checkpoint()
    assert bench.states == []
    pipeline.checkpoint()
    assert bench.crm.calls["create"] == 1
    assert bench.crm.calls["find"] == 1
    assert bench.states == ["all"]
    assert len(bench.crm.rows["person"]) == 5


def test_nobody_waits_for_a_call_that_was_answered(bench, ledger, monkeypatch):
    """Only of a call without an answer can the server be at work still."""
    bench.crm.entities = ENTITIES | {"person": replace(ENTITIES["person"], in_flight_s=120)}

    def stop(method: str) -> None:
        if method == "create":
            raise RunStopped("no right to create")

    bench.crm.before_call = stop
    monkeypatch.setattr("crmlift.loader.recovery.sleep", lambda _seconds: pytest.fail("waited"))
    pipeline = bench.start(ledger)
    pipeline.record(*person("p1"))
    for _ in range(2):
        with pytest.raises(RunStopped, match="no right"):
            pipeline.checkpoint()


def test_after_an_error_in_the_middle_everything_arrives_once(bench, ledger):
    small(bench, person=10)
    calls: list[str] = []

    def fail(method: str) -> None:
        calls.append(method)
        if calls.count("write") == 3:
            raise TransientError("The connection was cut.")

    bench.crm.after_call = fail
    pipeline = bench.start(ledger)

    def read() -> None:
        for number in range(1000):
            pipeline.record(*person(f"p{number % 40}", phone=f"+1555010{number % 40:04}"))

    with pytest.raises(TransientError):
        read()
    pipeline.checkpoint()
    assert len(bench.crm.rows["person"]) == 40
    assert len(bench.crm.keys["person"]) == 40


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=60),
    st.integers(1, 5),
    st.integers(1, 4),
    st.sampled_from([3, 1000]),
)
def test_rows_of_one_key_arrive_in_their_order_and_before_their_state(
    rows: list[tuple[int, int]], limit: int, batch: int, checkpoint: int
):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("crmlift.pipeline.pipeline.BATCH_RECORDS", batch)
        bench = Bench(Path(folder))
        small(bench, person=limit)
        bench.mapping = bench.mapping.replace("  dedupe: {stream: people, by: [email]}\n", "")
        bench.mapping = bench.mapping.replace("email: email\n", "city: city\n", 1)
        bench.states = Watched(bench, rows)
        with bench.open_ledger() as ledger:
            pipeline = bench.start(ledger, checkpoint_rows=checkpoint)
            for number, (key, value) in enumerate(rows, 1):
                pipeline.record(*person(f"p{key}", city=str(value)))
                pipeline.state(number)
            pipeline.finish()
        counts = pipeline.counts.entity("person")
        assert counts.total() == len(rows)
        assert counts["created"] == len(dict(rows))
        assert bench.states.arrived() == {f"p{key}": str(value) for key, value in rows}


class Watched(list[Any]):
    """Takes states that are the number of rows before them, and looks whether these are there."""

    def __init__(self, bench: Bench, rows: list[tuple[int, int]]) -> None:
        self.bench, self.rows = bench, rows

    def arrived(self) -> dict[str, str]:
        return {key: self.bench.person(key)["city"] for key in self.bench.crm.keys["person"]}

    def append(self, state: Any) -> None:
        arrived = self.arrived()
        last = {key: place for place, (key, _) in enumerate(self.rows[:state])}
        for key, place in last.items():
            # Later rows may have come, earlier ones may not be what stands there.
            assert arrived[f"p{key}"] in {str(value) for k, value in self.rows[place:] if k == key}
