"""The order of entities: what a record links to is written before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from crmlift.destination import EntitySpec
from crmlift.errors import ConfigError


def parents_first(entities: Iterable[str], specs: Mapping[str, EntitySpec]) -> list[str]:
    """Return the entities so that each comes after all that it depends on.

    Raises `ConfigError` for an entity that the destination does not have, or for a circle.
    """
    wanted = list(entities)
    unknown = [name for name in wanted if name not in specs]
    if unknown:
        raise ConfigError(
            f"The mapping writes '{unknown[0]}', which this destination does not have.",
            hint=f"It has: {', '.join(specs)}.",
        )
    graph = {name: [parent for parent in specs[name].depends_on if parent in wanted] for name in wanted}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ConfigError(
            f"The entities depend on each other in a circle: {' -> '.join(error.args[1])}."
        ) from None
