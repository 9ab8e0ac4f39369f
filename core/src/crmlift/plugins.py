"""Find targets, sandboxes and hook plugins by their entry points.

Only what is asked for is imported, one by one: a broken plugin is named, never fatal for others.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from crmlift.errors import ConfigError

HOOKS, TARGETS, SANDBOXES = "crmlift", "crmlift.targets", "crmlift.sandboxes"


def names(group: str) -> list[str]:
    """Return the names that installed packages register in a group."""
    return sorted({point.name for point in entry_points(group=group)})


def find(group: str, name: str) -> EntryPoint:
    """Return one entry point; raise `ConfigError` that lists what is installed."""
    points = list(entry_points(group=group, name=name))
    if not points:
        installed = ", ".join(names(group)) or "nothing"
        raise ConfigError(f"No '{name}' is installed.", hint=f"Installed for '{group}': {installed}.")
    return points[0]


def load(point: EntryPoint) -> Any:
    """Import what an entry point names; an error names the package that owns it."""
    try:
        return point.load()
    except Exception as error:
        owner = point.dist.name if point.dist else point.value
        raise ConfigError(
            f"The plugin '{point.name}' of {owner} cannot be loaded: {type(error).__name__}: {error}.",
            hint="Reinstall or remove that package.",
        ) from error
