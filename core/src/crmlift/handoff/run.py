"""Write a hand-off from a project: one pass of the tap into the loader `crmlift-handoff`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from crmlift.handoff.target import NAME, OUTPUT
from crmlift.running import Tell, nobody, run_loader


def write_handoff(tap: str, settings: Mapping[str, object], *, tell: Tell = nobody) -> Path:
    """Write the documents and return their folder; see `run_loader`."""
    return run_loader(NAME, tap, settings, output=OUTPUT, tell=tell)
