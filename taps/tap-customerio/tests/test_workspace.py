"""The bundled workspace and its two commands."""

from __future__ import annotations

import re

from click.testing import CliRunner

from tap_customerio.streams import STREAMS
from tap_customerio.workspace import generate
from tap_customerio.workspace.__main__ import main

NOW = 1_760_000_000  # the sandbox's time in tests


def test_equal_seeds_give_equal_workspaces():
    assert generate(50, 7, now=NOW) == generate(50, 7, now=NOW)
    assert generate(50, 7, now=NOW) != generate(50, 8, now=NOW)


def test_the_default_size_is_that_of_the_bundled_workspace():
    workspace = generate(now=NOW)
    config = workspace.config
    people = workspace.people
    emails = [person.email for person in people if person.email]
    assert len(people) == 2000
    assert sum(thing.type_id == "1" for thing in workspace.objects) == 60
    assert {thing.type_id for thing in workspace.objects} == {"1", "2", "3", "4"}
    assert (len(workspace.events), len(config["deliveries"]), len(config["segments"])) == (25_000, 12_000, 15)
    assert sum(person.email is None for person in people) == 60
    assert sum("id" not in person.identifiers for person in people) == 60
    assert len(emails) - len(set(emails)) == 40
    assert sum(len(person.attributes) >= 300 for person in people) == 10
    assert max(len(person.attributes) for person in people) == 300
    assert {type(person.attributes.get("lead_score")) for person in people} >= {int, str}
    assert sum(not person.active for person in people) > 400


def test_times_lie_where_they_can_be_read():
    workspace = generate(100, now=NOW)
    assert all(NOW - 29 * 86_400 <= event.timestamp < NOW for event in workspace.events)
    created = [delivery["created"] for delivery in workspace.config["deliveries"]]
    assert NOW - 426 * 86_400 < min(created) < NOW - 400 * 86_400
    assert max(created) < NOW
    assert all(moment <= NOW for d in workspace.config["deliveries"] for moment in d["metrics"].values())


def test_only_reserved_domains_occur():
    workspace = generate(300, now=NOW)
    text = repr(workspace)
    domains = set(re.findall(r"@([\w.-]+)", text)) | set(re.findall(r"https://([\w.-]+)", text))
    assert domains
    assert all(re.search(r"(^|\.)example\.(com|org|net)$", domain) for domain in domains)


def test_load_and_change_are_commands(make_sandbox):
    sandbox = make_sandbox(people=1)
    run = CliRunner().invoke
    loaded = run(main, ["load", "--url", sandbox.url, "--people", "30"])
    assert (loaded.exit_code, loaded.output) == (0, "30 people, 5 objects, 375 events, 180 deliveries\n")
    assert sandbox.get("/v1/workspaces")["workspaces"][0]["people"] == 30
    changed = run(main, ["change", "--url", sandbox.url, "--people", "3"])
    assert changed.output.split() == ["user-000001", "user-000002", "user-000003"]
    person = sandbox.get("/v1/customers/user-000002/attributes")["customer"]
    assert person["attributes"]["lead_score"] == 1001


def test_loading_twice_changes_nothing(sandbox):
    before = sandbox.read()
    sandbox.writer.load(sandbox.workspace)
    after = sandbox.read()
    for stream in STREAMS:
        keys = stream.primary_keys
        assert after.by(stream.name, *keys) == before.by(stream.name, *keys)
