"""Read-back, counts and retry."""

from __future__ import annotations

import pytest
from records import EVERYTHING, company, event, person, works_at

from crmlift.loader.compare import survives
from crmlift.reconcile import reconcile
from crmlift.retry import retry, worth_it
from crmlift.testing.memory import MemoryCrm
from crmlift.verify import Changed, Miss, Verification, verify


def test_what_was_loaded_verifies(bench):
    bench.run(*EVERYTHING, person("p3", email="p1@example.com", phone="+15550100"))
    with bench.open_ledger() as ledger:
        result, counts = verify(ledger, bench.crm), reconcile(ledger, bench.crm)
    assert result.passed
    assert {check.entity: check.records for check in result.entities} == {
        count.entity: count.ledger for count in counts.entities
    }
    # p1 three fields over two records and its company, p2 two, the twin p3 its three
    assert {check.entity: check.rows for check in result.entities} == {
        "company": 1, "event": 2, "person": 4, "person_tag": 2, "tag": 1,
    }  # fmt: skip


def test_a_changed_field_and_a_lost_row_are_named(bench):
    bench.run(company("c1"), person("p1"), person("p2"), works_at("p1", "c1"))
    bench.person("p1")["name"] = "Changed"
    lost = bench.crm.keys["person"]["p2"]
    del bench.crm.rows["person"][lost]
    with bench.open_ledger() as ledger:
        misses = [miss for check in verify(ledger, bench.crm).entities for miss in check.misses]
    assert misses == [
        Miss(entity="person", key="p1", crm_id=bench.crm.keys["person"]["p1"], field="name"),
        Miss(entity="person", key="p2", crm_id=lost),
    ]


def test_a_sample_is_the_same_for_the_same_seed(bench):
    bench.run(*[person(f"p{number}") for number in range(200)])
    with bench.open_ledger() as ledger:
        bench.person("p7")["name"] = "Changed"
        first = verify(ledger, bench.crm, sample=25, seed=3)
        assert first.entities == verify(ledger, bench.crm, sample=25, seed=3).entities
        assert first.entities[0].rows == 25


def test_a_field_that_another_record_wrote_later_is_no_miss(bench):
    bench.run(person("p1"), person("p2", email="p1@example.com", phone="+15550100"))
    bench.run(person("p1", phone="+15550199"))
    assert bench.person("p1")["phone"] == "+15550100"
    with bench.open_ledger() as ledger:
        assert verify(ledger, bench.crm).passed


def test_counts_agree_with_the_crm_and_disagree_when_a_row_is_lost(bench):
    bench.run(*EVERYTHING)
    with bench.open_ledger() as ledger:
        counts = reconcile(ledger, bench.crm)
        assert counts.in_step
        assert {entity.entity: entity.crm for entity in counts.entities} == {
            "company": 1, "event": 2, "person": 2, "person_tag": 2, "tag": 1,
        }  # fmt: skip
        bench.crm.delete("event", {"e1": bench.crm.keys["event"]["e1"]})
        assert not reconcile(ledger, bench.crm).in_step


def test_dead_letters_are_loaded_after_a_fix(bench):
    bench.crm.refuses = lambda entity, values: values.get("name") == "P2"
    bench.run(person("p1"), person("p2"), event("e1", "p2"))
    bench.crm.refuses = lambda entity, values: False
    with bench.open_ledger() as ledger:
        pipeline = bench.start(ledger)
        assert retry(pipeline, ledger) == 1
        assert pipeline.finish() == "complete"
        assert ledger.letters.all() == []
        assert ledger.waiting.page() == []
    assert len(bench.crm.rows["event"]) == 1


def test_the_counts_of_a_retry_add_up_while_the_crm_still_refuses(bench):
    bench.crm.refuses = lambda entity, values: values.get("name") == "P2"
    bench.run(person("p1"), person("p2"))
    with bench.open_ledger() as ledger:
        assert worth_it(ledger)
        pipeline = bench.start(ledger)
        retry(pipeline, ledger)
        assert pipeline.finish() == "complete_with_rejects"
        (people,) = reconcile(ledger, bench.crm).streams
        assert (people.stream, people.read, people.passed) == ("people", 1, 1)


def test_nothing_is_worth_a_retry_after_a_run_without_rejects(bench):
    bench.run(*EVERYTHING)
    with bench.open_ledger() as ledger:
        assert not worth_it(ledger)


