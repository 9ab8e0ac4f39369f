"""What a person became stays, and what hangs on it is told so."""

from __future__ import annotations

from typing import Any

from records import event, person

from crmlift.batch import Batch, Item
from crmlift.hooks.manager import Hooks


def test_what_a_person_became_stays_and_is_told_to_what_hangs_on_it(ledger):
    hooks = Hooks({
        "dedupe": {"by": ["email"]},
        "split": {"rules": [{"scope": "lead", "when": "attributes.stage == 'lead'"}]},
        "follow": {"streams": {"activities": "cio_id"}},
    })  # fmt: skip

    def scopes(stream: str, *records: tuple[str, dict[str, Any]]) -> list[Any]:
        items = [Item(dict(record), record.get("id") or record["cio_id"], 0) for _, record in records]
        hooks.prepare(Batch(stream, items, ["cio_id"], ledger.claims))
        return [item.record["scope"] for item in items]

    lead, twin = {"stage": "lead"}, {"stage": "customer"}
    assert scopes(
        "people",
        person("p1", attributes=lead),
        person("p2", attributes=twin, email="p1@example.com"),
        person("p3", attributes=twin),
    ) == ["lead", "lead", "contact"]
    assert scopes("people", person("p1", attributes=twin), person("p3", attributes=lead)) == [
        "lead",
        "contact",
    ]
    events = [event(f"e{n}", key) for n, key in enumerate(["p1", "p2", "p3", "p4"])]
    assert scopes("activities", *events) == ["lead", "lead", "contact", None]
