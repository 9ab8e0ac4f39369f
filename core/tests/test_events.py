"""Events: columns and the rest, a limit of notes per person, sums per person and month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from records import person

from crmlift.errors import ConfigError
from crmlift.hooks.events import Events
from crmlift.hooks.manager import Hooks
from crmlift.scope.build import Options, build_profile
from crmlift.scope.store import Store
from crmlift.testing.hooks import batch_of

JANUARY, FEBRUARY = 1_767_312_000, 1_770_000_000


def act(key: str, who: str | None = "p1", at: Any = JANUARY, **more: Any) -> tuple[str, dict[str, Any]]:
    return "activities", {"id": key, "type": "event", "name": "Bought", "timestamp": at, "cio_id": who} | more


def parts(data: Any, **options: Any) -> dict[str, Any]:
    batch = batch_of("activities", act("e", data=data)[1])
    Events(**options).crmlift_prepare(batch)
    return dict(batch.items[0].record["event"])


@pytest.mark.parametrize(
    ("data", "columns", "rest"),
    [
        ({"sum": 3, "note": "x"}, {"sum": 3}, {"note": "x"}),
        ({"note": "x"}, {}, {"note": "x"}),
        ({"sum": None, "note": "x"}, {}, {"sum": None, "note": "x"}),
        ({"cart": {"size": 2, "id": 7}}, {"cart.size": 2}, {"cart": {"size": 2, "id": 7}}),
        ({}, {}, {}),
        (None, {}, None),
    ],
)
def test_columns_and_the_rest_hold_all_that_there_was(data, columns, rest):
    assert parts(data, columns=["sum", "cart.size"]) == {"columns": columns, "rest": rest, "note": True}


def test_columns_come_from_the_profile_by_their_share(tmp_path: Path):
    store = Store(memory_mb=128)
    for number in range(20):
        data = {"sum": number, "items": [{"sku": "a"}]} | ({"rare": 1} if number == 0 else {})
        store.add(*act(f"e{number}", data=data))
    store.finish()
    profile = tmp_path / "scope.json"
    profile.write_text(build_profile(store, Options(now=FEBRUARY)).model_dump_json())
    store.close()
    data = {"sum": 3, "rare": 1, "items": [{"sku": "a"}]}
    assert parts(data, profile=profile)["columns"] == {"sum": 3, "items": [{"sku": "a"}]}
    assert parts(data, profile=profile, share=0.01)["columns"] == data


@pytest.mark.parametrize(("text", "problem"), [(None, "is not there"), ("{}", "is no profile")])
def test_a_profile_that_cannot_be_read_is_named(tmp_path: Path, text, problem):
    path = tmp_path / "scope.json"
    if text:
        path.write_text(text)
    with pytest.raises(ConfigError, match=f"needs the profile .*scope.json, which {problem}. Write it with"):
        Hooks({"events": {"profile": str(path)}})


def mapped(bench: Any, options: str, rules: str, when: str = "event.note") -> None:
    bench.mapping = (
        bench.mapping.replace("by: [email]}\n", "by: [email]}\n  events: " + options + "\n")
        .replace("    - entity: event\n", f"    - entity: event\n      when: {when}\n")
        .replace("\nskip:", rules + "\nskip:")
    )


def test_the_first_notes_of_a_person_are_chosen_for_good(bench):
    mapped(bench, "{most_notes: 2}", "")
    events = [act(f"e{number}") for number in range(4)] + [act("x", "p2"), act("y", None)]
    bench.run(person("p1"), person("p2"), *events[:-1])
    assert set(bench.crm.keys["event"]) == {"e0", "e1", "x"}
    assert bench.counts.streams["activities"] == {"read": 5, "notes_left_out": 2, "no_rule": 2}
    bench.run(*reversed(events[:-1]))
    assert set(bench.crm.keys["event"]) == {"e0", "e1", "x"}


def test_people_that_became_one_share_the_limit(bench):
    mapped(bench, "{most_notes: 1}", "")
    twins = [person(key, email="same@example.com") for key in ("p1", "p2")]
    bench.run(*twins, act("e1", "p1"), act("e2", "p2"))
    assert set(bench.crm.keys["event"]) == {"e1"}


SUMS = """
  activity_months:
    - entity: event
      key: id
      fields: {name: summary, at: {from: starts_on, as: date}, data: names}
      links: {person: {entity: person, key: cio_id, required: true}}
"""


def sums(bench: Any) -> dict[str, Any]:
    rows, keys = bench.crm.rows["event"], bench.crm.keys["event"]
    return {key: rows[crm_id]["data"] for key, crm_id in keys.items()}


def test_sums_per_person_and_month_count_each_event_once(bench):
    mapped(bench, "{months: true}", SUMS, when="'False'")
    events = [act("e1"), act("e2", name="Viewed"), act("e3"), act("e4", at=FEBRUARY), act("e5", at="broken")]
    result = bench.run(person("p1"), *events)
    assert sums(bench) == {"p1:2026-01": {"Bought": 2, "Viewed": 1}, "p1:2026-02": {"Bought": 1}}
    assert result["event"] == {"created": 2}
    assert bench.counts.streams["activities"] == {
        "read": 5, "summed_up": 4, "events_without_time": 1, "no_rule": 5,
    }  # fmt: skip
    row = bench.crm.rows["event"][bench.crm.keys["event"]["p1:2026-01"]]
    assert row["name"] == "Bought (2), Viewed (1)"
    calls = bench.crm.calls.copy()
    bench.run(*events)
    assert bench.crm.calls["create"] + bench.crm.calls["update"] == calls["create"] + calls["update"]
    assert bench.run(act("e6"))["event"] == {"updated": 1}
    assert sums(bench)["p1:2026-01"] == {"Bought": 3, "Viewed": 1}


def test_sums_of_a_run_that_broke_off_are_sent_by_the_next(bench):
    mapped(bench, "{months: true}", SUMS, when="'False'")
    with bench.open_ledger() as ledger:
        pipeline = bench.start(ledger)
        for stream, record in (person("p1"), act("e1")):
            pipeline.record(stream, record)
        pipeline.checkpoint()
    assert sums(bench) == {}
    bench.run()
    assert sums(bench) == {"p1:2026-01": {"Bought": 1}}
