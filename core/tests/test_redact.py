"""Values that must not travel: dropped, hashed with a salt of the project, or masked."""

from __future__ import annotations

from typing import Any

import pytest
from records import event, person

from crmlift.errors import ConfigError
from crmlift.hooks.manager import Hooks
from crmlift.testing.hooks import batch_of

SALT = "s" * 16


@pytest.fixture(autouse=True)
def salt(monkeypatch):
    monkeypatch.setenv("CRMLIFT_REDACT_SALT", SALT)


def redacted(record: dict[str, Any], *rules: dict[str, Any]) -> dict[str, Any]:
    batch = batch_of("people", {"cio_id": "1"} | record)
    Hooks({"redact": {"rules": list(rules)}}).prepare(batch)
    return batch.items[0].record | {"counts": dict(batch.counts)}


def drop(*fields: str) -> dict[str, Any]:
    return {"fields": list(fields), "how": "drop"}


@pytest.mark.parametrize(
    ("record", "rule", "expected"),
    [
        ({"phone": "1"}, drop("phone"), {}),
        ({"a": {"b": 1, "c": 2}}, drop("a.b"), {"a": {"c": 2}}),
        ({"a": {"b.c": 1, "b": {"c": 2, "d": 3}}}, drop("a.b.c"), {"a": {"b": {"d": 3}}}),
        ({"a": {"trait_001": 1, "trait_002": 2, "plan": 3}}, drop("a.trait_*"), {"a": {"plan": 3}}),
        ({"devices": [{"id": "x", "os": "y"}]}, drop("devices.id"), {"devices": [{"os": "y"}]}),
        ({"a": "text"}, drop("a.b"), {"a": "text"}),
        ({"card": "4242424242"}, {"fields": "card", "how": "mask", "keep": 4}, {"card": "******4242"}),
        ({"pin": "12"}, {"fields": "pin", "how": "mask", "keep": 4}, {"pin": "**"}),
        ({"pin": None}, {"fields": "pin", "how": "mask"}, {"pin": None}),
        ({"n": 12}, {"fields": "n", "how": "mask"}, {"n": "**"}),
    ],
)
def test_drop_and_mask(record, rule, expected):
    after = redacted(record, rule)
    assert {name: value for name, value in after.items() if name not in ("cio_id", "counts")} == expected


def test_a_hash_is_the_same_for_a_value_and_another_with_another_salt(monkeypatch):
    rule = {"fields": "ssn", "how": "hash"}
    once = redacted({"ssn": "078-05-1120"}, rule)
    assert once["ssn"] == redacted({"ssn": "078-05-1120"}, rule)["ssn"]
    assert once["ssn"] == redacted({"ssn": once["ssn"]}, rule)["ssn"]
    assert once["counts"] == {"redacted_by_hash": 1}
    assert "1120" not in once["ssn"]
    monkeypatch.setenv("CRMLIFT_REDACT_SALT", "t" * 16)
    assert once["ssn"] != redacted({"ssn": "078-05-1120"}, rule)["ssn"]


def test_without_a_salt_nothing_is_hashed_and_the_variable_is_named(monkeypatch):
    monkeypatch.setenv("CRMLIFT_REDACT_SALT", "short")
    with pytest.raises(ConfigError, match=r"CRMLIFT_REDACT_SALT holds none\. Set it to a random text"):
        redacted({}, {"fields": "ssn", "how": "hash"})


def test_keys_cannot_be_redacted():
    with pytest.raises(ConfigError, match=r"may not change 'cio_\*', by which records of 'people' are known"):
        redacted({}, drop("cio_*"))


def test_a_dropped_value_reaches_neither_the_crm_nor_the_ledger(bench):
    rules = "{rules: [{stream: people, fields: [phone, attributes.name], how: drop}]}"
    bench.mapping = bench.mapping.replace("hooks:\n", f"hooks:\n  redact: {rules}\n")
    bench.crm.refuses = lambda entity, values: values.get("email") == "p2@example.com"
    secret = "a very private remark"
    bench.run(person("p1", phone=secret), person("p2", attributes={"name": secret}), event("e", "p2"))
    assert bench.person("p1")["name"] == "p1"
    assert secret not in str(bench.crm.rows)
    with bench.open_ledger() as ledger:
        assert [letter.source for letter in ledger.letters.all()] == ["p2"]
        assert secret not in str(ledger.letters.all())
