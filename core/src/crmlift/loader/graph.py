"""The order of entities: what a record links to is written before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from crmlift.destination import EntitySpec
from crmlift.errors import ConfigError


def parents(
    entities: Iterable[str], specs: Mapping[str, EntitySpec], links: Iterable[tuple[str, str]] = ()
) -> dict[str, list[str]]:
    """Return, per entity, those that must be written before it, in an order that honours all of them.

    Besides what the specs say, these are the entities that the mapping's `links` (from, to) point at;
    a link that would close a circle is left to the second pass over parked records.

    Raises `ConfigError` for an entity that the destination does not have.
    """
    wanted = list(entities)
    unknown = [name for name in wanted if name not in specs]
    if unknown:
        raise ConfigError(
            f"The mapping writes '{unknown[0]}', which this destination does not have.",
            hint=f"It has: {', '.join(specs)}.",
        )
    graph = {name: [parent for parent in specs[name].depends_on if parent in wanted] for name in wanted}
    order = _sorted(graph)
    for child, parent in links:
        if parent in wanted and parent != child and parent not in graph[child]:
            extended = graph | {child: [*graph[child], parent]}
            try:
                order = _sorted(extended)
            except CycleError:
                continue
            graph = extended
    return {name: graph[name] for name in order}


def parents_first(entities: Iterable[str], specs: Mapping[str, EntitySpec]) -> list[str]:
    """Return the entities so that each comes after all that its spec says it depends on."""
    return list(parents(entities, specs))


def _sorted(graph: Mapping[str, Iterable[str]]) -> list[str]:
    return list(TopologicalSorter(graph).static_order())
