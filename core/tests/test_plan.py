"""A plan writes nothing, and says what the run after it does."""

from __future__ import annotations

import pytest
from records import EVERYTHING, company, event, member, person, works_at

from crmlift.destination import Allowance, Field, FieldType, Finding, Severity
from crmlift.errors import ConfigError, RunStopped
from crmlift.hooks.manager import Hooks
from crmlift.mapping import schema_changes
from crmlift.mapping.load import parse_mapping
from crmlift.plan.conditions import check
from crmlift.plan.files import read_plan, write_plan
from crmlift.plan.planned_run import PlannedRun
from crmlift.testing.memory import MemoryCrm
from crmlift.testing.workspace import KEYS

RESULTS = (
    "created", "adopted", "updated", "unchanged", "merged", "archived", "deleted", "rejected", "waiting",
)  # fmt: skip
CUSTOM = "plan: {from: traits.subscription.plan, custom: {type: text}}"


class LimitedCrm(MemoryCrm):
    """A CRM with a quota, and a field that only a person can create."""

    allowed = Allowance(calls=1000, calls_per_second=10.0, records=1000, source="the test's edition")

    def allowance(self):
        return self.allowed

    def by_hand(self, entity, fields):
        return {spec.name: "Create it under Settings." for spec in fields if spec.name == "score"}


def planned(bench, *messages, approved=True):
    """The plan for some records, with every table of CRM and ledger compared before and after."""
    before = (bench.crm.rows, bench.crm.keys, bench.crm.fields)
    copies = tuple({name: dict(rows) for name, rows in part.items()} for part in before)
    with bench.open_ledger() as ledger:
        runs = ledger.runs.all()
        run = PlannedRun(parse_mapping(bench.mapping), bench.crm, ledger, approved=approved)
        for stream, keys in KEYS.items():
            run.pipeline.schema(stream, {"properties": {}}, keys)
        for stream, record in messages:
            run.pipeline.record(stream, dict(record))
        plan = run.finish()
        run.close()
        assert ledger.runs.all() == runs
    assert copies == before
    assert not set(bench.crm.calls) & {"create", "update", "adopt", "delete"} or runs
    return plan


def by_entity(plan):
    return {
        row.entity: {name: getattr(row, name) for name in RESULTS if getattr(row, name)}
        for row in plan.entities
        if any(getattr(row, name) for name in RESULTS)
    }


def test_a_plan_for_an_empty_crm_counts_what_the_run_then_does(bench):
    twins = [person("p3", email="p1@example.com", phone="+15550100"), person("p4", attributes={"name": 7})]
    plan = planned(bench, *EVERYTHING, *twins)
    assert by_entity(plan) == bench.run(*EVERYTHING, *twins)
    assert plan.ready
    assert plan.cost.records == sum(row.created for row in plan.entities)


def test_a_plan_sees_what_is_unchanged_changed_and_gone(bench):
    bench.run(*EVERYTHING)
    later = [
        company("c1"),
        person("p1", email="p1@example.com", attributes={"name": "Other"}),
        ("people", {"cio_id": "p2", "_sdc_deleted_at": "2026-01-01T00:00:00Z"}),
        person("p9"),
        event("e9", "p9"),
        event("e8", "nobody"),
    ]
    plan = planned(bench, *later)
    assert by_entity(plan) == bench.run(*later)


def test_a_plan_adopts_and_names_records_that_match_two_ways(bench):
    bench.crm.rows["person"] |= {
        "91": {"email": "p1@example.com"},
        "92": {"email": "p2@example.com"},
        "93": {"email": "p2@example.com"},
    }
    messages = [person("p1", email="p1@example.com"), person("p2", email="p2@example.com")]
    plan = planned(bench, *messages)
    assert by_entity(plan)["person"] == {"adopted": 1, "updated": 1, "rejected": 1}
    assert by_entity(plan) == bench.run(*messages)


def test_a_plan_counts_what_twins_share_once_as_the_run_does(bench):
    twins = [person(key, email="a@example.com") for key in ("p1", "p2", "p3")]
    tag = ("segments", {"id": 1, "name": "VIP"})
    messages = [*twins, tag, member(1, "p1"), member(1, "p2"), person("p4"), member(1, "p3")]
    plan = planned(bench, *messages)
    assert by_entity(plan) == bench.run(*messages)
    assert by_entity(plan)["person_tag"] == {"created": 1, "unchanged": 2}


def test_fields_that_are_missing_are_planned_and_not_created(bench):
    bench.mapping = bench.mapping.replace("plan: traits.subscription.plan", f"new_{CUSTOM}")
    plan = planned(bench, person("p1", attributes={"subscription": {"plan": "pro"}}))
    assert [(spec.entity, spec.name, spec.type) for spec in plan.new_fields] == [
        ("person", "new_plan", FieldType.TEXT)
    ]
    assert bench.crm.fields["person"] == {}


