"""Progress: what was read, how fast, how long it will take."""

from __future__ import annotations

from crmlift.commands import progress
from crmlift.commands.progress import Speed

COUNTS = {"streams": {"people": {"read": 300}, "activities": {"read": 100}}}


def test_speed_counts_all_streams(monkeypatch):
    monkeypatch.setattr(progress, "monotonic", lambda: 10.0)
    speed = Speed({"people": 300, "activities": 900}, began=8.0)
    assert speed.per_second(COUNTS) == 200
    assert speed.seconds_left(COUNTS) == 4
    assert speed.words(COUNTS) == "200 records/s, about 4 s left"


def test_without_a_plan_nobody_knows_how_long_it_takes(monkeypatch):
    monkeypatch.setattr(progress, "monotonic", lambda: 10.0)
    assert Speed(began=9.0).words(COUNTS) == "400 records/s"
    assert Speed({"people": 5}, began=9.0).seconds_left({}) is None


def test_more_than_was_planned_leaves_nothing(monkeypatch):
    monkeypatch.setattr(progress, "monotonic", lambda: 10.0)
    assert Speed({"people": 200}, began=9.0).seconds_left(COUNTS) == 0
    assert Speed({"people": 400_300}, began=9.0).words(COUNTS) == "400 records/s, about 17 min left"
