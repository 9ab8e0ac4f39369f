"""Undoing runs: the CRM is as it was before, or says what is not and why."""

from __future__ import annotations

import copy

import pytest
from records import EVERYTHING, company, event, member, person, works_at

from crmlift.destination import Outcome
from crmlift.errors import ConfigError, Refusal
from crmlift.rollback import Undone, roll_back, runs_to_undo, take_back_schema


def undo(bench, *, run=None, everything=False, **options) -> list[Undone]:
    with bench.open_ledger() as ledger:
        return [
            roll_back(ledger, bench.crm, number, **options)
            for number in runs_to_undo(ledger, run=run, everything=everything)
        ]


def runs(bench) -> list[int]:
    with bench.open_ledger() as ledger:
        return [run["id"] for run in ledger.runs.all()]


def snapshot(bench):
    return copy.deepcopy((bench.crm.rows, bench.crm.keys))


def test_a_load_is_undone_without_a_trace(bench):
    before = snapshot(bench)
    bench.run(*EVERYTHING, person("p3", email="p1@example.com", phone="+15550100"))
    (undone,) = undo(bench)
    assert snapshot(bench) == before
    assert undone.deleted == {"company": 1, "person": 2, "tag": 1, "person_tag": 2, "event": 2}
    assert undone.kept == []


def test_after_all_is_undone_who_comes_first_is_open_again_but_opt_outs_stay(bench):
    bench.mapping = bench.mapping.replace("by: [email]}\n", "by: [email]}\n  consent: {}\n")
    twins = [person(key, email="same@example.com", unsubscribed=True) for key in ("p1", "p2")]
    bench.run(*twins)
    undo(bench)
    assert bench.run(twins[1])["person"] == {"created": 1}
    with bench.open_ledger() as ledger:
        assert set(ledger.claims.owners("consent", ["p1", "p2"])) == {"p1", "p2"}


def test_changes_and_adoptions_are_put_back(bench):
    bench.crm.rows["person"]["old"] = {"name": "Kept by sales", "email": "p1@example.com"}
    before = snapshot(bench)
    bench.run(company("c1"), person("p1", phone="+15550100"), works_at("p1", "c1"))
    assert bench.crm.rows["person"]["old"]["phone"] == "+15550100"
    undo(bench)
    assert bench.crm.rows["person"]["old"] == {
        "name": "Kept by sales", "email": "p1@example.com", "phone": None, "company": None,
    }  # fmt: skip
    assert bench.crm.keys == before[1]


def test_only_the_last_run_is_undone_and_the_next_run_writes_it_again(bench):
    bench.run(person("p1"), person("p2"))
    after_first = snapshot(bench)
    bench.run(person("p1", attributes={"name": "New"}), person("p3"))
    undo(bench)
    assert snapshot(bench) == after_first
    counts = bench.run(person("p1", attributes={"name": "New"}), person("p2"), person("p3"))
    assert counts["person"] == {"updated": 1, "unchanged": 1, "created": 1}


def test_all_runs_are_undone_latest_first(bench):
    bench.run(person("p1"))
    bench.run(person("p1", attributes={"name": "New"}), event("e1", "p1"))
    first, second = runs(bench)
    assert [undone.run for undone in undo(bench, everything=True)] == [second, first]
    assert not any(bench.crm.rows.values())


def test_what_others_changed_since_is_kept_and_listed(bench):
    bench.run(company("c1"), person("p1"), person("p2"), works_at("p1", "c1"))
    bench.person("p1")["name"] = "Corrected by sales"
    (undone,) = undo(bench)
    assert [(kept.key, kept.reason) for kept in undone.kept] == [("p1", "changed since the run: name")]
    assert set(bench.crm.keys["person"]) == {"p1"}


def test_force_undoes_that_too(bench):
    bench.run(person("p1"))
    bench.person("p1")["name"] = "Corrected by sales"
    (undone,) = undo(bench, force=True)
    assert undone.kept == []
    assert not bench.crm.rows["person"]


def test_what_was_kept_can_be_forced_later(bench):
    bench.run(person("p1", attributes={"name": "Old"}), person("p2"))
    before = snapshot(bench)
    bench.run(person("p1", attributes={"name": "New"}), person("p3"))
    bench.person("p1")["name"] = "Corrected by sales"
    second = runs(bench)[-1]
    (first_try,) = undo(bench)
    assert [kept.key for kept in first_try.kept] == ["p1"]
    (again,) = undo(bench)
    assert (again.run, again.kept, again.deleted) == (second, first_try.kept, {})
    (forced,) = undo(bench, force=True)
    assert (forced.run, forced.kept, forced.restored) == (second, [], {"person": 1})
    assert snapshot(bench) == before
    assert [undone.run for undone in undo(bench)] == [runs(bench)[0]]


def test_a_deletion_that_the_crm_refused_is_tried_again(bench, monkeypatch):
    def locked(entity, rows):
        return [Outcome(key, refusal=Refusal("locked", "by a colleague")) for key in rows]

    bench.run(person("p1"), person("p2"))
    monkeypatch.setattr(bench.crm, "delete", locked)
    (undone,) = undo(bench)
    assert {kept.reason for kept in undone.kept} == {"the CRM refused to delete it: locked"}
    monkeypatch.undo()
    (again,) = undo(bench)
    assert (again.deleted, again.kept) == ({"person": 2}, [])
    assert undo(bench) == []


def test_a_record_that_is_gone_is_told_once(bench):
    bench.run(person("p1"))
    bench.run(person("p1", attributes={"name": "New"}))
    del bench.crm.rows["person"][bench.crm.keys["person"]["p1"]]
    first = runs(bench)[0]
    (undone,) = undo(bench)
    assert [kept.reason for kept in undone.kept] == ["the record is gone"]
    assert [one.run for one in undo(bench)] == [first]


