"""`meltano run tap-customerio target-…` by hand, as the README shows it, against both sandboxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration import Crm, change_people

from crmlift.loader.counts import Result


def test_a_load_a_second_run_and_a_delta_of_ten(project, customerio, crm):
    project.approve_default()
    plan = project.crmlift("plan", "--json").json
    assert plan["ready"]
    assert plan["new_fields"]

    project.meltano_run()
    first = project.counts()
    assert comparable(crm, planned(plan)) == comparable(crm, first)
    assert crm.counted(first, "created") > 100
    assert first["event"]["created"] > 500
    checked = project.crmlift("verify", "--json").json
    assert checked["passed"]
    changed = [change for entity in checked["entities"] for change in entity["changed"]]
    assert changed
    assert [change for change in changed if not change["how"]] == []

    again = planned(project.crmlift("plan", "--json", "--full-refresh").json)
    assert again.keys() == first.keys()
    assert {result for counter in again.values() for result in counter} == {"unchanged"}
    project.meltano_run()
    assert {result for counter in project.counts().values() for result in counter} <= {"unchanged"}

    changed = change_people(customerio, 10)
    assert len(changed) == 10
    cutover = project.crmlift("cutover", "--json").json
    assert cutover["in_step"], cutover["differences"]
    third = project.counts()
    assert crm.counted(third, "updated") + crm.counted(third, "merged") == 10
    assert crm.counted(third, "created") == 0
    assert project.crmlift("retry", "--json").json == {"tried": 0, "rejected": 0, "status": "nothing to do"}
    unknown = project.crmlift("forget", "--person", "nobody", "--yes", ok=False)
    assert "The ledger knows nobody by that" in unknown.err
    page = project.folder / "report.html"
    project.crmlift("report", "--output", str(page))
    assert "src=" not in page.read_text()
    report = project.crmlift("report", "--json", "--sample", "25").json
    assert report["cutover"]["in_step"]
    assert report["left"] == [left for left in report["left"] if left["fate"] == "merged"]
    assert "@example" not in page.read_text()

    undone = project.crmlift("rollback", "--all", "--yes", "--json").json
    assert [kept for run in undone for kept in run["kept"]] == []
    deleted = sum(undone[-1]["deleted"].get(entity, 0) for entity in crm.people)
    assert deleted == crm.counted(first, "created")


def planned(plan: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Counts per entity of a plan, without zeros."""
    counts = {
        row["entity"]: {result.value: row[result] for result in Result if row[result]}
        for row in plan["entities"]
    }
    return {entity: counter for entity, counter in counts.items() if counter}


def comparable(crm: Crm, counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """The counts that a plan can foresee."""
    return {entity: dict(counter) for entity, counter in counts.items() if entity not in crm.by_itself}


def test_a_wrong_key_is_named_with_the_other_region(project):
    project.approve_default()
    env = (project.folder / ".env").read_text()
    (project.folder / ".env").write_text(env.replace("sandbox-app-key", "some-other-key"))
    failed = project.meltano_run(ok=False)
    assert failed.code == 1
    assert "Extractor failed" in failed.err
    assert "region" in failed.err
    assert "some-other-key" not in failed.err


def test_a_wrong_crm_key_says_what_to_do_and_never_shows_it(project, crm):
    project.approve_default()
    env = (project.folder / ".env").read_text()
    key = crm.target.sandbox_config[crm.secret]
    (project.folder / ".env").write_text(env.replace(key, "some-other-key"))
    failed = project.meltano_run(ok=False)
    assert failed.code == 1
    assert crm.refusal in failed.err
    assert "some-other-key" not in failed.err


def test_an_unapproved_mapping_stops_the_pipeline(project):
    project.crmlift("propose", "--workspace", "demo")
    failed = project.meltano_run(ok=False)
    assert "is not approved, so nothing was written" in failed.err


def test_an_unknown_field_is_named_with_its_line(project, crm):
    project.approve_default()
    path = project.folder / "crmlift" / f"{crm.short}.yml"
    path.write_text(path.read_text().replace("workspace: demo", "workspace: demo\nworkspaces: two"))
    failed = project.crmlift("approve", ok=False)
    assert failed.code == 1
    assert f"{crm.short}.yml:" in failed.err
    assert "workspaces: Extra inputs are not permitted" in failed.err
