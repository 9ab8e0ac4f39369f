"""Counts while a run goes on: after each stream, and a stop where too much goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from crmlift.destination import Destination
from crmlift.errors import RunStopped
from crmlift.ledger import Ledger
from crmlift.loader.counts import Counts, Result, too_many

logger = logging.getLogger(__name__)
_MADE_OR_GONE = (Result.CREATED, Result.ADOPTED, Result.DELETED)


class Milestones:
    """Watches the counts of a run; `stop_above_percent` is the share of rows from which it stops.

    It speaks once: what is settled after a stop must not stop again.
    """

    def __init__(
        self, counts: Counts, destination: Destination, ledger: Ledger, *, stop_above_percent: float
    ) -> None:
        self._counts = counts
        self._crm = destination
        self._ledger = ledger
        self._percent = stop_above_percent
        self._stopped = False
        self._counted: dict[str, int] = {}

    def check_rejects(self) -> None:
        """Raise `RunStopped` where too many rows of an entity were rejected."""
        for entity, counter in self._counts.entities.items():
            rejected = counter[Result.REJECTED]
            if rejected and too_many(rejected, counter.total(), self._percent):
                self._stop(
                    f"{rejected:,} of {counter.total():,} rows of '{entity}' were rejected.",
                    "See `crmlift report` for the reasons; mend the mapping or the CRM, then `crmlift retry` "
                    "and run again.",
                )

    def reached(self, stream: str, entities: Iterable[str]) -> None:
        """A stream is settled: count its entities in the CRM beside the ledger, once after each change.

        Raises `RunStopped` where too many rows are missing.
        """
        for entity in entities:
            # Rows without a key of ours are counted by `reconcile`: here it would be a call per page of them.
            if self._crm.entities[entity].natural:
                continue
            # Several streams may write an entity: in a quiet hour, they would cost a call each.
            made = sum(self._counts.entity(entity)[result] for result in _MADE_OR_GONE)
            if self._counted.get(entity) == made:
                continue
            self._counted[entity] = made
            ledger, crm = self._ledger.records.count(entity), self._crm.count(entity)
            self._counts.checks[entity] = {"ledger": ledger, "crm": crm}
            said = ", ".join(f"{number:,} {name}" for name, number in self._counts.entity(entity).items())
            text = f"After '{stream}': '{entity}' {said or 'nothing to do'}; the CRM counts {crm:,} of ours"
            if ledger == crm:
                logger.info("%s.", text)
                continue
            logger.warning("%s, the ledger %d.", text, ledger)
            if too_many(abs(ledger - crm), ledger, self._percent):
                self._stop(
                    f"The ledger knows {ledger:,} rows of '{entity}' and the CRM counts {crm:,}.",
                    "Look whether somebody deleted or copied records; see `crmlift verify`.",
                )

    def _stop(self, message: str, hint: str) -> None:
        if self._stopped:
            return
        self._stopped = True
        raise RunStopped(
            f"{message} More than {self._percent:g} % is too many, so the run stopped here.",
            hint=f"{hint} `stop_above_percent` sets the share.",
        )
