"""The hooks that a plugin may implement: the one place where a third party looks.

A plugin is a class named in the entry-point group `crmlift`; it is made once per run with its
own section under `hooks:` of the mapping, as keyword arguments. Plugins run in the order in which
the mapping lists them.

All hooks are keyword-only and take batches; none is called per field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import pluggy

if TYPE_CHECKING:
    from pathlib import Path

    from crmlift.batch import Batch, Claims, Record
    from crmlift.handoff.model import Handoff, Item
    from crmlift.propose.evidence import Evidence, Trait

RunKind = Literal["load", "rehearsal", "retry"]
"""What a run is for: all that the tap sends, a sample of it, or what was rejected before."""

Page = tuple[str, Sequence[str], "Sequence[Record]"]
"""Records to load: their stream, its key properties, and some records of it."""

hookspec = pluggy.HookspecMarker("crmlift")
hookimpl = pluggy.HookimplMarker("crmlift")


@hookspec
def crmlift_prepare(batch: Batch) -> None:
    """Change a batch of one stream before it is mapped.

    Edit records in place; take one out only through `batch.hold`, `batch.defer`, `batch.exclude` or
    `batch.merge`, so that every record stays accounted for. A record may come again, as the hooks left it:
    on a retry, at the end of the run, in the next run. So a hook must give the same result twice.
    """


@hookspec
def crmlift_complete(claims: Claims) -> Iterator[Page] | None:
    """Yield records that could only be made once every stream has been read.

    Each page goes the whole way, hooks included, and is settled before the next one is asked for.
    """


@hookspec
def crmlift_propose(traits: Sequence[Trait]) -> Sequence[Sequence[Evidence]] | None:
    """Say which fields of a CRM a batch of attributes belongs to: evidence per trait, in their order.

    Each `Evidence` names a field of `crmlift.propose.evidence.LABELS`; whatever its kind, it is weighed as
    `plugin`, by its strength from -1 (surely not) to 1, together with all other evidence. Values are there
    only where the profile shows them. Called by `crmlift propose --plugin NAME` for the plugins named there.
    """


@hookspec
def crmlift_run_started(run_id: int, destination: str, workspace: str, kind: RunKind) -> None:
    """Be told that a run begins, before anything is written."""


@hookspec
def crmlift_entity_finished(run_id: int, entity: str, counts: Mapping[str, int]) -> None:
    """Be told what became of the rows of an entity, by outcome."""


@hookspec
def crmlift_run_finished(run_id: int, status: str, kind: RunKind) -> None:
    """Be told that a run ended: `complete`, `complete_with_rejects` or `stopped`."""


@hookspec
def crmlift_audit(items: list[Item]) -> None:
    """Change what a hand-off documents, before it is written.

    Edit the list in place: add items of your own, put another one in an item's place, take one out.
    """


@hookspec
def crmlift_handoff_written(folder: Path, handoff: Handoff) -> None:
    """Write documents of your own beside those of a hand-off, which are all there."""
