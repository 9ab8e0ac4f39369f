"""Who is one and the same, whose values the row shows, and what is written down of it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from records import event, person

from crmlift.batch import Batch
from crmlift.errors import ConfigError
from crmlift.hooks.dedupe import Dedupe
from crmlift.hooks.manager import Hooks
from crmlift.testing.hooks import MemoryClaims, batch_of


def rows(batch: Batch) -> dict[str, str]:
    return {item.key: item.into or item.key for item in batch.items}


def run(*records: dict[str, Any], claims: MemoryClaims | None = None, **options: Any) -> Batch:
    batch = batch_of(options.get("stream", "people"), *records, claims=claims)
    Dedupe(**options).crmlift_prepare(batch)
    return batch


PHONE = {"from": ["phone", "attributes.phone"], "as": "phone", "region": "DE"}


@pytest.mark.parametrize(
    ("by", "one", "two", "same"),
    [
        ("email", {"email": "Ada@example.com "}, {"email": "ada@example.com"}, True),
        ("email", {"email": "ada+1@example.com"}, {"email": "ada@example.com"}, False),
        (
            {"from": "email", "as": "mailbox"},
            {"email": "ada+1@example.com"},
            {"email": "ada@example.com"},
            True,
        ),
        (PHONE, {"phone": "+49 30 5550100"}, {"phone": "030/555-0100"}, True),
        (PHONE, {"phone": "+49 30 5550100"}, {"attributes": {"phone": "0049305550100"}}, True),
        (PHONE, {"phone": "+49 30 5550100"}, {"phone": "+43 30 5550100"}, False),
        (PHONE, {"phone": "n/a"}, {"phone": "n/a"}, False),
        (
            {"from": "phone", "as": "phone", "region_from": "attributes.country"},
            {"phone": "(212) 555-0100", "attributes": {"country": "United States"}},
            {"phone": "+12125550100"},
            True,
        ),
        ("id", {"id": "7"}, {"id": 7}, True),
        ("email", {"email": None}, {"email": None}, False),
        ("email", {"email": ""}, {"email": ""}, False),
    ],
)
def test_values_are_compared_by_what_they_are(by, one, two, same):
    batch = run({"cio_id": "1"} | one, {"cio_id": "2"} | two, by=[by])
    assert (rows(batch) == {"1": "1", "2": "1"}) is same


def test_companies_of_one_domain_are_one_but_not_those_at_a_free_mail_provider():
    records = [
        {"cio_object_id": str(number), "attributes": {"domain": domain}}
        for number, domain in enumerate(["www.example.com", "https://example.com/", "gmail.com", "gmail.com"])
    ]
    by = [{"from": "attributes.domain", "as": "domain"}]
    assert rows(run(*records, stream="objects", by=by)) == {"0": "0", "1": "0", "2": "2", "3": "3"}


def test_each_value_of_a_merged_record_leads_to_the_row_that_it_joined():
    batch = run(
        {"cio_id": "1", "email": "a@example.com"},
        {"cio_id": "2", "email": "a@example.com", "id": "x"},
        {"cio_id": "3", "email": "b@example.com", "id": "x"},
        by=["email", "id"],
    )
    assert rows(batch) == {"1": "1", "2": "1", "3": "1"}
    assert [(letter.item.key, letter.code, letter.reason) for letter in batch.letters] == [
        ("2", "same_email", "joined 1"),
        ("3", "same_id", "joined 1"),
    ]


def test_one_record_between_two_rows_joins_the_first_rule_and_is_counted():
    batch = run(
        {"cio_id": "1", "email": "a@example.com"},
        {"cio_id": "2", "id": "x"},
        {"cio_id": "3", "email": "a@example.com", "id": "x"},
        by=["email", "id"],
    )
    assert rows(batch) == {"1": "1", "2": "2", "3": "1"}
    assert batch.counts == {"dedupe_conflicts": 1}


def test_who_has_a_row_keeps_it_whatever_their_values_become():
    claims = MemoryClaims()
    run({"cio_id": "1", "email": "a@example.com"}, {"cio_id": "2", "email": "b@example.com"}, claims=claims)
    assert rows(run({"cio_id": "2", "email": "a@example.com"}, claims=claims)) == {"2": "2"}
    run({"cio_id": "3", "email": "a@example.com"}, claims=claims)
    assert rows(run({"cio_id": "3", "email": "c@example.com"}, claims=claims)) == {"3": "1"}


def test_a_tombstone_of_somebody_unknown_is_left_alone():
    claims = MemoryClaims()
    run({"cio_id": "9", "_sdc_deleted_at": "2026-01-01T00:00:00Z"}, claims=claims)
    assert not any(claims.kinds.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": "latest"}, "'keep: latest' needs 'keep_from'"),
        ({"keep": "order", "keep_from": "x"}, "'keep: order' needs 'keep_order'"),
        ({"by": [{"from": "phone", "as": "fax"}]}, "Input should be 'text', 'email', 'mailbox', 'phone' or"),
    ],
)
def test_options_that_say_too_little_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Hooks({"dedupe": options})


CREATED = {"p1": 200, "p2": 300, "p3": 100}
KEEP = {
    "first": "{by: [email]}",
    "latest": "{by: [email], keep: latest, keep_from: attributes.created_at}",
    "earliest": "{by: [email], keep: earliest, keep_from: attributes.created_at}",
    "complete": "{by: [email], keep: complete}",
    "order": "{by: [email], keep: order, keep_from: attributes.stage, keep_order: [customer, lead]}",
}


def same(key: str, phone: str | None = None) -> tuple[str, dict[str, Any]]:
    """Three records of one address: p2 is the latest, p3 the earliest, the most complete, and a customer."""
    attributes = {"name": key.upper(), "created_at": 1_700_000_000 + CREATED[key]}
    if key == "p3":
        attributes |= {"stage": "Customer", "more": "x", "and": "more"}
    return person(key, email="same@example.com", attributes=attributes, phone=phone)


@pytest.mark.parametrize("order", list(itertools.permutations(CREATED)), ids="-".join)
@pytest.mark.parametrize(
    ("keep", "shown"), [("latest", "P2"), ("earliest", "P3"), ("complete", "P3"), ("order", "P3")]
)
def test_the_row_shows_the_values_that_are_preferred_whatever_the_order(bench, keep, shown, order):
    bench.mapping = bench.mapping.replace("{stream: people, by: [email]}", KEEP[keep])
    records = [same(key) for key in order]
    bench.run(*records)
    (row,) = bench.crm.rows["person"].values()
    assert row["name"] == shown
    assert set(bench.crm.keys["person"]) == {order[0]}
    assert bench.run(*records)["person"] == {"unchanged": 3}
    later = [same(key, phone="+1 555 0100") for key in order]
    bench.run(*later)
    assert row["name"] == shown
    assert row["phone"] == "+1 555 0100"


def test_the_preferred_record_goes_on_to_decide_and_the_owner_only_fills_gaps(bench):
    bench.mapping = bench.mapping.replace("{stream: people, by: [email]}", KEEP["latest"])
    bench.run(same("p1"), same("p2"))
    _, p1 = same("p1", phone="+1 555 0101")
    _, p2 = same("p2")
    p1["attributes"]["name"], p2["attributes"]["name"] = "changed by the owner", "P2 anew"
    bench.run(("people", p1))
    assert (bench.person("p1")["name"], bench.person("p1")["phone"]) == ("P2", "+1 555 0101")
    bench.run(("people", p2))
    assert bench.person("p1")["name"] == "P2 anew"


def test_a_merge_is_written_down_with_both_sides_and_no_value(bench):
    bench.run(same("p1"), same("p2"), event("e", "p2"))
    assert bench.counts.streams["people"] == {"read": 2, "merged": 1}
    with bench.open_ledger() as ledger:
        (letter,) = ledger.letters.all(fate="merged")
    assert (letter.source, letter.code, letter.detail) == ("p2", "same_email", "joined p1")
    assert letter.record == {"cio_id": "p1"}
    assert next(iter(bench.crm.rows["event"].values()))["person"] == bench.crm.keys["person"]["p1"]
    bench.run(same("p2"))
    with bench.open_ledger() as ledger:
        assert len(ledger.letters.all(fate="merged")) == 1
