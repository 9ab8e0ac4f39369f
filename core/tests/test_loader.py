"""What becomes of rows: each test runs records through the whole way into a CRM in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from records import EVERYTHING, company, event, member, person, segment, works_at

from crmlift.destination import Create, Finding, Severity
from crmlift.errors import ConfigError, RunStopped, TransientError
from crmlift.reconcile import accept_deleted, reconcile
from crmlift.verify import verify


def test_a_workspace_arrives_with_its_links(bench):
    counts = bench.run(*EVERYTHING)
    assert counts == {
        "company": {"created": 1},
        "person": {"created": 2, "updated": 1},
        "tag": {"created": 1},
        "person_tag": {"created": 2},
        "event": {"created": 2},
    }
    assert bench.person("p1") == {
        "name": "P1", "email": "p1@example.com", "company": bench.crm.keys["company"]["c1"],
    }  # fmt: skip
    assert len(bench.crm.rows["person_tag"]) == 2


def test_a_second_run_writes_nothing_and_asks_little(bench):
    bench.run(*EVERYTHING)
    bench.crm.calls.clear()
    counts = bench.run(*EVERYTHING)
    assert {name for counter in counts.values() for name in counter} == {"unchanged"}
    assert set(bench.crm.calls) <= {"count"}


def test_only_what_changed_is_written(bench):
    bench.run(person("p1"), person("p2"))
    bench.crm.calls.clear()
    counts = bench.run(
        person("p1"), person("p2", attributes={"name": "New", "subscription": {"plan": "pro"}})
    )
    assert counts == {"person": {"unchanged": 1, "updated": 1}}
    assert bench.person("p2") == {"name": "New", "email": "p2@example.com", "plan": "pro"}


def test_a_lost_ledger_finds_its_rows_and_doubles_none(bench):
    bench.run(*EVERYTHING)
    bench.lose_ledger()
    before = {entity: dict(rows) for entity, rows in bench.crm.rows.items()}
    counts = bench.run(*EVERYTHING)
    assert "created" not in {name for counter in counts.values() for name in counter}
    assert bench.crm.rows == before


def test_a_refused_row_stands_alone(bench):
    bench.crm.refuses = lambda entity, values: values.get("name") == "P37"
    counts = bench.run(*[person(f"p{number}") for number in range(100)])
    assert counts == {"person": {"created": 99, "rejected": 1}}
    assert bench.status == "complete_with_rejects"
    with bench.open_ledger() as ledger:
        (letter,) = ledger.letters.all()
    assert (letter.source, letter.code, letter.record["email"]) == ("p37", "refused", "p37@example.com")


def test_people_who_share_an_email_become_one(bench):
    twin = person("p2", email="P1@Example.com ", phone="+15550100")
    counts = bench.run(person("p1"), twin, event("e1", "p2"), event("e2", "p1"))
    assert counts["person"] == {"created": 1, "merged": 1}
    assert bench.person("p1") == {"name": "P1", "email": "p1@example.com", "phone": "+15550100"}
    assert {row["person"] for row in bench.crm.rows["event"].values()} == {bench.crm.keys["person"]["p1"]}
    assert bench.run(person("p1"), twin)["person"] == {"unchanged": 2}


def test_a_twin_keeps_the_row_that_has_a_key_of_its_own(bench):
    opted_out = """
    - {entity: tag, key: "=digest(email)", when: unsubscribed, fields: {name: {value: opted out}}}
  relationships:"""
    bench.mapping = bench.mapping.replace("\n  relationships:", opted_out, 1)
    twin = person("p2", email="P1@Example.com ", unsubscribed=True)
    assert bench.run(person("p1"), twin)["tag"] == {"created": 1}
    assert bench.run(person("p1", unsubscribed=True), twin)["tag"] == {"unchanged": 2}
    (key,) = bench.crm.keys["tag"]
    assert "example" not in key
    with bench.open_ledger() as ledger:
        assert reconcile(ledger, bench.crm).in_step


def test_twins_share_a_membership_until_the_last_one_leaves(bench):
    both = [person("p1"), person("p2", email="p1@example.com"), segment(1), member(1, "p1"), member(1, "p2")]
    bench.run(*both)
    with bench.open_ledger() as ledger:
        assert reconcile(ledger, bench.crm).in_step
    gone = {"_sdc_deleted_at": "2026-01-01T00:00:00Z"}
    bench.run(member(1, "p2", **gone))
    assert len(bench.crm.rows["person_tag"]) == 1
    bench.run(member(1, "p1", **gone))
    assert len(bench.crm.rows["person_tag"]) == 0


def test_an_existing_record_is_adopted_and_only_its_gaps_are_filled(bench):
    bench.crm.rows["person"]["old"] = {"name": "Kept by sales", "email": "P1@example.com"}
    counts = bench.run(person("p1", phone="+15550100"), person("p2"))
    assert counts["person"] == {"adopted": 1, "updated": 1, "created": 1}
    assert bench.crm.rows["person"]["old"] == {
        "name": "Kept by sales", "email": "P1@example.com", "phone": "+15550100",
    }  # fmt: skip
    assert bench.run(person("p1", phone="+15550100"), person("p2"))["person"] == {"unchanged": 2}


def test_two_matches_are_left_to_a_person(bench):
    bench.crm.rows["person"] |= {"a": {"email": "p1@example.com"}, "b": {"email": "p1@example.com"}}
    assert bench.run(person("p1"))["person"] == {"rejected": 1}
    with bench.open_ledger() as ledger:
        assert ledger.letters.all()[0].code == "ambiguous_match"


def test_a_child_waits_for_its_parent_and_is_loaded_when_it_comes(bench):
    assert bench.run(event("e1", "p1"), company("c1"), works_at("p1", "c1")) == {
        "company": {"created": 1}, "event": {"waiting": 1}, "person": {"waiting": 1},
    }  # fmt: skip
    counts = bench.run(person("p1"))
    assert counts["event"]["created"] == 1
    assert bench.person("p1")["company"] == bench.crm.keys["company"]["c1"]


def test_children_read_before_their_parents_arrive_in_the_same_run(bench):
    counts = bench.run(works_at("p1", "c1"), event("e1", "p1"), person("p1"), company("c1"))
    assert counts["event"] == {"created": 1}
    assert bench.person("p1")["company"] == bench.crm.keys["company"]["c1"]


def test_a_second_company_does_not_displace_the_first(bench):
    bench.run(company("c1"), company("c2"), person("p1"), works_at("p1", "c1"), works_at("p1", "c2"))
    assert bench.person("p1")["company"] == bench.crm.keys["company"]["c1"]


def test_rows_that_repeat_each_other_cost_nothing(bench):
    counts = bench.run(*[company("c1")] * 40, company("c2"))
    assert counts == {"company": {"created": 2, "unchanged": 39}}
    assert bench.crm.calls["create"] == 1
    assert "read" not in bench.crm.calls


def test_twins_at_two_companies_keep_the_first(bench):
    twins = [person("p1"), person("p2", email="p1@example.com")]
    bench.run(company("c1"), company("c2"), *twins, works_at("p1", "c1"), works_at("p2", "c2"))
    assert bench.person("p1")["company"] == bench.crm.keys["company"]["c1"]
    with bench.open_ledger() as ledger:
        assert verify(ledger, bench.crm).passed


def test_a_create_that_was_cut_off_is_found_again(bench):
    def cut(_method: str) -> None:
        raise TransientError("The connection was cut.")

    bench.crm.after_call = cut
    with pytest.raises(TransientError):
        bench.run(person("p1"), person("p2"))
    bench.crm.after_call = lambda _method: None
    counts = bench.run(person("p1"), person("p2"))
    assert counts["person"] == {"unchanged": 2}
    assert len(bench.crm.rows["person"]) == 2


def test_after_a_crash_it_looks_only_when_the_server_must_be_done(bench, monkeypatch):
    """The server goes on with a create whose client was killed: its rows appear while we wait."""
    bench.crm.entities = bench.crm.entities | {"event": replace(bench.crm.entities["event"], in_flight_s=120)}
    bench.run(person("p1"))
    with bench.open_ledger() as ledger:
        ledger.journal.open_batch("event", ["e1", "e2"])
    waits: list[float] = []

    def commit(seconds: float) -> None:
        waits.append(seconds)
        rows = [Create(key, {"name": "Bought", "person": "1"}) for key in ("e1", "e2")]
        bench.crm.create("event", rows)

    monkeypatch.setattr("crmlift.loader.recovery.sleep", commit)
    counts = bench.run(event("e1", "p1"), event("e2", "p1"), event("e3", "p1"))
    assert len(waits) == 1
    assert 0 < waits[0] <= 120
    assert counts["event"] == {"updated": 2, "created": 1}
    assert len(bench.crm.rows["event"]) == 3


def test_a_lost_ledger_still_respects_what_was_adopted(bench):
    bench.crm.rows["person"]["old"] = {"name": "Kept by sales", "email": "p1@example.com"}
    bench.run(person("p1"))
    bench.lose_ledger()
    bench.run(person("p1"))
    assert bench.crm.rows["person"]["old"]["name"] == "Kept by sales"


def test_deleted_people_are_archived_and_memberships_removed(bench):
    bench.run(*EVERYTHING)
    gone = {"_sdc_deleted_at": "2026-01-01T00:00:00Z"}
    counts = bench.run(("people", {"cio_id": "p1", **gone}), member(1, "p2", **gone))
    assert counts == {"person": {"archived": 1}, "person_tag": {"deleted": 1}}
    assert bench.person("p1")["active"] is False
    assert len(bench.crm.rows["person_tag"]) == 1


def test_a_rule_that_only_creates_never_changes_a_row(bench):
    bench.mapping = bench.mapping.replace("- entity: event\n", "- entity: event\n      mode: create\n")
    bench.run(person("p1"), event("e1", "p1"))
    reads = bench.crm.calls["read"]
    assert bench.run(event("e1", "p1", at=1_800_000_000))["event"] == {"unchanged": 1}
    assert bench.crm.calls["read"] == reads
    (row,) = bench.crm.rows["event"].values()
    assert row["at"].year == 2023
    with bench.open_ledger() as ledger:
        assert verify(ledger, bench.crm).passed


def test_a_null_never_overwrites(bench):
    bench.run(person("p1", phone="+15550100"))
    bench.run(person("p1", attributes={}))
    assert bench.person("p1")["phone"] == "+15550100"


def test_a_bad_value_is_left_out_and_counted_or_rejects_as_the_mapping_says(bench):
    counts = bench.run(person("p1"), event("e1", "p1", at="yesterday-ish"))
    assert counts["event"] == {"rejected": 1}


def test_a_record_without_its_key_is_a_dead_letter(bench):
    bench.run(("people", {"email": "x@example.com"}), person("p1"))
    assert bench.counts.streams["people"] == {"read": 2, "rejected": 1}


def test_a_stream_that_is_not_loaded_is_counted(bench):
    bench.run(("deliveries", {"id": "d1"}))
    assert bench.counts.streams["deliveries"] == {"read": 1, "not_mapped": 1}


def test_records_that_no_rule_takes_are_counted(bench):
    bench.mapping = bench.mapping.replace(
        "{entity: company, key: cio_object_id,",
        "{entity: company, key: cio_object_id, when: \"object_type_id == '1'\",",
    )
    bench.run(("objects", {"cio_object_id": "c1", "object_type_id": "2", "attributes": {}}))
    assert bench.counts.streams["objects"] == {"read": 1, "no_rule": 1}


def test_a_field_that_nobody_knows_stops_the_run_before_it_writes(bench):
    bench.mapping = bench.mapping.replace("email: email\n", "e_mail: email\n")
    with pytest.raises(ConfigError, match="the field 'e_mail' of 'person' does not exist in this CRM"):
        bench.run(person("p1"))
    assert bench.crm.calls == {}


def test_a_preflight_error_stops_the_run_before_it_writes(bench):
    bench.crm.findings = [Finding(Severity.ERROR, "An automation would send mail.", "Switch it off.")]
    with pytest.raises(
        RunStopped, match=r"nothing was written: An automation would send mail. Switch it off."
    ):
        bench.run(person("p1"))


def test_a_message_that_was_sent_is_found_out(bench):
    def send(_method: str) -> None:
        bench.crm.messages += 1

    bench.crm.after_call = send
    with pytest.raises(RunStopped, match=r"queued messages during the run: \{'mail': 1\}"):
        bench.run(person("p1"))


def test_calls_stay_at_the_batch_limit(bench):
    bench.run(*[person(f"p{number}") for number in range(1000)])
    assert bench.crm.calls["create"] == 10


def test_a_state_leaves_only_when_all_before_it_is_settled(bench, ledger):
    pipeline = bench.start(ledger)
    pipeline.record(*person("p1"))
    pipeline.state({"at": 1})
    assert bench.states == []
    for number in range(2, 1600):
        pipeline.record(*person(f"p{number}"))
    pipeline.state({"at": 2})
    assert bench.states == [{"at": 1}]
    pipeline.finish()
    assert bench.states == [{"at": 1}, {"at": 2}]
    assert len(bench.crm.rows["person"]) == 1599


def test_a_state_behind_few_records_is_not_kept_waiting_for_ever(bench, ledger):
    pipeline = bench.start(ledger, checkpoint_rows=10)
    for number in range(11):
        pipeline.record(*person(f"p{number}"))
    pipeline.state({"at": 1})
    assert bench.states == [{"at": 1}]


def test_no_state_leaves_before_the_rest_of_its_batch_is_settled(bench):
    bench.crm.entities = {
        **bench.crm.entities,
        "person": replace(bench.crm.entities["person"], batch_limit=3),
    }
    left = []

    class Watched(list):
        def append(self, state):
            left.append((state, len(bench.crm.rows["person"])))

    bench.states = Watched()
    with bench.open_ledger() as ledger:
        pipeline = bench.start(ledger)
        for number in range(1, 11):
            pipeline.record(*person(f"p{number}"))
            pipeline.state(number)
        pipeline.finish()
    assert left[-1] == (10, 10)
    assert [state for state, loaded in left if state > loaded] == []


LEADS = """
    - {entity: lead, key: cio_id, when: attributes.stage == 'lead', fields: {name: cio_id}}
    - entity: person
      key: cio_id
      when: attributes.stage != 'lead'
      match"""


def test_a_link_to_several_rows_is_set_as_they_come(bench):
    links = "      links: {data: {entity: tag, key: attributes.tags}}\n"
    bench.mapping = bench.mapping.replace(
        "      fields:\n        name: {from", links + "      fields:\n        name: {from"
    )
    tagged = person("p1", attributes={"name": "P1", "tags": ["1", "2"]})
    bench.run(segment(1), tagged)
    assert bench.person("p1")["data"] == [bench.crm.keys["tag"]["1"]]
    bench.run(segment(2))
    assert bench.person("p1")["data"] == [bench.crm.keys["tag"][key] for key in ("1", "2")]
    assert bench.run(segment(1), segment(2), tagged)["person"] == {"unchanged": 1}


def test_a_link_finds_its_row_among_several_entities(bench):
    bench.mapping = bench.mapping.replace(
        "    - entity: person\n      key: cio_id\n      match", LEADS.removeprefix("\n")
    ).replace(
        "person: {entity: person, key: cio_id, required",
        "person: {entity: [person, lead], key: cio_id, required",
    )
    lead = person("p2", attributes={"stage": "lead"})
    early = [event("e0", "p2"), event("e9", "p9")]
    counts = bench.run(*early, person("p1"), lead, event("e1", "p1"), event("e2", "p2"))
    assert counts["event"] == {"created": 3, "waiting": 1}
    keys = bench.crm.keys
    found = {key: bench.crm.rows["event"][crm_id]["person"] for key, crm_id in keys["event"].items()}
    p1, p2 = keys["person"]["p1"], keys["lead"]["p2"]
    assert found == {"e0": p2, "e1": p1, "e2": p2}
    with bench.open_ledger() as ledger:
        assert ledger.waiting.causes() == [("activities", "person or lead", 1)]
    assert bench.run(person("p9"))["event"] == {"created": 1}


def test_a_patch_that_names_another_row_now_changes_that_one(bench):
    moved = {"object_type_id": "1", "cio_object_id": "c1", "id": "r1"}
    bench.mapping = bench.mapping.replace("skip: {deliveries: not part of this load}", PATCH)
    bench.run(company("c1"), person("p1"), person("p2"), ("deliveries", moved | {"cio_id": "p1"}))
    bench.run(("deliveries", moved | {"cio_id": "p2"}))
    assert bench.person("p2")["company"] == bench.person("p1")["company"] == bench.crm.keys["company"]["c1"]


PATCH = """  deliveries:
    - entity: person
      mode: update
      key: cio_id
      links: {company: {entity: company, key: cio_object_id}}
