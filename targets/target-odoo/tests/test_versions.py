"""Odoo 16 to 18, which the sandbox plays: everything that goes into 19 goes into them too."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmlift.sandbox.server import serve
from crmlift.testing.conformance import Migration
from crmlift.testing.whole import WholeWorkspace
from target_odoo.target import TargetOdoo
from target_odoo.versions import model_in


def test_a_model_has_the_name_of_its_version() -> None:
    assert model_in("mailing.subscription", 16) == "mailing.contact.subscription"
    assert model_in("mailing.subscription", 17) == "mailing.subscription"
    assert model_in("res.partner", 16) == "res.partner"


@pytest.mark.parametrize("version", ["16", "18"])
def test_a_whole_workspace_goes_into_older_versions(version: str, tmp_path: Path) -> None:
    env = {"ODOO_SANDBOX_VERSION": version}
    with serve("target_odoo.sandbox:create_app", env) as server:
        migration = Migration(TargetOdoo, server, tmp_path, {})
        workspace = WholeWorkspace(10)
        counts = migration.load(workspace)
        assert not any(counter.get("rejected") for counter in counts.values())
        assert migration.misses() == []
        assert len(migration.snapshot()["subscription"]) > 3
        again = migration.load(workspace)
        assert {result for counter in again.values() for result in counter} == {"unchanged"}
        assert migration.roll_back_everything() == []
        assert not [name for name, rows in migration.snapshot().items() if rows and "person_" not in name]
