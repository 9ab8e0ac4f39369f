"""What the hand-off calls exact, evaluated by a real Odoo on what was loaded into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from migration import Project, fill
from proof import InOdoo, prove, with_journeys

from crmlift import plugins
from crmlift.sandbox.server import serve
from target_odoo.target import TargetOdoo

PEOPLE = 150


def test_what_is_called_exact_picks_exactly_the_segments_people(odoo: Any, tmp_path: Path):
    factory = plugins.find(plugins.SANDBOXES, "customerio").value
    with serve(factory, {"CUSTOMERIO_SANDBOX_RATE": "1000"}) as customerio:
        fill(customerio, people=PEOPLE)
        secrets = {f"TARGET_ODOO_{name.upper()}": value for name, value in odoo.settings.items()}
        project = Project(tmp_path / "project", {**with_journeys(customerio), **secrets})
        project.approve_default()
        project.meltano_run()
        with TargetOdoo.destination(odoo.settings, "demo") as crm:
            prove(project, "odoo", InOdoo(crm.client), merging=True)
