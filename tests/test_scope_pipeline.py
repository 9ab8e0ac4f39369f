"""Scope over the whole pipeline: the bundled workspace, read by the tap, profiled by the loader."""

from __future__ import annotations

from migration import Project, customerio_settings


def test_scope_profiles_the_bundled_workspace(tmp_path, customerio, people):
    project = Project(tmp_path / "a project", customerio_settings(customerio))
    profile = project.crmlift("scope", "--json", "--inactive-days", "90").json
    assert profile["people"]["total"] == people
    assert profile["people"]["inactive_days"] == 90
    assert profile["people"]["without_email"] > 0
    assert profile["people"]["active"] > 0
    attributes = {a["name"]: a for a in profile["attributes"] if a["stream"] == "people"}
    assert attributes["lead_score"]["mixed"]
    assert attributes["birthday"]["patterns"] == {"date": 1.0}
    assert {"subscription.mrr", "enabled_channels[]", "trait_001"} <= attributes.keys()
    assert {"order_placed"} <= {event["name"] for event in profile["events"]}
    assert len(profile["objects"]) == 4
    assert all(segment["members"] >= 0 for segment in profile["segments"])
    assert (project.folder / ".crmlift" / "scope" / "scope.html").exists()
    # A second pass reads everything again.
    project.run("meltano", "run", "tap-customerio", "crmlift-scope")
    again = (project.folder / ".crmlift" / "scope" / "scope.json").read_text()
    assert f'"total": {people}' in again