def test_a_dry_run_says_the_same_and_writes_nothing(bench):
    bench.run(*EVERYTHING)
    before = snapshot(bench)
    (planned,) = undo(bench, dry_run=True)
    assert snapshot(bench) == before
    (undone,) = undo(bench)
    assert (planned.deleted, planned.restored, planned.kept) == (undone.deleted, undone.restored, undone.kept)


def test_removed_memberships_come_back(bench):
    bench.run(*EVERYTHING)
    before = snapshot(bench)
    bench.run(member(1, "p1", _sdc_deleted_at="2026-01-01T00:00:00Z"))
    undo(bench)
    assert snapshot(bench) == before


GONE = {"_sdc_deleted_at": "2026-01-01T00:00:00Z"}


def test_a_deleted_record_comes_back_and_goes_with_the_run_that_made_it(bench):
    rule = "{entity: company, key: cio_object_id, fields"
    bench.mapping = bench.mapping.replace(
        rule, "{entity: company, on_delete: delete, key: cio_object_id, fields"
    )
    bench.run(company("c1"))
    bench.run(("objects", {"cio_object_id": "c1"} | GONE))
    assert bench.crm.rows["company"] == {}
    (undone,) = undo(bench)
    assert undone.recreated == {"company": 1}
    assert [row["name"] for row in bench.crm.rows["company"].values()] == ["Company c1"]
    assert bench.run(company("c1"))["company"] == {"unchanged": 1}
    undo(bench, everything=True)
    assert bench.crm.rows["company"] == {}


def test_what_went_with_its_parent_is_named(bench):
    bench.run(*EVERYTHING)
    bench.crm.rows["person_tag"].clear()
    bench.run(member(1, "p1", **GONE))
    (undone,) = undo(bench)
    assert [(kept.entity, kept.reason) for kept in undone.kept] == [
        ("person_tag", "it went with a record that the run deleted")
    ]
    # Nothing can bring it back, so the run is done with.
    assert [again.run for again in undo(bench)] == [runs(bench)[0]]


def test_an_archived_person_comes_back(bench):
    bench.run(person("p1"))
    bench.run(("people", {"cio_id": "p1", "_sdc_deleted_at": "2026-01-01T00:00:00Z"}))
    undo(bench)
    assert bench.person("p1")["active"] is None


def test_an_earlier_run_is_not_undone_under_a_later_one(bench):
    bench.run(person("p1"))
    bench.run(person("p2"))
    first, second = runs(bench)
    with pytest.raises(ConfigError, match=f"Run {second} came after run {first}"):
        undo(bench, run=first)


def test_a_change_that_was_refused_does_not_stand_in_the_way(bench):
    bench.run(person("p1"))
    bench.crm.refuses = lambda entity, values: values.get("name") == "New"
    bench.run(person("p1", attributes={"name": "New"}))
    bench.crm.refuses = lambda entity, values: False
    undone = undo(bench, everything=True)
    assert [kept for one in undone for kept in one.kept] == []
    assert not bench.crm.rows["person"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_two_streams_say_of_one_field_is_undone_although_they_agree_later(bench, dry_run):
    """As with an opt-out that another stream tells first, and the person's own record in the next run."""
    patch = "      links: {company: {entity: company, key: cio_object_id}}\n"
    bench.mapping = bench.mapping.replace(patch, patch + '      fields: {plan: {value: "pro"}}\n')
    bench.mapping = bench.mapping.replace("      write: fill_empty\n", "")
    free, pro = ({"subscription": {"plan": plan}} for plan in ("free", "pro"))
    bench.run(company("c1"), person("p1", attributes=free), works_at("p1", "c1"))
    bench.run(person("p1", attributes=pro))
    undone = undo(bench, everything=True, dry_run=dry_run)
    assert [kept for run in undone for kept in run.kept] == []
    assert bool(bench.crm.rows["person"]) is dry_run


def test_fields_of_ours_go_with_the_last_run_where_they_are_empty(bench):
    custom = "        phone: {from: phone, write: fill_empty}\n"
    extra = "        {0}: {{from: attributes.{0}, custom: {{type: text}}}}\n"
    bench.mapping = bench.mapping.replace(custom, custom + extra.format("tier") + extra.format("note"))
    bench.run(person("p1", attributes={"tier": "gold", "note": "x"}))
    bench.crm.rows["person"]["own"] = {"note": "by sales"}
    (undone,) = undo(bench)
    for dry_run in (True, False):
        undone.dry_run = dry_run
        take_back_schema(bench.crm, undone)
        assert undone.schema_removed == ["person.tier"]
        assert list(undone.schema_kept) == ["person.note"]
        assert ("tier" in bench.crm.describe("person")) is dry_run


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_others_hung_on_a_record_keeps_it_and_is_counted(bench, monkeypatch, dry_run):
    bench.run(*EVERYTHING)
    (company_id,) = bench.crm.rows["company"]
    below = {"company": {company_id: 3}}

    def count(entity, ids):
        return {id_: number for id_, number in below.get(entity, {}).items() if id_ in ids}

    monkeypatch.setattr(bench.crm, "below", count, raising=False)
    (undone,) = undo(bench, dry_run=dry_run)
    (kept,) = undone.kept
    assert (kept.entity, kept.reason) == ("company", "3 records that are not ours would be deleted along")
    assert "company" not in undone.deleted
    assert company_id in bench.crm.rows["company"]
