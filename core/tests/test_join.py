from __future__ import annotations

from typing import Any

from crmlift.batch import Batch, Item
from crmlift.hooks.manager import Hooks

OPTIONS = {"streams": {"newsletter_metrics": {"newsletters": "newsletter_id"}}}


def prepare(hooks: Hooks, stream: str, *records: dict[str, Any]) -> None:
    items = [Item(record, str(number), number) for number, record in enumerate(records)]
    hooks.prepare(Batch(stream, items, ["id"], claims=None))


def test_a_record_gets_what_it_names_where_that_came_before() -> None:
    hooks = Hooks({"join": OPTIONS})
    known, unknown = {"newsletter_id": 3}, {"newsletter_id": 4}
    prepare(hooks, "newsletters", {"id": 3, "name": "News"})
    prepare(hooks, "newsletter_metrics", known, unknown)
    assert known == {"newsletter_id": 3, "parent": {"id": 3, "name": "News"}}
    assert unknown == {"newsletter_id": 4}


def test_a_record_that_comes_again_alone_keeps_what_it_was_given() -> None:
    record = {"newsletter_id": 3, "parent": {"id": 3, "name": "News"}}
    prepare(Hooks({"join": OPTIONS}), "newsletter_metrics", record)
    assert record["parent"]["name"] == "News"


def test_other_streams_are_left_alone() -> None:
    hooks = Hooks({"join": OPTIONS | {"into": "newsletter"}})
    record = {"newsletter_id": 3}
    prepare(hooks, "newsletters", {"id": 3})
    prepare(hooks, "deliveries", record)
    assert record == {"newsletter_id": 3}
    prepare(hooks, "newsletter_metrics", record)
    assert record["newsletter"] == {"id": 3}
