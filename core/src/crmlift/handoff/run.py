"""Write a hand-off from a project: one pass of the tap into the loader `crmlift-handoff`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from crmlift.handoff.target import NAME, OUTPUT
from crmlift.project import meltano_settings
from crmlift.running import run_meltano


def write_handoff(tap: str, settings: Mapping[str, object]) -> Path:
    """Write the documents and return their folder.

    `settings` replace those of the loader in meltano.yml; None and False leave a setting as it is there.
    """
    given = {name: "true" if value is True else str(value) for name, value in settings.items() if value}
    variables = {f"CRMLIFT_HANDOFF_{name.upper()}": value for name, value in given.items()}
    folder = Path(given.get("output") or meltano_settings(NAME).get("output", OUTPUT))
    run_meltano([tap, NAME], log=Path(".crmlift") / f"{NAME}.log", settings=variables)
    return folder
