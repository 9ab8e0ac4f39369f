"""From the profile of the bundled workspace to an approved mapping that loads."""

from __future__ import annotations

from pathlib import Path

import pytest
from migration import Project, customerio_settings

from target_odoo.target import TargetOdoo


@pytest.fixture
def project(tmp_path: Path, customerio, odoo_sandbox) -> Project:
    odoo = {f"TARGET_ODOO_{name.upper()}": value for name, value in TargetOdoo.sandbox_config.items()}
    secrets = {**customerio_settings(customerio), "TARGET_ODOO_URL": odoo_sandbox.url, **odoo}
    return Project(tmp_path / "a project with spaces", secrets)


def test_what_scope_found_is_proposed_approved_and_loaded(project):
    project.crmlift("scope")
    answer = project.crmlift("propose", "--workspace", "demo", "--json").json
    import shutil

    shutil.copy(project.folder / "crmlift/odoo.yml", "/tmp/proptry/odoo.yml")
    shutil.copy(project.folder / ".crmlift/scope/scope.json", "/tmp/proptry/scope.json")
    assert answer["live"]
    project.crmlift("approve", "--by", "tester")
    project.meltano_run()
    assert project.crmlift("verify", "--json").json["passed"]
