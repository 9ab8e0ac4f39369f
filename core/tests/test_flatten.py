"""Flat names: every leaf has one, the same whatever the order, legal, short, and the way back."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import person

from crmlift.errors import ConfigError
from crmlift.hooks.flatten import Flatten
from crmlift.hooks.manager import Hooks
from crmlift.hooks.names import Names, leaves, unflatten
from crmlift.testing.hooks import batch_of

scalars = st.none() | st.integers() | st.text() | st.lists(st.integers())
keys = st.text("aAb._-é", max_size=3) | st.just("a" * 40)
nested = st.recursive(
    st.dictionaries(keys, scalars, max_size=4),
    lambda inner: st.dictionaries(keys, scalars | inner, max_size=4),
    max_leaves=12,
)
rules = st.builds(
    Names,
    separator=st.sampled_from(["._", ".", "_"]),
    legal=st.booleans(),
    max_length=st.none() | st.integers(16, 30),
    ignore_case=st.booleans(),
)


@given(nested, rules)
def test_every_leaf_has_a_name_of_its_own_and_finds_its_way_back(value: dict[str, Any], rule: Names):
    values = leaves(value)
    names = rule.of(values)
    flat = {names[path]: leaf for path, leaf in values.items()}
    assert len(flat) == len(values)
    assert unflatten(flat, {name: path for path, name in names.items()}) == value
    if rule.max_length:
        assert max(map(len, flat), default=0) <= rule.max_length
    if rule.ignore_case:
        assert len({name.casefold() for name in flat}) == len(flat)
    if rule.legal:
        assert all(letter.isascii() and (letter.isalnum() or letter in "._") for letter in "".join(flat))


def shuffled(value: Any, chance: random.Random) -> Any:
    if not isinstance(value, dict):
        return value
    items = [(name, shuffled(inner, chance)) for name, inner in value.items()]
    chance.shuffle(items)
    return dict(items)


@given(nested, rules, st.randoms(use_true_random=False))
def test_names_do_not_depend_on_the_order(value: dict[str, Any], rule: Names, chance: random.Random):
    fresh = Names(rule.separator, rule.legal, rule.max_length, rule.ignore_case)
    assert fresh.of(leaves(shuffled(value, chance))) == rule.of(leaves(value))


def flat(attributes: dict[str, Any], **options: Any) -> dict[str, Any]:
    batch = batch_of("people", {"cio_id": "1", "attributes": attributes})
    Flatten(streams={"people": "attributes"}, **options).crmlift_prepare(batch)
    return dict(batch.items[0].record["traits"])


DEEP = {"subscription": {"plan": {"name": "pro"}}}


@pytest.mark.parametrize(
    ("attributes", "options", "expected"),
    [
        (DEEP, {}, {"subscription.plan.name": "pro"}),
        (DEEP, {"separator": "_"}, {"subscription_plan_name": "pro"}),
        ({"a": {"b": 1}, "a.b": 2}, {}, {"a.b": 2, "a.b_d803f1": 1}),
        ({"a": {"b": 1}, "a_b": 2}, {"separator": "_"}, {"a_b": 2, "a_b_d803f1": 1}),
        ({"a": {"b": 1}}, {"contested": ["a.b"]}, {"a.b_d803f1": 1}),
        ({"Plan": 1, "plan": 2}, {}, {"Plan": 1, "plan": 2}),
        ({"Plan": 1, "plan": 2}, {"ignore_case": True}, {"Plan": 1, "plan_682c0e": 2}),
        ({"größe in cm": 1}, {"legal": True}, {"gr__e_in_cm": 1}),
        ({"a very long name": 1}, {"max_length": 16}, {"a very long name": 1}),
        ({"a very long name indeed": 1}, {"max_length": 16}, {"a very lo_6f9c2e": 1}),
        ({"empty": {}, "none": None}, {}, {"empty": {}, "none": None}),
        ({"c": ["a", "b", "a"]}, {}, {"c": ["a", "b", "a"]}),
        ({"c": ["a", "b", "a"]}, {"arrays": "text"}, {"c": "a, b, a"}),
        ({"c": ["a", "b", "a"]}, {"arrays": "multi"}, {"c": "a;b"}),
        ({"c": [{"b": 1, "a": 2}]}, {"arrays": "json"}, {"c": '[{"a":2,"b":1}]'}),
        ({"c": [1], "d": [1]}, {"arrays": "json", "arrays_of": {"d": "keep"}}, {"c": "[1]", "d": [1]}),
    ],
)
def test_names_and_arrays(attributes, options, expected):
    assert flat(attributes, **options) == expected


def test_clashes_are_counted_so_that_they_can_be_listed_as_contested():
    batch = batch_of("people", {"cio_id": "1", "attributes": {"a": {"b": 1}, "a.b": 2}})
    Flatten(streams={"people": "attributes"}).crmlift_prepare(batch)
    assert batch.counts == {"names_clashed": 1}


def test_a_limit_that_leaves_no_room_is_refused():
    with pytest.raises(
        ConfigError, match="The options of the hook 'flatten' are wrong: max_length: Input should be greater"
    ):
        Hooks({"flatten": {"streams": {}, "max_length": 4}})


def test_an_array_becomes_child_rows_that_hang_on_the_person(bench):
    bench.mapping = bench.mapping.replace(
        "into: traits}", "into: traits, arrays_of: {orders: rows}}"
    ).replace(
        "skip:",
        "  people_orders:\n    - entity: event\n      key: [parent, position]\n"
        "      fields: {name: item.sku}\n"
        "      links: {person: {entity: person, key: cio_id, required: true}}\nskip:",
    )
    orders = [{"sku": "a-1"}, {"sku": "b-2"}]
    one = person("p1", email="same@example.com", attributes={"orders": orders})
    two = person("p2", email="same@example.com", attributes={"orders": orders[:1]})
    assert bench.run(one, two)["event"] == {"created": 3}
    assert bench.counts.streams["people_orders"] == {"read": 3}
    assert bench.counts.streams["people"] == {"read": 2, "merged": 1, "child_rows": 3}
    assert set(bench.crm.keys["event"]) == {"p1:0", "p1:1", "p2:0"}
    row = next(iter(bench.crm.keys["person"].values()))
    assert {event["person"] for event in bench.crm.rows["event"].values()} == {row}
    assert bench.run(one, two)["event"] == {"unchanged": 3}
