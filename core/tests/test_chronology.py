"""Records of several streams come oldest first, once every stream has been read."""

from __future__ import annotations

from typing import Any

import pytest
from records import event, person

from crmlift.errors import ConfigError
from crmlift.hooks.manager import Hooks
from crmlift.loader.counts import Result
from crmlift.pipeline import verdicts

HOOK = "hooks:\n  chronology:\n    streams:\n"
EVENTS = "      activities: {at: timestamp}\n"
MESSAGES = """  deliveries:
    - entity: event
      key: id
      fields: {name: subject, at: {from: [metrics.sent, created], as: datetime}}
      links: {person: {entity: person, key: cio_id, required: true}}
"""
SOME_DAY = 1_700_000_000


def in_order_of_time(bench: Any, options: str = EVENTS) -> None:
    bench.mapping = bench.mapping.replace("hooks:\n", HOOK + options)


def message(key: str, who: str, at: int | None) -> tuple[str, dict[str, Any]]:
    return "deliveries", {"id": key, "cio_id": who, "subject": key, "metrics": {"sent": at}, "created": None}


def loaded(bench: Any) -> list[str]:
    """Keys of events, in the order in which the CRM got them."""
    keys = {crm_id: key for key, crm_id in bench.crm.keys["event"].items()}
    return [keys[crm_id] for crm_id in bench.crm.rows["event"]]


def test_records_of_two_streams_come_in_one_order(bench, monkeypatch):
    monkeypatch.setattr(verdicts, "DEFERRED_AT_ONCE", 2)
    in_order_of_time(bench, EVENTS + "      deliveries: {at: [metrics.sent, created]}\n")
    bench.mapping = bench.mapping.replace("skip: {deliveries: not part of this load}\n", MESSAGES)
    events = [event(f"e{n}", "p1", SOME_DAY + 10 * n) for n in (4, 2, 3, 1)]
    messages = [message(f"m{n}", "p1", SOME_DAY + 10 * n + 5) for n in (3, 1, 2)]
    counts = bench.run(person("p1"), *events, *messages, message("without a time", "p1", None))
    assert loaded(bench) == ["without a time", "e1", "m1", "e2", "m2", "e3", "m3", "e4"]
    assert counts["event"] == {Result.CREATED: 8}
    assert bench.counts.streams["deliveries"] == {"read": 4, "held": 0}
    assert bench.counts.checks["event"] == {"ledger": 8, "crm": 8}


def test_only_those_wait_that_the_condition_names(bench):
    in_order_of_time(bench, "      activities: {at: timestamp, when: id != 'e5'}\n")
    bench.run(person("p1"), *(event(f"e{n}", "p1", SOME_DAY + n) for n in (5, 2, 1)))
    assert loaded(bench) == ["e5", "e1", "e2"]


def test_what_waited_is_loaded_by_the_next_run_where_one_broke_off(bench):
    in_order_of_time(bench)
    with bench.open_ledger() as ledger:
        broken = bench.start(ledger)
        for stream, record in (person("p1"), event("e2", "p1", SOME_DAY + 2)):
            broken.record(stream, dict(record))
        broken.state({"position": 2})
        broken.checkpoint()
    assert bench.states == [{"position": 2}]
    assert loaded(bench) == []
    bench.run(event("e1", "p1", SOME_DAY + 1))
    assert loaded(bench) == ["e1", "e2"]


def test_a_record_whose_parent_came_late_waits_no_second_time(bench):
    in_order_of_time(bench)
    bench.run(event("e1", "p1"))
    assert loaded(bench) == []
    assert bench.run(person("p1"))["event"] == {Result.CREATED: 1}
    assert loaded(bench) == ["e1"]


def test_a_second_run_changes_nothing(bench):
    in_order_of_time(bench)
    facts = [person("p1"), event("e1", "p1")]
    bench.run(*facts)
    assert {result for counter in bench.run(*facts).values() for result in counter} == {"unchanged"}


def test_a_stream_needs_the_place_of_its_moment():
    with pytest.raises(ConfigError, match=r"'chronology' are wrong: streams\.activities\.at"):
        Hooks({"chronology": {"streams": {"activities": {"at": []}}}})
