"""The built-in hooks, and what happens when a plugin is broken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import event, person

from crmlift import plugins
from crmlift.batch import Batch, Item
from crmlift.errors import ConfigError
from crmlift.hooks.flatten import flatten
from crmlift.hooks.manager import Hooks

leaves = st.none() | st.integers() | st.text() | st.lists(st.integers())
nested = st.recursive(
    st.dictionaries(st.text("ab.", max_size=3), leaves, max_size=4),
    lambda inner: st.dictionaries(st.text("ab.", max_size=3), leaves | inner, max_size=4),
    max_leaves=12,
)


def count_leaves(value: Any) -> int:
    return sum(map(count_leaves, value.values())) if isinstance(value, dict) and value else 1


@given(nested)
def test_flatten_loses_no_leaf_whatever_the_names(value: dict[str, Any]):
    flat = flatten(value)
    assert len(flat) == (count_leaves(value) if value else 0)
    assert not any(isinstance(leaf, dict) and leaf for leaf in flat.values())


@given(nested)
def test_flatten_gives_the_same_names_whatever_the_order(value: dict[str, Any]):
    backwards = dict(reversed(value.items()))
    assert {k: v for k, v in flatten(value).items() if "." not in k} == {
        k: v for k, v in flatten(backwards).items() if "." not in k
    }


def test_a_literal_name_keeps_its_place_before_a_nested_one():
    assert flatten({"a": {"b": 1}, "a.b": 2}) == {"a.b": 2, "a.b.2": 1}


def test_the_split_names_a_scope_and_holds(bench):
    rules = "[{scope: lead, when: \"attributes.stage == 'lead'\"}, {scope: hold, when: not email}]"
    bench.mapping = bench.mapping.replace("hooks:\n", f"hooks:\n  split: {{rules: {rules}}}\n").replace(
        "    - entity: person\n      key: cio_id\n      match",
        "    - entity: person\n      when: scope == 'contact'\n      key: cio_id\n      match",
    )
    bench.run(person("p1"), person("p2", attributes={"stage": "lead"}), person("p3", email=None))
    assert set(bench.crm.keys["person"]) == {"p1"}
    assert bench.counts.streams["people"] == {"read": 3, "held": 1, "no_rule": 1}
    with bench.open_ledger() as ledger:
        (held,) = ledger.letters.all()
    assert (held.fate, held.source, held.detail) == ("held", "p3", "the split rule holds it for a decision")


def test_held_people_come_in_once_the_rule_lets_them(bench):
    hold = "hooks:\n  split: {rules: [{scope: hold, when: not email}]}\n"
    plain, bench.mapping = bench.mapping, bench.mapping.replace("hooks:\n", hold)
    bench.run(person("p1", email=None), event("e1", "p1"))
    bench.mapping = plain
    assert bench.run(person("p1", email=None))["event"]["created"] == 1
    with bench.open_ledger() as ledger:
        assert ledger.letters.all() == []


def test_an_unknown_hook_is_named_with_those_that_are_there():
    with pytest.raises(ConfigError, match=r"No 'splitt' is installed.*: dedupe, flatten, follow, split"):
        Hooks({"splitt": {}})


def test_wrong_options_name_the_hook():
    with pytest.raises(ConfigError, match=r"(?s)The options of the hook 'dedupe' are wrong: .*streem"):
        Hooks({"dedupe": {"streem": "people"}})


def test_hooks_run_in_the_order_of_the_mapping():
    class Claims:
        def claim(self, kind: str, wanted: dict[str, str]) -> dict[str, str]:
            return wanted

    record = {"cio_id": "1", "attributes": {"plan": {"name": "pro"}}}
    batch = Batch("people", [Item(record, "1", 1)], ["cio_id"], Claims())
    flatten_options = {"streams": {"people": "attributes"}}
    split_options = {"rules": [{"scope": "paying", "when": "traits"}], "otherwise": "none"}
    Hooks({"flatten": flatten_options, "split": split_options}).prepare(batch)
    assert record["scope"] == "paying"
    record["traits"] = None
    Hooks({"split": split_options, "flatten": flatten_options}).prepare(batch)
    assert record["scope"] == "none"


def test_a_target_that_is_not_installed_is_named():
    with pytest.raises(ConfigError, match="No 'nowhere' is installed"):
        plugins.find(plugins.TARGETS, "nowhere")


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
