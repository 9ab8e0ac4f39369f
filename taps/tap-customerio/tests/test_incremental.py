"""Runs after the first: bookmarks, interruptions, changes."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tap_customerio.errors import Unavailable
from tap_customerio.streams import deliveries
from tap_customerio.workspace.load import change

NOW = 1_760_000_000  # the sandbox's time in tests

DAY = 86_400


def bookmark(state, stream):
    return state["bookmarks"][stream]["replication_key_value"]


def test_bookmarks_are_the_latest_of_what_was_read(shared, everything):
    final = everything.states[-1]
    assert bookmark(final, "activities") == max(event.timestamp for event in shared.workspace.events)
    assert bookmark(final, "deliveries") == max(d["created"] for d in shared.workspace.config["deliveries"])


def test_state_stays_small(everything):
    assert len(json.dumps(everything.states[-1])) < 3000  # a few bytes for each stream
    assert len(everything.states) < 2 * len(everything.streams) + 10


def test_a_second_run_reads_only_what_is_recent(shared, everything):
    shared.stats()
    output = shared.read("activities", "deliveries", state=everything.states[-1])
    since = bookmark(everything.states[-1], "activities") - DAY
    expected = {event.id for event in shared.workspace.events if event.timestamp >= since}
    assert output.by("activities", "id").keys() == expected
    since = bookmark(everything.states[-1], "deliveries") - 30 * DAY
    expected = {d["id"] for d in shared.workspace.config["deliveries"] if d["created"] >= since}
    assert output.by("deliveries", "id").keys() == expected
    endpoints = shared.stats()["endpoints"]
    assert endpoints["GET /v1/activities"] == 6  # one page of each type


def test_lookback_and_reread_can_be_set(shared, everything):
    state = everything.states[-1]
    output = shared.read(
        "activities", "deliveries", state=state, activities_lookback_hours=0, deliveries_reread_days=0
    )
    assert {r["timestamp"] for r in output.records["activities"]} == {bookmark(state, "activities")}
    assert {r["created"] for r in output.records["deliveries"]} == {bookmark(state, "deliveries")}


def test_start_date_leaves_older_ones_out(shared):
    output = shared.read("activities", "deliveries", start_date="2025-10-01T00:00:00Z")
    since = 1_759_276_800
    assert len(output.records["activities"]) == sum(e.timestamp >= since for e in shared.workspace.events)
    expected = sum(d["created"] >= since for d in shared.workspace.config["deliveries"])
    assert len(output.records["deliveries"]) == expected > 0


def test_metrics_that_arrive_late_are_read_again(sandbox):
    first = sandbox.read("deliveries")
    recent = max(first.records["deliveries"], key=lambda record: record["created"])
    sandbox.writer.configure({"delivery_metrics": {recent["id"]: {"clicked": NOW}}})
    again = sandbox.read("deliveries", state=first.states[-1]).by("deliveries", "id")
    assert again[recent["id"]]["metrics"] == recent["metrics"] | {"clicked": NOW}
    assert len(again) < len(first.records["deliveries"])


def test_an_interrupted_read_of_deliveries_goes_on_where_it_stopped(sandbox):
    whole = sandbox.read("deliveries").by("deliveries", "id")
    # The first of three windows is read, the second fails.
    sandbox.fault("status", status=503, count=1000, after=1, path="/v1/messages")
    start = {
        "deliveries_start": "2024-08-01T00:00:00Z",
        "deliveries_reread_days": 0,
        "max_tries": 1,
        "max_workers": 1,
    }
    broken = sandbox.output()
    with pytest.raises(Unavailable):
        sandbox.run(broken, "deliveries", **start)
    kept = broken.by("deliveries", "id")
    assert 0 < len(kept) < len(whole)
    state = broken.states[-1]
    assert bookmark(state, "deliveries") == max(record["created"] for record in kept.values())

    requests.delete(f"{sandbox.url}/_sandbox/faults")
    rest = sandbox.read("deliveries", state=state, **start).by("deliveries", "id")
    assert kept.keys() | rest.keys() == whole.keys()
    assert len(rest) < len(whole)


def test_an_interrupted_read_of_activities_starts_again(sandbox):
    sandbox.fault("status", status=500, count=1000, after=3, path="/v1/activities")
    broken = sandbox.output()
    with pytest.raises(Unavailable):
        sandbox.run(broken, "activities", max_tries=1, max_workers=1)
    assert 0 < len(broken.records["activities"]) < len(sandbox.workspace.events)
    assert not broken.states


def test_ten_changed_people_are_the_only_difference(sandbox):
    before = sandbox.read("people", "activities")
    changed = change(sandbox.writer, 10)
    after = sandbox.read("people", "activities", state=before.states[-1])
    old, new = before.by("people", "cio_id"), after.by("people", "cio_id")
    assert old.keys() == new.keys()
    assert sorted(new[key]["id"] for key in new if new[key] != old[key]) == sorted(changed)
    assert len(changed) == 10
    seen = [record for record in after.records["activities"] if record["type"] == "attribute_change"]
    assert sorted(record["person_id"] for record in seen) == sorted(changed)
    assert seen[0]["data"]["lead_score"]["to"] == 1001


def test_deliveries_of_one_second_are_split_without_loss(sandbox):
    many = [{"id": f"bulk{n}", "created": NOW - 5 * DAY, "type": "email"} for n in range(2500)]
    sandbox.writer.configure({"deliveries": many})
    found = sandbox.read("deliveries").by("deliveries", "id")
    assert len(found) == len(sandbox.workspace.config["deliveries"]) + 2500


def test_a_full_read_can_be_asked_for(shared, everything):
    output, state = shared.output(), everything.states[-1]
    shared.run(output, "activities", "deliveries", state=state, method="FULL_TABLE")
    for stream in ("activities", "deliveries"):
        assert output.by(stream, "id").keys() == everything.by(stream, "id").keys()


@given(start=st.integers(0, 10**9), length=st.integers(0, 2 * 10**8), parts=st.integers(1, 64))
def test_windows_and_their_parts_hold_every_second_once(start, length, parts):
    end = start + length
    windows = list(deliveries._windows(start, end))
    assert all(until - since < 182 * DAY for since, until in windows)
    split = deliveries._split(start, end, parts)
    assert 1 <= len(split) <= parts
    for ranges in (windows, split):
        assert ranges[0][0] == start
        assert ranges[-1][1] == end
        assert all(before[1] + 1 == after[0] for before, after in pairwise(ranges))
