"""Is what a target brings what core takes it for? Its author is told before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError

from crmlift.destination import Destination, EntitySpec
from crmlift.errors import ConfigError
from crmlift.loader.graph import parents_first

_INHERITED = {"__init__", "__subclasshook__"}
_PARTS = (
    "entities",
    *(name for name, part in vars(Destination).items() if callable(part) and name not in _INHERITED),
)
_GUIDE = "docs/targets.md says what each part is for."


def check_destination(target: str, crm: object) -> None:
    """Raise `ConfigError` that names what a target's destination lacks, or says wrongly of its entities."""
    lacking = [name for name in _PARTS if not hasattr(crm, name)]
    if lacking:
        raise ConfigError(
            f"The destination of {target}, {type(crm).__name__}, lacks: {', '.join(lacking)}.", hint=_GUIDE
        )
    assert isinstance(crm, Destination)
    wrong = list(_wrong(crm.entities))
    if wrong:
        raise ConfigError(f"The entities of {target} do not fit together: {'; '.join(wrong)}.", hint=_GUIDE)


def _wrong(entities: Mapping[str, EntitySpec]) -> Iterator[str]:
    """Say what no loader could go by."""
    for name, spec in entities.items():
        if spec.name != name:
            yield f"'{name}' is called '{spec.name}' by its own spec"
        if spec.batch_limit < 1:
            yield f"'{name}' takes {spec.batch_limit} rows per call"
        for parent in spec.depends_on:
            if parent not in entities:
                yield f"'{name}' depends on '{parent}', which is none of them"
    try:
        parents_first(entities, entities)
    except CycleError as error:
        yield f"they depend on each other in a circle, {' -> '.join(error.args[1])}"
