"""Runs one after the other while life goes on, as docs/schedule.md tells of it."""

from __future__ import annotations

import pytest
import requests
from migration import customerio_settings, fill

from crmlift import plugins
from crmlift.sandbox.server import Server, serve


@pytest.fixture
def people() -> int:
    return 30


@pytest.fixture
def life(customerio: Server):
    """Does things in Customer.io through its Track API."""

    def do(action, who, **more):
        operation = {"type": "person", "action": action, "identifiers": {"id": who}, **more}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                f"{customerio.url}/api/v2/entity", json=operation, auth=("sandbox-site", "sandbox-track-key")
            )
        assert answer.status_code == 200, answer.text

    return do


def at(number):
    return [{"identifiers": {"object_type_id": "1", "object_id": f"company-00{number}"}}]


def test_who_leaves_moves_and_comes_back_is_in_step_after_each_run(project, crm, life):
    with (project.folder / ".env").open("a") as env:
        env.write("TAP_CUSTOMERIO_MEMORY_FILE=.crmlift/customerio.memory\n")
    project.approve_default()

    def hour():
        run = project.crmlift("run", "--json")
        assert (run.json["status"], run.json["in_step"]) == ("complete", True)
        return run, {entity["entity"]: entity["results"] for entity in run.json["entities"]}

    new = {"lifecycle_stage": "customer"}
    for who in ("mover", "leaver"):
        life("identify", who, attributes={**new, "email": f"{who}@example.com"}, cio_relationships=at(1))
    hour()
    life("delete_relationships", "mover", cio_relationships=at(1))
    life("add_relationships", "mover", cio_relationships=at(2))
    life("delete", "leaver")
    run, counts = hour()
    assert crm.counted(counts, "archived") == 1
    assert sum(results.get("deleted", 0) for results in counts.values()) >= 2
    assert "The mapping changed" not in run.err

    life("identify", "leaver", attributes={**new, "email": "leaver@example.com"})
    path = project.folder / "crmlift" / f"{crm.short}.yml"
    path.write_text(path.read_text().replace("\nskip:\n", "\nskip:\n  a_stream_of_others: not wanted\n"))
    project.crmlift("approve", "--by", "tester")
    run, counts = hour()
    assert (crm.counted(counts, "created"), crm.counted(counts, "merged")) == (0, 1)
    assert "`crmlift run --full-refresh` writes all of them by the new one" in " ".join(run.err.split())
    assert project.crmlift("verify", "--json").json["passed"]


def test_what_the_key_of_another_workspace_took_away_comes_back(project, crm, crm_sandbox, customerio):
    memory = {"TAP_CUSTOMERIO_MEMORY_FILE": ".crmlift/customerio.memory"}
    ours = {**customerio_settings(customerio), **crm.settings(crm_sandbox.url), **memory}
    project.write_env(ours)
    project.approve_default()
    project.crmlift("run", "--json")

    with serve(plugins.find(plugins.SANDBOXES, "customerio").value) as other:
        fill(other, people=1)
        project.write_env(ours | customerio_settings(other))
        stopped = project.crmlift("run", "--json", ok=False)
        assert stopped.code == 1
        assert "too much to remove at once" in " ".join(stopped.err.split())
        again = project.crmlift("run", "--json", ok=False)
        assert again.code == 1, "the state stayed where it was"

    project.write_env(ours)
    for _ in range(2):
        project.crmlift("rollback", "--yes")
    run = project.crmlift("run", "--full-refresh", "--json").json
    assert (run["status"], run["in_step"]) == ("complete", True)
    assert project.crmlift("verify", "--json").json["passed"]