def test_an_error_of_the_preflight_stands_in_the_way_and_the_plan_is_made(bench):
    bench.crm.findings = [Finding(Severity.ERROR, "A right is missing.", "Give it.")]
    plan = planned(bench, person("p1"))
    assert not plan.ready
    assert plan.obstacles == ["A right is missing. Give it."]
    with pytest.raises(RunStopped, match="A right is missing"):
        bench.run(person("p1"))


def test_an_unapproved_mapping_stands_in_the_way(bench):
    assert "not approved" in planned(bench, person("p1"), approved=False).obstacles[0]


def test_calls_and_room_are_held_against_what_the_crm_leaves(bench):
    bench.crm = LimitedCrm()
    people = [person(f"p{number}") for number in range(20)]
    plan = planned(bench, *people)
    assert plan.ready
    assert plan.cost.writing_seconds == pytest.approx(plan.cost.calls / 10, abs=0.1)
    bench.crm.allowed = Allowance(calls=1, records=5, source="the test's edition")
    short = planned(bench, *people)
    assert [text.split(":")[0] for text in short.obstacles] == [
        f"The run takes about {short.cost.calls} calls and 1 are left (the test's edition)",
        "The run adds 20 records and there is room for 5 (the test's edition)",
    ]
    with pytest.raises(ConfigError, match=r"Nothing was written\. The run takes about"):
        check(plan, parse_mapping(bench.mapping), bench.crm)


def test_what_only_a_person_can_create_is_listed_and_stops_the_run(bench):
    bench.crm = LimitedCrm()
    bench.mapping = bench.mapping.replace(
        "plan: traits.subscription.plan",
        f"score: {{from: traits.score, custom: {{type: integer}}}}\n        new_{CUSTOM}",
    )
    plan = planned(bench, person("p1"))
    assert {spec.name: spec.by_hand for spec in plan.new_fields} == {
        "new_plan": None,
        "score": "Create it under Settings.",
    }
    assert plan.obstacles == ["1 fields must be created by a person: see the list of `crmlift provision`."]
    with pytest.raises(RunStopped, match=r"created in the CRM by a person first: person\.score"):
        bench.run(person("p1"))


def test_provisioning_creates_what_it_can_and_can_be_repeated(bench):
    bench.crm = LimitedCrm()
    bench.mapping = bench.mapping.replace(
        "plan: traits.subscription.plan",
        f"score: {{from: traits.score, custom: {{type: integer}}}}\n        new_{CUSTOM}",
    )
    mapping = parse_mapping(bench.mapping)
    first = schema_changes.apply(mapping, bench.crm)
    assert [spec.name for spec in first.created["person"]] == ["new_plan"]
    assert first.by_hand == {"person": {"score": "Create it under Settings."}}
    again = schema_changes.apply(mapping, bench.crm)
    assert again.created == {}
    assert again.by_hand == first.by_hand
    bench.crm.fields["person"]["score"] = Field("score", FieldType.INTEGER)
    assert schema_changes.apply(mapping, bench.crm) == schema_changes.Provisioned({}, {})


def test_a_crm_that_hides_a_field_it_accepted_stops_the_run(bench, monkeypatch):
    bench.mapping = bench.mapping.replace("plan: traits.subscription.plan", f"new_{CUSTOM}")
    monkeypatch.setattr(MemoryCrm, "provision", lambda *_arguments: None)
    with pytest.raises(RunStopped, match="accepted new fields of 'person' and does not show them: new_plan"):
        bench.run(person("p1"))


def test_a_plan_holds_until_mapping_or_schema_change(bench, tmp_path):
    plan = planned(bench, company("c1"), person("p1"), works_at("p1", "c1"))
    file = tmp_path / "plan.json"
    write_plan(plan, file)
    assert read_plan(file) == plan
    check(plan, parse_mapping(bench.mapping), bench.crm)
    changed = parse_mapping(bench.mapping.replace("email: email}", "email: phone}"))
    with pytest.raises(ConfigError, match="The mapping was changed since the plan was made"):
        check(plan, changed, bench.crm)
    bench.crm.fields["person"]["email"] = Field("email", FieldType.INTEGER)
    with pytest.raises(ConfigError, match="field 'email' of 'person' was text and is integer now"):
        check(plan, parse_mapping(bench.mapping), bench.crm)


def test_a_plan_transforms_as_the_run_does_and_tells_no_plugin_of_a_run(bench, monkeypatch):
    told = []
    monkeypatch.setattr(Hooks, "tell", lambda _self, event, **_facts: told.append(event))
    planned(bench, person("p1"))
    assert told == []
    bench.run(person("p1"))
    assert told == ["crmlift_run_started", "crmlift_entity_finished", "crmlift_run_finished"]


def test_a_missing_plan_is_none_and_a_broken_one_an_error(tmp_path):
    assert read_plan(tmp_path / "none.json") is None
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"broken\.json cannot be read"):
        read_plan(tmp_path / "broken.json")
