"""What a person is stopped from, through the commands: each refusal says why, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from migration import CRMS, Crm, Project
from ruamel.yaml import YAML

from crmlift import plugins
from crmlift.destination import Destination, Update
from crmlift.sandbox.server import Server, serve

NAMES = {"odoo": "name", "salesforce": "LastName"}
"""The field that every person has."""


@pytest.fixture
def people() -> int:
    return 30


@pytest.fixture
def crm_api(crm: Crm, crm_sandbox: Server) -> Iterator[Destination]:
    """The CRM as a colleague uses it: in the name of no workspace that is lifted."""
    with crm.target.destination({"url": crm_sandbox.url, **crm.target.sandbox_config}, "demo") as api:
        yield api


def few(project: Project, *, ok: bool = True):
    """Load a few people into the CRM itself: a run like any other."""
    return project.crmlift("rehearse", "--into", "crm", "--people", "6", "--json", ok=ok)


@pytest.mark.parametrize("crm", CRMS[:1], indirect=True, ids=lambda crm: crm.short)
def test_what_came_of_a_tap_that_failed_is_never_taken_for_the_whole(project):
    project.approve_default()
    whole = [project.crmlift(command, "--json").out for command in ("scope", "plan", "handoff")]
    names = ("scope/scope.json", "target-odoo.plan.json", "handoff/handoff.json")
    files = [project.folder / ".crmlift" / name for name in names]
    env = project.folder / ".env"
    right = env.read_text()
    env.write_text(right + "TAP_CUSTOMERIO_APP_API_KEY=wrong\n")
    for command in ("scope", "plan", "handoff", "run"):
        failed = project.crmlift(command, "--json", ok=False)
        assert (failed.code, failed.out) == (1, "")
        assert "Customer.io does not accept the App API key" in failed.err
        assert "Traceback" not in failed.err
    assert [json.loads(file.read_text()) for file in files] == [json.loads(text) for text in whole]
    assert project.crmlift("reconcile", "--json").json["status"] == "stopped"
    env.write_text(right)
    assert "There is no complete run to go on from." in project.crmlift("run", "--delta", ok=False).err


def test_a_plan_whose_mapping_or_schema_changed_stops_the_run(project, crm):
    project.approve_default()
    project.crmlift("provision", "--json")
    project.crmlift("plan", "--json")
    path = project.folder / "crmlift" / f"{crm.short}.yml"
    planned = path.read_text()
    yaml = YAML()
    mapping = yaml.load(planned)
    mapping["skip"]["nothing_of_the_kind"] = "no such stream"
    yaml.dump(mapping, path)
    refused = project.crmlift("run", ok=False)
    assert refused.code == 1
    assert "was changed after tester approved it, so nothing was written." in refused.err
    project.crmlift("approve", "--by", "tester")
    refused = project.crmlift("run", ok=False)
    assert "The mapping was changed since the plan was made, so nothing was written." in refused.err
    assert "Run `crmlift plan` again and look at it." in refused.err

    path.write_text(planned)
    project.crmlift("approve", "--by", "tester")
    env = (project.folder / ".env").read_text()
    with serve(plugins.find(plugins.SANDBOXES, crm.short).value) as without_fields:
        (project.folder / ".env").write_text(env + f"TARGET_{crm.short.upper()}_URL={without_fields.url}\n")
        refused = project.crmlift("run", ok=False)
    assert "The CRM's schema changed since the plan was made, so nothing was written: field '" in refused.err
    (project.folder / ".env").write_text(env)
    assert project.crmlift("reconcile", "--json").json["run"] == 0


def test_what_a_colleague_changed_is_not_rolled_back_unless_forced(project, crm, crm_api):
    project.approve_default()
    few(project)
    name = NAMES[crm.short]
    entity, row = next(
        (entity, row)
        for entity in crm.people
        for page in crm_api.scan(entity, [name], ours=True)
        for row in page
    )
    crm_api.update(entity, [Update(row.key, row.id, {name: "Changed by a colleague"})])

    kept = project.crmlift("rollback", "--yes", "--json", ok=False)
    assert kept.code == 3
    assert [(one["entity"], one["crm_id"]) for one in kept.json[0]["kept"]] == [(entity, row.id)]
    assert crm_api.read(entity, [row.id], [name]) == {row.id: {name: "Changed by a colleague"}}
    (forced,) = project.crmlift("rollback", "--yes", "--force", "--json").json
    assert forced["kept"] == []
    assert crm_api.read(entity, [row.id], [name]) == {}
