"""Whoever opted out anywhere stays out: across streams, records, merges, runs, and whatever the order."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from records import person

from conftest import Bench
from crmlift.destination import Update, Values
from crmlift.hooks.consent import Consent
from crmlift.testing.hooks import MemoryClaims, batch_of

KEYS = {
    "consent": ["cio_id"],
    "subscription_preferences": ["cio_id", "kind", "name"],
    "optouts": ["cio_id", "channel", "from"],
    "esp_suppressions": ["kind", "domain", "email"],
}
ADA = {"cio_id": "1", "email": "ada@example.com"}
PREFERENCES = '{"topics": {"topic_1": false, "topic_2": true}, "channels": {"email": false}}'


def learn(stream: str, record: dict[str, Any], claims: MemoryClaims | None = None, **options: Any) -> Any:
    batch = batch_of(stream, record, key_properties=KEYS.get(stream, ()), claims=claims)
    Consent(**options).crmlift_prepare(batch)
    return batch.items[0].record.get("consent")


def left(stream: str, record: dict[str, Any], **options: Any) -> set[str]:
    """Return the fields that are true after a record, and the topics that were left."""
    consent = learn(stream, record, **options) or {}
    return {name for name, value in consent.items() if value is True} | set(consent.get("topics_out", ()))


EMAIL = {"email_opted_out", "no_email"}
ALL = {"opted_out", "sms_opted_out", "whatsapp_opted_out", "push_opted_out", "in_app_opted_out"} | EMAIL
BOUNCED = {"email_bounced", "no_email"}
COMPLAINED = {"complained"} | EMAIL


@pytest.mark.parametrize(
    ("stream", "record", "expected"),
    [
        ("people", {"unsubscribed": True}, ALL),
        ("people", {"unsubscribed": False, "attributes": {"unsubscribed": "true"}}, ALL),
        ("people", {"unsubscribed": False}, set()),
        ("people", {"attributes": {"cio_subscription_preferences": PREFERENCES}}, EMAIL | {"topic_1"}),
        ("people", {"attributes": {"cio_subscription_preferences": "{broken"}}, set()),
        ("people", {"attributes": {"cio_subscription_preferences": "[1]"}}, set()),
        ("consent", {"unsubscribed": None, "topics": {"topic_1": False}, "channels": None}, {"topic_1"}),
        ("consent", {"optouts": [{"channel": "sms", "from": ""}]}, {"sms_opted_out"}),
        ("consent", {"suppressions": [{"kind": "bounces"}]}, BOUNCED),
        ("consent", {"suppressions": [{"kind": "spam_reports"}]}, COMPLAINED),
        ("consent", {"suppressions": [{"kind": "blocks"}]}, set()),
        ("subscription_preferences", {"kind": "topic", "name": "topic_1", "subscribed": False}, {"topic_1"}),
        ("subscription_preferences", {"kind": "channel", "name": "sms", "subscribed": True}, set()),
        ("optouts", {"channel": "whatsapp", "from": "+15550100"}, {"whatsapp_opted_out"}),
        ("esp_suppressions", {"kind": "invalid_emails", "domain": ""}, BOUNCED),
        ("deliveries", {"id": "d", "type": "email", "metrics": {"bounced": 1}}, BOUNCED),
        ("deliveries", {"id": "d", "type": "email", "metrics": {"unsubscribed": 1}}, EMAIL),
        ("deliveries", {"id": "d", "type": "twilio", "metrics": {"unsubscribed": 1}}, {"sms_opted_out"}),
        ("deliveries", {"id": "d", "type": "email", "metrics": {"opened": 1}}, set()),
        ("activities", {"id": "a", "type": "spammed_email"}, COMPLAINED),
        ("activities", {"id": "a", "type": "unsubscribed_email"}, EMAIL),
        ("activities", {"id": "a", "type": "bounced_sms"}, set()),
        ("activities", {"id": "a", "type": "event", "name": "unsubscribed_email"}, set()),
    ],
)
def test_what_each_stream_tells(stream, record, expected):
    assert left(stream, ADA | record) == expected


def test_attributes_of_ones_own_count_as_well():
    own = {"opted_out": "attributes.gdpr_objection", "channels": {"email": "attributes.newsletter"}}
    assert left("people", ADA | {"attributes": {"newsletter": "no"}}, **own) == EMAIL
    assert left("people", ADA | {"attributes": {"gdpr_objection": 1}}, **own) == ALL
    assert left("people", ADA | {"attributes": {"newsletter": "maybe"}}, **own) == set()


def test_topics_that_were_chosen_are_named_unless_all_was_left():
    chosen = ADA | {"attributes": {"cio_subscription_preferences": PREFERENCES}}
    assert learn("people", chosen)["topics_in"] == ["topic_2"]
    assert learn("people", chosen | {"unsubscribed": True})["topics_in"] == []


def test_who_left_and_came_back_stays_out_by_key_and_by_address():
    claims = MemoryClaims()
    learn(
        "deliveries",
        {"id": "d", "type": "email", "metrics": {"spammed": 1}, "recipient": "Ada@Example.com"},
        claims,
    )
    assert learn("people", ADA | {"unsubscribed": False}, claims)["complained"]
    assert learn("people", {"cio_id": "1", "email": "new@example.com"}, claims)["complained"]
    assert learn("people", {"cio_id": "2", "email": "new@example.com"}, claims)["complained"]
    assert not learn("people", {"cio_id": "3", "email": "other@example.com"}, claims)["complained"]


def test_no_address_is_kept_in_what_is_remembered():
    claims = MemoryClaims()
    learn("people", ADA | {"unsubscribed": True}, claims)
    assert claims.kinds["consent"]
    assert "ada@example.com" not in str(claims.kinds)


MAPPING_FIELDS = """
        email: email
        out: {from: consent.opted_out, write: keep_true}
        no_email: {from: consent.no_email, write: keep_true}
        topics: {from: consent.topics_in, write: overwrite}