"""


def test_a_twin_that_joins_and_patches_a_row_is_unchanged_the_next_time(bench):
    patch = """
    - {entity: person, key: cio_id, mode: update, write: fill_empty, fields: {plan: plan}}
  relationships:"""
    bench.mapping = bench.mapping.replace("\n  relationships:", patch)
    people = person("p1"), person("p2", email="p1@example.com", phone="+15550100", plan="pro")
    bench.run(*people)
    assert bench.person("p1")["plan"] == "pro"
    assert bench.run(*people)["person"] == {"unchanged": 4}


def test_a_membership_that_twins_share_is_created_once(bench):
    twins = [person("p1", email="a@example.com"), person("p2", email="a@example.com")]
    tag = ("segments", {"id": 1, "name": "VIP"})
    counts = bench.run(*twins, tag, member(1, "p1"), member(1, "p2"))
    assert counts["person_tag"] == {"created": 1, "unchanged": 1}
    assert len(bench.crm.rows["person_tag"]) == 1


GONE = {"_sdc_deleted_at": "2026-01-01T00:00:00Z"}


def tombstone(key: str) -> tuple[str, dict[str, Any]]:
    return "people", {"cio_id": key, **GONE}


def test_who_comes_back_is_seen_again(bench):
    bench.run(person("p1"))
    bench.run(tombstone("p1"))
    assert bench.person("p1")["active"] is False
    assert bench.run(person("p1"))["person"] == {"updated": 1}
    assert bench.person("p1")["active"] is True
    assert bench.run(person("p1"))["person"] == {"unchanged": 1}


def test_who_comes_back_under_another_id_is_seen_again(bench):
    """Customer.io gives a profile that was deleted and made again a new cio_id; its address joins them."""
    bench.run(person("p1"))
    bench.run(tombstone("p1"))
    bench.run(person("new", email="p1@example.com"))
    assert len(bench.crm.rows["person"]) == 1
    assert bench.person("p1")["active"] is True


def test_who_was_archived_by_a_user_since_stays_so(bench):
    bench.run(person("p1"))
    bench.run(tombstone("p1"), person("new", email="p1@example.com"))
    bench.person("p1")["active"] = False
    bench.run(person("new", email="p1@example.com", phone="+15550101"))
    assert (bench.person("p1")["active"], bench.person("p1")["phone"]) == (False, "+15550101")


def test_a_row_is_archived_with_the_last_of_its_twins(bench):
    bench.run(person("p1"), person("twin", email="p1@example.com"))
    assert bench.run(tombstone("p1"))["person"] == {"unchanged": 1}
    assert bench.person("p1").get("active") is None
    assert bench.run(tombstone("twin"))["person"] == {"archived": 1}
    assert bench.person("p1")["active"] is False


def test_twins_that_go_together_are_archived_once(bench):
    bench.run(person("p1"), person("twin", email="p1@example.com"))
    assert bench.run(tombstone("twin"), tombstone("p1"))["person"] == {"archived": 1, "unchanged": 1}
    assert bench.person("p1")["active"] is False


def test_an_archive_that_the_crm_refused_is_tried_again(bench):
    bench.run(person("p1"))
    bench.crm.refuses = lambda _entity, values: "active" in values
    assert bench.run(tombstone("p1"))["person"] == {"rejected": 1}
    bench.crm.refuses = lambda _entity, _values: False
    assert bench.run(tombstone("p1"))["person"] == {"archived": 1}


def test_what_was_deleted_in_the_crm_is_missed_until_somebody_accepts_it(bench):
    bench.run(*EVERYTHING)
    gone = bench.crm.keys["person"]["p1"]
    tags = [name for name, row in bench.crm.rows["person_tag"].items() if row["person"] == gone]
    bench.crm.delete("person_tag", {name: name for name in tags})
    bench.crm.delete("event", {"e1": bench.crm.keys["event"]["e1"]})
    bench.crm.delete("person", {"p1": gone})
    with bench.open_ledger() as ledger:
        assert not reconcile(ledger, bench.crm).in_step
        assert accept_deleted(ledger, bench.crm) == {"event": 1, "person": 1, "person_tag": 1}
        assert reconcile(ledger, bench.crm).in_step
        assert verify(ledger, bench.crm).passed
        assert accept_deleted(ledger, bench.crm) == {}
    changed = person("p1", phone="+15550102")
    counts = bench.run(changed, event("e1", "p1", at=1_700_000_001), event("late", "p1"), member(1, "p1"))
    assert counts == {
        "person": {"left_out": 1},
        "event": {"left_out": 2},
        "person_tag": {"left_out": 1},
    }
    assert bench.status == "complete"
    assert len(bench.crm.rows["person"]) == 1
    with bench.open_ledger() as ledger:
        assert (ledger.waiting.counts(), reconcile(ledger, bench.crm).in_step) == ({}, True)


def test_twins_that_are_found_late_keep_the_records_that_they_have(bench):
    dedupe = "  dedupe: {stream: people, by: [email]}\n"
    with_twins, bench.mapping = bench.mapping, bench.mapping.replace(dedupe, "")
    bench.run(person("p1"), person("twin", email="p1@example.com"))
    assert len(bench.crm.rows["person"]) == 2
    bench.mapping = with_twins
    bench.run(person("p1"), person("twin", email="p1@example.com", attributes={"name": "New"}))
    assert (bench.person("p1")["name"], bench.person("twin")["name"]) == ("P1", "New")
    with bench.open_ledger() as ledger:
        assert reconcile(ledger, bench.crm).in_step


def test_after_the_ledger_was_lost_nobody_joins_another_who_has_a_record(bench):
    """Somebody took over an address while the ledger knew who had which record."""
    bench.run(person("p1"), person("p2"))
    bench.run(person("p2", email="p1@example.com"))
    bench.lose_ledger()
    bench.run(person("p1"), person("p2", email="p1@example.com", phone="+15550103"))
    assert bench.person("p2")["phone"] == "+15550103"
    with bench.open_ledger() as ledger:
        assert reconcile(ledger, bench.crm).in_step


def test_who_moves_to_another_company_gets_it(bench):
    bench.mapping = bench.mapping.replace("      write: fill_empty\n", "      write: take_over\n")
    bench.run(
        company("c1"), company("c2"), company("c3"), person("p1"), works_at("p1", "c1"), works_at("p1", "c2")
    )
    ids = bench.crm.keys["company"]
    assert bench.person("p1")["company"] == ids["c1"]
    counts = bench.run(works_at("p1", "c1"), works_at("p1", "c2"))
    assert counts["person"] == {"unchanged": 2}
    bench.run(works_at("p1", "c3"), works_at("p1", "c2"))
    assert bench.person("p1")["company"] == ids["c3"]
    with bench.open_ledger() as ledger:
        assert verify(ledger, bench.crm).passed


def test_a_load_that_broke_off_goes_on_with_the_company_that_it_began_with(bench):
    bench.mapping = bench.mapping.replace("      write: fill_empty\n", "      write: take_over\n")
    with bench.open_ledger() as ledger:
        pipeline = bench.start(ledger)
        for stream, record in (company("c1"), company("c2"), person("p1"), works_at("p1", "c1")):
            pipeline.record(stream, dict(record))
        pipeline.checkpoint()
    bench.run(works_at("p1", "c2"))
    assert bench.person("p1")["company"] == bench.crm.keys["company"]["c1"]


def test_the_company_that_a_user_chose_is_not_taken_over(bench):
    bench.mapping = bench.mapping.replace("      write: fill_empty\n", "      write: take_over\n")
    bench.run(company("c1"), company("c2"), person("p1"), works_at("p1", "c1"))
    bench.person("p1")["company"] = "chosen by sales"
    bench.run(works_at("p1", "c2"))
    assert bench.person("p1")["company"] == "chosen by sales"
