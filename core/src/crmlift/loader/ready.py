"""A row made ready to be compared and written, and the policies that apply to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from crmlift.destination import Value
from crmlift.ledger import Known, Origin
from crmlift.ledger.store import dumps
from crmlift.loader.counts import Result
from crmlift.mapping.engine import Row


@dataclass(slots=True)
class Ready:
    """A row with its links resolved and its digest taken.

    `was` is what the ledger knew of it; `kept` names fields whose own value the CRM keeps.
    """

    row: Row
    values: dict[str, Value]
    shape: int
    digest: bytes
    was: Known | None = None
    crm_id: str | None = None
    origin: Origin = Origin.CREATED
    result: Result = Result.CREATED
    kept: list[str] = field(default_factory=list)
    back: dict[str, Value] = field(default_factory=dict)
    """What brings the record into sight again, where we put it out of sight."""

    def known(self) -> Known:
        """Return what the ledger is to keep of it."""
        kept = dumps(sorted(self.kept)) if self.kept else None
        return Known(self.row.source, self.row.key, self.crm_id, self.origin, self.shape, self.digest, kept)

    def take(self, present: Known) -> None:
        """Go on with the CRM record that the row has already."""
        self.crm_id = present.crm_id
        if self.row.joins:
            self.origin = Origin.MERGED
        elif self.row.source != self.row.key:
            self.origin = Origin.PATCHED
        else:
            self.origin = Origin(present.origin)

    def fill_empty(self) -> frozenset[str]:
        """Return the fields that are written only where the CRM has nothing."""
        rule = self.row.rule
        if self.origin == Origin.ADOPTED and rule.rule.on_match == "fill_empty":
            return frozenset(self.values)
        return frozenset(self.values) - rule.overwrite if self.row.weak else rule.fill_empty

    def settle(self, *, wrote: bool) -> None:
        """Note whether the comparison found something to write."""
        if self.row.joins:
            self.result = Result.MERGED
        else:
            self.result = Result.UPDATED if wrote else Result.UNCHANGED
