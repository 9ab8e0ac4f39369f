"""A migration as a person lives it: every command in its order, into every CRM that is installed."""

from __future__ import annotations

import pytest
from migration import CRMS, ROOT, Project, change_people
from proof import with_journeys

from crmlift import plugins
from crmlift.commands import cli

TOLD = {"add", "demo", "sandbox"}
"""Commands that print for people only."""


@pytest.fixture
def people() -> int:
    return 100


@pytest.fixture
def project(tmp_path, customerio, crm, crm_sandbox) -> Project:
    """With a token for journeys, so that the hand-off has what it draws."""
    secrets = {**with_journeys(customerio), **crm.settings(crm_sandbox.url)}
    return Project(tmp_path / "a project with spaces", secrets, crm.target.name)


def test_every_installed_target_is_lifted_into():
    assert {crm.short for crm in CRMS} == set(plugins.names(plugins.TARGETS))


def test_every_command_for_machines_has_a_published_schema():
    machines = {
        name
        for name, command in cli.commands.items()
        if any("--json" in option.opts for option in command.params)
    }
    assert machines == cli.commands.keys() - TOLD
    assert [name for name in machines if not (ROOT / "docs" / "schemas" / f"{name}.json").exists()] == []


def test_the_whole_migration_and_the_way_back(project, customerio, crm):
    profile = project.crmlift("scope", "--json").json
    proposal = project.crmlift("propose", "--workspace", "demo", "--json").json
    assert proposal["live"]
    lines = {line["attribute"]: line for line in proposal["lines"]}
    consent = [line for line in proposal["lines"] if line["label"].startswith("email_opt_")]
    assert consent
    assert "sure" not in {line["band"] for line in consent}
    assert lines["subscription.seats"]["action"] == "custom"
    assert lines["trait_001"]["action"] == "skip"
    assert {line["entity"] for line in proposal["lines"] if line["stream"] == "people"} == set(crm.people)
    topics = {found["topic"] for found in proposal["suggestions"]}
    assert topics == {"split", "accounts", "dedupe", "event columns"}
    refused = project.crmlift("propose", "--workspace", "demo", ok=False)
    assert "There is a mapping at" in refused.err
    again = project.crmlift("propose", "--update", "--offline", "--json").json
    assert (again["digest"], again["lines"]) == (proposal["digest"], [])
    assert project.crmlift("approve", "--by", "tester", "--json").json["approved_by"] == "tester"

    assert project.crmlift("plan", "--json").json["ready"]
    assert project.crmlift("provision", "--json").json
    assert project.crmlift("provision", "--json").json == []
    rehearsed = project.crmlift("rehearse", "--into", "crm", "--people", "5", "--json").json
    assert rehearsed["differing"] == {}
    project.crmlift("rollback", "--yes", "--json")

    project.crmlift("plan", "--json")
    run = project.crmlift("run", "--json").json
    read = {stream["stream"]: stream["read"] for stream in run["streams"]}
    assert read["people"] == profile["people"]["total"]
    assert run["in_step"]
    assert project.crmlift("reconcile", "--json").json["in_step"]
    assert project.crmlift("verify", "--json").json["passed"]
    assert project.crmlift("verify", "--sample", "30", "--seed", "7", "--json").json["passed"]
    assert project.crmlift("retry", "--json").json["rejected"] == 0

    change_people(customerio, 3)
    delta = project.crmlift("run", "--delta", "--json").json
    assert sum(entity["results"].get("updated", 0) for entity in delta["entities"]) >= 3
    assert project.crmlift("cutover", "--json").json["in_step"]
    handed = project.crmlift("handoff", "--target", crm.target.name, "--json").json
    documents = {item["key"] for item in handed["items"]}
    assert {f"segment-{segment['id']}" for segment in profile["segments"]} <= documents
    report = project.crmlift("report", "--json").json
    assert report["cutover"]["in_step"]

    undone = project.crmlift("rollback", "--all", "--yes", "--json").json
    assert [kept for one in undone for kept in one["kept"]] == []
