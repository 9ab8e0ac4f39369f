"""Read rows back from the CRM and compare them, field by field, with what was loaded.

The ledger keeps a digest per field, not the values, so a miss names row and field only.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from crmlift.destination import Destination
from crmlift.ledger import Known, Ledger
from crmlift.loader.compare import differing, digest


@dataclass(frozen=True, slots=True)
class Miss:
    """A field that differs, or (`field` None) a row that is not in the CRM."""

    entity: str
    key: str
    crm_id: str
    field: str | None = None


@dataclass(slots=True)
class EntityCheck:
    """What was compared for one entity."""

    entity: str
    rows: int = 0
    fields: int = 0
    kept: int = 0
    """Fields whose own value the CRM kept, by the mapping's policy."""
    misses: list[Miss] = field(default_factory=list)


@dataclass(slots=True)
class Verification:
    """The result of a read-back."""

    checks: list[EntityCheck]
    sample: int | None
    seed: int | None

    @property
    def passed(self) -> bool:
        """Whether every compared field is as it was loaded."""
        return not any(check.misses for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "passed": self.passed,
            "sample": self.sample,
            "seed": self.seed,
            "entities": [asdict(check) for check in self.checks],
        }


def verify(
    ledger: Ledger, destination: Destination, *, sample: int | None = None, seed: int = 0
) -> Verification:
    """Compare all rows, or a sample of so many per entity, chosen by the seed."""
    checks = []
    for entity in ledger.records.entities():
        check = EntityCheck(entity)
        for page in _pages(ledger, entity, sample, seed):
            _compare(check, page, ledger, destination)
        checks.append(check)
    return Verification(checks, sample, seed if sample else None)


def _pages(ledger: Ledger, entity: str, sample: int | None, seed: int) -> Iterator[list[Known]]:
    if sample is None:
        yield from ledger.records.pages(entity)
        return
    # Reservoir sampling: every row has the same chance, in one pass and little memory.
    chance = random.Random(f"{seed}:{entity}")
    chosen: list[Known] = []
    for number, row in enumerate(row for page in ledger.records.pages(entity) for row in page):
        if len(chosen) < sample:
            chosen.append(row)
        elif (place := chance.randrange(number + 1)) < sample:
            chosen[place] = row
    if chosen:
        yield chosen


def _compare(check: EntityCheck, page: list[Known], ledger: Ledger, destination: Destination) -> None:
    rows = [row for row in page if row.crm_id and row.shape and row.digest]
    names = sorted({name for row in rows for name in ledger.records.shape_names(row.shape or 0)})
    current = (
        destination.read(check.entity, sorted({row.crm_id or "" for row in rows}), names) if rows else {}
    )
    for row in rows:
        crm_id = row.crm_id or ""
        shape = ledger.records.shape_names(row.shape or 0)
        kept = set(orjson.loads(row.kept)) if row.kept else set()
        check.rows += 1
        check.fields += len(shape) - len(kept)
        check.kept += len(kept)
        if crm_id not in current:
            check.misses.append(Miss(check.entity, row.key, crm_id))
            continue
        wrong = differing(shape, row.digest or b"", digest(shape, current[crm_id]))
        for name in wrong:
            if name not in kept and not _written_by_another(name, row, current[crm_id], ledger, check.entity):
                check.misses.append(Miss(check.entity, row.key, crm_id, name))


def _written_by_another(name: str, row: Known, current: dict[str, Any], ledger: Ledger, entity: str) -> bool:
    """Several source records may write one CRM record: the field may hold what another one says."""
    now = digest((name,), current)
    others = [
        *ledger.records.sharing(entity, [row.key]).get(row.key, []),
        *ledger.records.known(entity, [row.key]).values(),
    ]
    for other in others:
        if other.source == row.source or not other.shape or not other.digest:
            continue
        names = ledger.records.shape_names(other.shape)
        if name in names:
            place = names.index(name) * len(now)
            if other.digest[place : place + len(now)] == now:
                return True
    return False
