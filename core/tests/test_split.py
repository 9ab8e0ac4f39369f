"""What a person becomes: presets, conditions, segments that are read later, and who joined another's row."""

from __future__ import annotations

from typing import Any

import pytest
from records import event, member, person, segment

from crmlift.errors import ConfigError
from crmlift.hooks.manager import Hooks
from crmlift.hooks.split import Split
from crmlift.testing.hooks import batch_of


def scope(record: dict[str, Any], **options: Any) -> str:
    batch = batch_of("people", {"cio_id": "1", "attributes": {}} | record)
    Split(**options).crmlift_prepare(batch)
    return str(record_of(batch)["scope"])


def record_of(batch: Any) -> dict[str, Any]:
    return batch.items[0].record if batch.items else batch.letters[0].item.record


def stage(name: str, **more: Any) -> dict[str, Any]:
    return {"attributes": {"lifecycle_stage": name, **more}}


@pytest.mark.parametrize(
    ("preset", "record", "expected"),
    [
        ("lifecycle", stage("subscriber"), "lead"),
        ("lifecycle", stage("Marketing Qualified Lead"), "lead"),
        ("lifecycle", stage("salesqualifiedlead"), "contact"),
        ("lifecycle", stage("sales_qualified_lead"), "contact"),
        ("lifecycle", stage("Customer"), "contact"),
        ("lifecycle", stage("evangelist"), "contact"),
        ("lifecycle", stage("something else"), "lead"),
        ("lifecycle", {}, "lead"),
        ("email_and_traits", {"email": "ada@example.com", "attributes": {"a": 1, "b": 2, "c": 3}}, "contact"),
        ("email_and_traits", {"email": "ada@example.com", "attributes": {"a": 1, "b": 2}}, "lead"),
        (
            "email_and_traits",
            {"email": "ada@example.com", "attributes": {"a": 1, "b": "", "c": None, "email": "x", "id": "y"}},
            "lead",
        ),
        ("email_and_traits", {"email": "not an address", "attributes": {"a": 1, "b": 2, "c": 3}}, "lead"),
        ("email_and_traits", {"email": None, "attributes": {"a": 1, "b": 2, "c": 3}}, "lead"),
        ("domain_and_status", {"email": "ada@example.com"} | stage("customer"), "contact"),
        ("domain_and_status", {"email": "ada@example.com"} | stage("lead", status="Active"), "contact"),
        ("domain_and_status", {"email": "ada@example.com"} | stage("lead"), "lead"),
        ("domain_and_status", {"email": "ada@gmail.com"} | stage("customer"), "lead"),
        ("domain_and_status", {"email": None} | stage("customer"), "lead"),
    ],
)
def test_presets(preset, record, expected):
    assert scope(record, preset=preset) == expected


@pytest.mark.parametrize(
    ("rule", "record", "holds"),
    [
        ({"email": "valid"}, {"email": "ada@example.com"}, True),
        ({"email": "valid"}, {"email": "ada@"}, False),
        ({"email": "invalid"}, {"email": None}, True),
        ({"domain": "free"}, {"email": "ada@web.de"}, True),
        ({"domain": "free"}, {"email": "ada@mail.example.com"}, False),
        ({"domain": ["example.co.uk"]}, {"email": "ada@mail.example.co.uk"}, True),
        ({"domain": ["example.co.uk"]}, {"email": "ada@example.org"}, False),
        ({"more_traits_than": 0}, {"attributes": {"plan": False}}, True),
        ({"status": "won"}, {"attributes": {"status": "WON"}}, True),
        ({"when": "attributes.score > 3"}, {"attributes": {"score": 4}}, True),
        ({"when": "attributes.score > 3"}, {"attributes": {"score": "n/a"}}, False),
        ({"stage": "lead", "email": "valid"}, stage("lead"), False),
    ],
)
def test_conditions(rule, record, holds):
    assert (scope(record, rules=[{"scope": "yes"} | rule], otherwise="no") == "yes") is holds


def test_rules_come_before_those_of_the_preset():
    own = [{"scope": "partner", "when": "attributes.partner"}]
    assert scope(stage("customer", partner=True), preset="lifecycle", rules=own) == "partner"
    assert scope(stage("customer"), preset="lifecycle", rules=own) == "contact"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "lifcycle"}, "there is no preset 'lifcycle'; there are lifecycle, email_and_traits"),
        ({"rules": [{"scope": "lead"}]}, "give a condition, or use 'otherwise'"),
        ({"rules": [{"scope": "lead", "email": "maybe"}]}, "Input should be 'valid' or 'invalid'"),
        ({"rules": [{"scope": "lead", "when": "1 +"}]}, "'1 \\+' is not an expression"),
    ],
)
def test_a_bad_rule_is_named_before_the_first_record(options, message):
    with pytest.raises(ConfigError, match=message):
        Hooks({"split": options})