"""
PATCH = """
  deliveries:
    - entity: person
      key: cio_id
      mode: update
      when: consent
      fields:
        no_email: {from: consent.no_email, write: keep_true}
        out: {from: consent.opted_out, write: keep_true}
        topics: {from: consent.topics_in, write: overwrite}
"""


def consenting(bench: Bench) -> Bench:
    bench.mapping = (
        bench.mapping.replace("by: [email]}\n", "by: [email]}\n  consent: {}\n")
        .replace("        email: email\n", MAPPING_FIELDS.lstrip("\n"))
        .replace("\nskip: {deliveries: not part of this load}", PATCH)
    )
    known = bench.crm.describe
    extra = {name: known("person")["name"] for name in ("out", "no_email", "topics")}
    bench.crm.describe = lambda entity: known(entity) | extra
    return bench


def unsubscribed(key: str, email: str, value: object) -> tuple[str, dict[str, Any]]:
    attributes = {"cio_subscription_preferences": '{"topics": {"topic_1": true}}'}
    return person(key, email=email, unsubscribed=value, attributes=attributes)


def test_a_twin_that_left_takes_the_row_with_it_at_once(bench):
    consenting(bench)
    bench.run(unsubscribed("p1", "same@example.com", False), unsubscribed("p2", "same@example.com", True))
    assert (bench.person("p1")["out"], bench.person("p1")["topics"]) == (True, [])
    bench.run(unsubscribed("p1", "same@example.com", False), unsubscribed("p2", "same@example.com", False))
    assert bench.person("p1")["out"] is True
    assert bench.counts.streams["people"]["consent_kept"] == 2


def test_a_complaint_that_is_read_later_reaches_the_person(bench):
    consenting(bench)
    delivery = {"id": "d", "type": "email", "cio_id": "p1", "metrics": {"spammed": 1}}
    bench.run(person("p1"), ("deliveries", delivery), ("deliveries", delivery | {"id": "e", "metrics": {}}))
    assert bench.person("p1")["no_email"] is True
    assert bench.counts.streams["deliveries"] == {"read": 2, "no_rule": 1}


def test_what_sales_noted_in_the_crm_is_never_undone(bench):
    consenting(bench)
    bench.run(person("p1", unsubscribed=False))
    bench.person("p1")["out"] = True
    bench.run(person("p1", unsubscribed=False, phone="+1"))
    assert (bench.person("p1")["out"], bench.person("p1")["phone"]) == (True, "+1")


people = st.builds(
    unsubscribed,
    st.sampled_from(["p1", "p2", "p3", "p4"]),
    st.sampled_from(["a@example.com", "b@example.com", "A@example.com"]),
    st.sampled_from([True, False, None, "true", "false"]),
)
deliveries = st.builds(
    lambda number, key, metric: (
        "deliveries",
        {"id": str(number), "type": "email", "cio_id": key, "metrics": {metric: 1}},
    ),
    st.integers(0, 9),
    st.sampled_from(["p1", "p2", "p3", "p4"]),
    st.sampled_from(["unsubscribed", "opened", "bounced", "spammed"]),
)
runs = st.lists(st.lists(people | deliveries, max_size=8), min_size=1, max_size=3)


def went_out(record: tuple[str, dict[str, Any]], field: str) -> bool:
    values = record[1]
    if "metrics" in values:
        metrics = values["metrics"]
        return field == "no_email" and bool({"unsubscribed", "bounced", "spammed"} & metrics.keys())
    return str(values["unsubscribed"]).lower() == "true"


# Each example is two runs with a ledger on disk: to make one smaller would take minutes.
@settings(
    max_examples=settings.default.max_examples // 4, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
@given(runs, st.randoms(use_true_random=False))
def test_consent_never_loosens_whatever_comes_in_whatever_order(runs, chance: random.Random):
    with tempfile.TemporaryDirectory() as folder:
        bench = consenting(Bench(Path(folder)))
        crm = bench.crm
        plain = crm._update

        def watched(entity: str, row: Update) -> Any:
            before: Values = dict(crm.rows[entity][row.id])
            for field in ("out", "no_email"):
                assert not (before.get(field) is True and row.values.get(field, True) is not True)
            return plain(entity, row)

        crm._update = watched
        for records in runs:
            chance.shuffle(records)
            bench.run(*records)
        with bench.open_ledger() as ledger:
            crm_ids = ledger.records.known("person", ["p1", "p2", "p3", "p4"])
        for field in ("out", "no_email"):
            for record in (record for records in runs for record in records):
                who = record[1]["cio_id"]
                if went_out(record, field) and who in crm_ids:
                    row = crm.rows["person"][crm_ids[who].crm_id]
                    assert row[field] is True
                    assert field != "out" or row["topics"] == []
