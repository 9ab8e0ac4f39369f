"""First contact with an entity in a run: what the CRM holds of ours that the ledger does not know."""

from __future__ import annotations

import logging
from collections import defaultdict
from time import sleep, time

from crmlift.destination import Destination, EntitySpec
from crmlift.ledger import Known, Ledger, OpenBatch, Origin

logger = logging.getLogger(__name__)


class Recovery:
    """Learns what became of a broken-off run's creates, and finds our rows where the ledger is empty.

    `in_doubt` holds the keys of natural rows that such a run may have made.
    """

    def __init__(self, destination: Destination, ledger: Ledger) -> None:
        self._crm = destination
        self._ledger = ledger
        self._met: set[str] = set()
        self._answered: set[str] = set()
        self.in_doubt: dict[str, set[str]] = defaultdict(set)

    def has_met(self, entity: str) -> bool:
        """Say whether it is known what the CRM holds."""
        return entity in self._met

    def doubt(self, entity: str, *, unanswered: bool) -> None:
        """A create of this run failed: what became of it is to be learnt as after a crash.

        Unless it went unanswered, the server is not at work on it any more.
        """
        self._met.discard(entity)
        if unanswered:
            self._answered.discard(entity)
        else:
            self._answered.add(entity)

    def meet(self, entity: str) -> None:
        """Learn, once per run, what the CRM already holds of ours that the ledger does not know."""
        if entity in self._met:
            return
        spec = self._crm.entities[entity]
        for batch in self._ledger.journal.open_batches(entity):
            if spec.natural:
                self.in_doubt[entity].update(batch.keys)
            else:
                self._remember_found(entity, self._arrived(spec, batch), Origin.CREATED, batch.run)
            self._ledger.journal.close_batch(batch.id)
        if not spec.natural and self._ledger.records.count(entity) == 0 and self._crm.count(entity) > 0:
            logger.info(
                "The ledger is empty but the CRM holds rows of ours: reading the keys of '%s'.", entity
            )
            for page in self._crm.scan(entity, (), ours=True):
                for origin in (Origin.ADOPTED, Origin.FOUND):
                    adopted = origin is Origin.ADOPTED
                    ids = {item.key: item.id for item in page if item.key and item.adopted is adopted}
                    self._remember_found(entity, ids, origin, 0)
        self._met.add(entity)

    def _arrived(self, spec: EntitySpec, batch: OpenBatch) -> dict[str, str]:
        """Find what became of creates that a crash cut off, once the server cannot be at them any more."""
        found = self._crm.find(spec.name, batch.keys)
        left = 0.0 if spec.name in self._answered else batch.sent_at + spec.in_flight_s - time()
        if len(found) < len(batch.keys) and left > 0:
            logger.info("'%s': waiting %.0f s for rows that a broken-off run had sent.", spec.name, left)
            sleep(left)
            found = self._crm.find(spec.name, batch.keys)
        return found

    def _remember_found(self, entity: str, ids: dict[str, str], origin: Origin, run: int) -> None:
        known = self._ledger.records.known(entity, ids)
        rows = [Known(key, key, crm_id, origin, run=run) for key, crm_id in ids.items() if key not in known]
        self._ledger.records.remember(entity, rows)