SPLIT = "hooks:\n  dedupe: {stream: people, by: [email]}\n"


def load(bench: Any, split: str, *records: Any) -> dict[str, dict[str, int]]:
    bench.mapping = bench.mapping.replace(
        "  dedupe: {stream: people, by: [email]}\n",
        "  dedupe: {stream: people, by: [email]}\n  split: " + split + "\n",
    ).replace("    - entity: person\n      key: cio_id\n      match", PERSON)
    return bench.run(*records)


PERSON = "    - entity: person\n      when: scope == 'contact'\n      key: cio_id\n      match"
HELD_WITHOUT_EMAIL = "{rules: [{scope: hold, email: invalid}]}"
BY_SEGMENT = (
    "{rules: [{scope: contact, segments: [Segment 2]}, {scope: hold, segments: [3]}], otherwise: lead}"
)


def test_the_split_names_a_scope_and_holds(bench):
    rules = "{rules: [{scope: lead, when: \"attributes.stage == 'lead'\"}, {scope: hold, when: not email}]}"
    load(bench, rules, person("p1"), person("p2", attributes={"stage": "lead"}), person("p3", email=None))
    assert set(bench.crm.keys["person"]) == {"p1"}
    assert bench.counts.streams["people"] == {"read": 3, "held": 1, "no_rule": 1}
    with bench.open_ledger() as ledger:
        (held,) = ledger.letters.all()
    assert (held.fate, held.source, held.detail) == ("held", "p3", "the split rule holds it for a decision")


def test_held_people_come_in_once_the_rule_lets_them(bench):
    plain = bench.mapping
    load(bench, HELD_WITHOUT_EMAIL, person("p1", email=None), event("e1", "p1"))
    bench.mapping = plain
    assert bench.run(person("p1", email=None))["event"]["created"] == 1
    with bench.open_ledger() as ledger:
        assert ledger.letters.all() == []


def test_segments_are_read_after_people_and_still_decide_in_the_same_run(bench):
    people = [person(f"p{number}") for number in range(1, 5)]
    facts = [member(1, "p1"), member(2, "p2"), member(3, "p3"), event("e2", "p2"), event("e1", "p1")]
    load(bench, BY_SEGMENT, *people, segment(2), segment(3), *facts)
    assert set(bench.crm.keys["person"]) == {"p2"}
    assert bench.counts.streams["people"] == {"read": 4, "held": 1, "no_rule": 2}
    assert set(bench.crm.keys["event"]) == {"e2"}
    with bench.open_ledger() as ledger:
        assert [(letter.source, letter.code) for letter in ledger.letters.all()] == [("p3", "held")]


def test_a_run_that_breaks_off_leaves_the_undecided_to_the_next(bench):
    load(bench, BY_SEGMENT)
    with bench.open_ledger() as ledger:
        pipeline = bench.start(ledger)
        for stream, record in (person("p1"), segment(2), member(2, "p1")):
            pipeline.record(stream, record)
        pipeline.checkpoint()
        assert pipeline.counts.streams["people"]["held"] == 1
    assert bench.run()["person"] == {"created": 1}
    with bench.open_ledger() as ledger:
        assert ledger.letters.all() == []


def test_who_left_a_segment_is_decided_anew(bench):
    load(bench, BY_SEGMENT, person("p1"), segment(2), member(2, "p1"))
    assert set(bench.crm.keys["person"]) == {"p1"}
    bench.run(person("p2"), member(2, "p2"), member(2, "p2", _sdc_deleted_at="2026-01-01T00:00:00Z"))
    assert set(bench.crm.keys["person"]) == {"p1"}


def test_who_joins_a_row_gets_its_scope_so_that_nobody_waits_for_a_row_that_never_comes(bench):
    rules = "{preset: lifecycle}"
    one = person("p1", email="same@example.com", attributes={"lifecycle_stage": "customer"})
    two = person("p2", email="same@example.com", phone="+1", attributes={"lifecycle_stage": "lead"})
    assert load(bench, rules, one, two)["person"] == {"created": 1, "merged": 1}
    assert bench.person("p1")["phone"] == "+1"
    three = person("p3", email="same@example.com", attributes={"lifecycle_stage": "lead"})
    assert bench.run(three)["person"] == {"merged": 1}
