"""Where a plan lies, and whether it still holds."""

from __future__ import annotations

from pathlib import Path

from crmlift.plan.model import Plan
from crmlift.whole_file import write_whole


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan in one piece."""
    write_whole(path, plan.model_dump_json(indent=2) + "\n")


def read_plan(path: Path) -> Plan | None:
    """Return the plan, or None where there is none. Raises `ConfigError` for a file that is none."""
    try:
        return Plan.from_file(path, again="crmlift plan")
    except FileNotFoundError:
        return None