def test_a_record_that_comes_again_in_good_shape_leaves_the_dead_letters(bench):
    bench.run(person("p1"), event("e1", "p1", at="no date"))
    bench.run(event("e1", "p1"))
    with bench.open_ledger() as ledger:
        assert ledger.letters.all() == []


def test_a_retry_that_is_killed_keeps_its_dead_letters(bench):
    bench.crm.refuses = lambda entity, values: values.get("name") == "P2"
    bench.run(person("p2"), event("e1", "p2"))

    def kill(_method: str) -> None:
        raise KeyboardInterrupt

    bench.crm.refuses = lambda entity, values: False
    bench.crm.before_call = kill
    with bench.open_ledger() as ledger:
        pipeline = bench.start(ledger)
        retry(pipeline, ledger)
        with pytest.raises(KeyboardInterrupt):
            pipeline.finish()
    bench.crm.before_call = lambda method: None
    with bench.open_ledger() as ledger:
        pipeline = bench.start(ledger)
        assert retry(pipeline, ledger) == 1
        pipeline.finish()
        assert ledger.letters.all() == []
        assert ledger.waiting.counts() == {}
    assert len(bench.crm.rows["event"]) == 1


def test_a_retry_that_is_killed_while_it_loads_what_waited_keeps_that(bench):
    bench.run(event("e1", "p1"))

    def kill_events(entity: str, values: object) -> bool:
        if entity == "event":
            raise KeyboardInterrupt
        return False

    bench.crm.refuses = kill_events
    with pytest.raises(KeyboardInterrupt):
        bench.run(person("p1"))
    bench.crm.refuses = lambda entity, values: False
    assert bench.run()["event"] == {"created": 1}


class LowerCrm(MemoryCrm):
    """A CRM that keeps addresses in lower case, and says so."""

    def expected(self, entity, values):
        return {name: value.lower() if name == "email" and value else value for name, value in values.items()}

    def changes(self, entity):
        return {"email": "kept in lower case"} if entity == "person" else {}


def test_what_the_crm_makes_of_values_is_counted_and_named(bench):
    bench.crm = LowerCrm()
    messages = [person("p1", email="P1@Example.com"), person("p2", email="p2@example.com")]
    bench.run(*messages)
    with bench.open_ledger() as ledger:
        result = verify(ledger, bench.crm)
    assert result.passed
    assert result.entities[0].changed == [Changed(field="email", values=1, how="kept in lower case")]
    assert bench.run(*messages) == {"person": {"unchanged": 2}}


@pytest.mark.parametrize(
    ("value", "expected", "kept"),
    [
        ({"b": [1, "é"], "a": None}, '{"a":null,"b":[1,"é"]}', True),
        ({"a": "b" * 20}, '{"a": "bbbb … cut', False),
        ({"a": 1}, '{"a": 2}', False),
        ("text", "text", True),
        ("text", None, False),
        ("{}", {}, False),
    ],
)
def test_json_that_the_crm_keeps_as_text_is_not_told_as_changed(value, expected, kept):
    assert survives(value, expected) is kept


def test_a_sample_compares_every_field_that_was_loaded_at_least_once(bench):
    bench.run(*[person(f"p{number}") for number in range(300)], person("p300", phone="+15550100"))
    bench.person("p300")["phone"] = "other"
    with bench.open_ledger() as ledger:
        for seed in range(5):
            (check,) = verify(ledger, bench.crm, sample=25, seed=seed).entities
            assert check.rows in (25, 26)
            assert check.misses_by_field == {"phone": 1}


def test_a_read_back_can_be_printed_and_read_again(bench):
    bench.run(*EVERYTHING)
    bench.person("p1")["name"] = "Changed"
    with bench.open_ledger() as ledger:
        result = verify(ledger, bench.crm, sample=5)
    assert Verification.model_validate_json(result.model_dump_json()) == result
    assert result.model_dump()["entities"][2]["misses_by_field"] == {"name": 1}


def test_twins_that_patch_one_record_differently_are_no_miss(bench):
    bench.mapping = bench.mapping.replace(
        "      mode: update\n      write: fill_empty\n", "      mode: update\n"
    )
    twins = person("p1"), person("p2", email="p1@example.com")
    bench.run(company("c1"), company("c2"), *twins, works_at("p1", "c1"), works_at("p2", "c2"))
    with bench.open_ledger() as ledger:
        assert verify(ledger, bench.crm).passed
