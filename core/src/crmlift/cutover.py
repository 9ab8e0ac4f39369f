"""The cut-over: is the CRM in step with the source, and did the source stand still meanwhile?"""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import computed_field

from crmlift.part import Part
from crmlift.plan.model import Plan
from crmlift.reconcile import Reconciliation
from crmlift.verify import Verification


class CutOver(Part):
    """The last delta run, what changed in the source after it, and the read-back."""

    made_at: datetime
    run: Reconciliation
    after_the_run: Plan
    verification: Verification

    @computed_field  # type: ignore[prop-decorator]
    @property
    def changed_since(self) -> dict[str, int]:
        """Rows, by entity, that the source changed after the run had read them."""
        rows = {
            row.entity: row.touched + row.adopted + row.merged + row.rejected
            for row in self.after_the_run.entities
        }
        return {entity: number for entity, number in rows.items() if number}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def differences(self) -> list[str]:
        """Everything that keeps both sides from being in step, each with what to do."""
        told = [
            f"{entity.label}: the ledger knows {entity.ledger:,} rows, the CRM counts {entity.crm:,}: "
            "look for what was deleted or copied there."
            for entity in self.run.entities
            if not entity.in_step
        ]
        if self.run.status != "complete":
            told.append(f"The run ended as '{self.run.status}': see the rejects, mend them, `crmlift retry`.")
        if self.run.waiting:
            told.append(f"{self.run.waiting:,} records wait for a row that has not arrived.")
        told += [
            f"{entity}: {number:,} rows changed in the source after they were read: "
            "freeze the source and cut over again."
            for entity, number in self.changed_since.items()
        ]
        misses = sum(len(check.misses) for check in self.verification.entities)
        if misses:
            told.append(f"{misses:,} fields or rows differ on reading back: see `crmlift verify`.")
        return told

    @computed_field  # type: ignore[prop-decorator]
    @property
    def in_step(self) -> bool:
        """Whether the CRM holds what the source holds, and the source stood still."""
        return not self.differences


def cut_over(run: Reconciliation, after_the_run: Plan, verification: Verification) -> CutOver:
    """Put the parts together."""
    now = datetime.now(UTC).replace(microsecond=0)
    return CutOver(made_at=now, run=run, after_the_run=after_the_run, verification=verification)
