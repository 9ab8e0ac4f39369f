"""From the profile of the bundled workspace to an approved mapping that loads."""

from __future__ import annotations

import json
from pathlib import Path

import fastjsonschema
import pytest
from migration import ROOT, Project, customerio_settings

from target_odoo.target import TargetOdoo


@pytest.fixture
def project(tmp_path: Path, customerio, odoo_sandbox) -> Project:
    odoo = {f"TARGET_ODOO_{name.upper()}": value for name, value in TargetOdoo.sandbox_config.items()}
    secrets = {**customerio_settings(customerio), "TARGET_ODOO_URL": odoo_sandbox.url, **odoo}
    return Project(tmp_path / "a project with spaces", secrets)


def test_what_scope_found_is_proposed_approved_and_loaded(project):
    project.crmlift("scope")
    answer = project.crmlift("propose", "--workspace", "demo", "--json").json
    schema = json.loads((ROOT / "docs" / "schemas" / "propose.json").read_text())
    fastjsonschema.compile(schema)(answer)
    assert answer["live"]
    assert answer["summary"]["look"] > 0
    lines = {line["attribute"]: line for line in answer["lines"]}
    assert lines["preferences.email_marketing"]["label"] == "email_opt_in"
    assert lines["subscription.seats"]["field"] == "x_cio_subscription_seats"
    assert lines["trait_001"]["action"] == "skip"
    assert {found["topic"] for found in answer["suggestions"]} == {
        "split",
        "accounts",
        "dedupe",
        "event columns",
    }

    refused = project.crmlift("propose", "--workspace", "demo", ok=False)
    assert "There is a mapping at" in refused.err
    again = project.crmlift("propose", "--update", "--offline", "--json").json
    assert again["digest"] == answer["digest"]
    assert again["lines"] == []

    project.crmlift("approve", "--by", "tester")
    project.meltano_run()
    assert project.crmlift("verify", "--json").json["passed"]
