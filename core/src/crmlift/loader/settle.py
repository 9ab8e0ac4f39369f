"""Settle rows of one entity: compare them, write what differs, and write down what became of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import TypeVar

from crmlift.chunks import chunks
from crmlift.destination import Destination, EntitySpec
from crmlift.errors import Refusal
from crmlift.ledger import EITHER, DeadLetter, Gone, JournalEntry, Known, Ledger, Origin, Parked
from crmlift.loader.candidates import Candidates
from crmlift.loader.counts import Counts, Result
from crmlift.loader.prepare import Preparation, linked_keys
from crmlift.loader.queue import Queue
from crmlift.loader.ready import Ready
from crmlift.loader.recovery import Recovery
from crmlift.loader.removal import Removal
from crmlift.loader.write import Writer
from crmlift.mapping.engine import Row

T = TypeVar("T")


class Settler:
    """Brings rows into the CRM and their outcomes into the ledger, entity by entity.

    What `take` finds worth writing waits in a queue for a full call; `finish` sends the rest.
    """

    def __init__(
        self, destination: Destination, ledger: Ledger, counts: Counts, stop_above_percent: float
    ) -> None:
        self._crm = destination
        self._ledger = ledger
        self._counts = counts
        self._candidates = Candidates(destination, ledger)
        self._recovery = Recovery(destination, ledger)
        self._preparation = Preparation(destination, ledger, counts, self._park)
        self._removal = Removal(destination, ledger, counts, self._reject, stop_above_percent)
        self._writer = Writer(destination, ledger, counts, self._recovery, self._reject)
        self._queues: dict[str, Queue] = defaultdict(Queue)

    # What is not settled yet

    def unsettled(self, entity: str) -> bool:
        """Say whether rows of an entity wait for a full call, or for the answer to theirs."""
        return any(True for _ in self._unsettled(entity))

    def oldest(self) -> int | None:
        """Return the lowest input position among the rows that are queued or under way."""
        unsettled = chain(self._writer.under_way, *self._queues.values())
        return min((ready.row.item.seq for ready in unsettled), default=None)

    def give_back(self) -> dict[str, list[Row]]:
        """Return the rows of a create that failed and those in the queues, by entity, and forget them."""
        rows: dict[str, list[Row]] = defaultdict(list)
        if self._writer.failed:
            rows[self._writer.entity] += [ready.row for ready in self._writer.failed]
            self._writer.failed = []
        for entity, queue in self._queues.items():
            rows[entity] += [ready.row for ready in queue]
        self._queues.clear()
        return rows

    # Settling

    def take(self, entity: str, rows: Sequence[Row]) -> list[Row]:
        """Compare rows with what is known and send full calls; return those that must come again.

        Of several rows for one key, each must see what the one before wrote: it comes again once that is
        settled. The rows keep their order.
        """
        if not self._recovery.has_met(entity):
            self._writer.wait()
            self._recovery.meet(entity)
        self._keep_own_rows(entity, rows)
        limit = self._crm.entities[entity].batch_limit
        later: list[Row] = []
        for some in chunks(rows, limit):
            self._sort_out(entity, self._first_of_each_key(entity, some, later))
        return later

    def _keep_own_rows(self, entity: str, rows: Sequence[Row]) -> None:
        """Let twins that have a record of their own keep it: joined since, it would belong to nobody.

        They met too late, as where a mapping began to look for twins, or what hooks remember was lost.
        """
        twins = [row for row in rows if row.joins]
        known = self._ledger.records.known(entity, {row.source for row in twins}) if twins else {}
        for row in twins:
            mine = known.get(row.source)
            if mine is not None and mine.crm_id and mine.key == row.source != row.key:
                row.key, row.joins, row.weak = row.source, False, False

    def finish(self, entity: str) -> None:
        """Settle what waits for a full call."""
        spec, queue = self._crm.entities[entity], self._queues[entity]
        self._send(spec, queue, 1)
        self._writer.wait()

    def _first_of_each_key(self, entity: str, rows: Sequence[Row], later: list[Row]) -> list[Row]:
        """Return rows none of whose keys is on its way; others are left out or put to those for later.

        Left out are those that repeat the last one of their key, as deliveries do with their mailing.
        """
        last = {ready.row.key: ready.row for ready in self._unsettled(entity)}
        last |= {row.key: row for row in later}
        first: list[Row] = []
        repeats = 0
        for row in rows:
            before = last.get(row.key)
            if before is None:
                first.append(row)
            elif row.says_the_same_as(before):
                repeats += 1
                continue
            else:
                later.append(row)
            last[row.key] = row
        if repeats:
            self._counts.entity(entity)[Result.UNCHANGED] += repeats
        return first

    def _unsettled(self, entity: str) -> Iterable[Ready]:
        under_way = self._writer.under_way if self._writer.entity == entity else ()
        return chain(under_way, self._queues[entity])

    def _sort_out(self, entity: str, rows: Sequence[Row]) -> None:
        """Put rows of different keys into the queue, where there is something to write, and send from it."""
        spec, queue = self._crm.entities[entity], self._queues[entity]
        if self._writer.entity in linked_keys(rows):
            self._writer.wait()
        known = self._ledger.records.known(entity, {name for row in rows for name in (row.source, row.key)})
        gone = [row for row in rows if row.deleted]
        if gone:
            self._writer.wait()
            self._removal.remove(spec, gone, known)
        creates: list[Ready] = []
        updates: list[Ready] = []
        unchanged = left_out = 0
        for ready in self._preparation.ready(spec, [row for row in rows if not row.deleted]):
            mine = known.get(ready.row.source)
            if mine is not None and mine.key != ready.row.key:
                # It changed another row before: a delivery moves with its person when profiles are merged.
                mine = None
            ready.was = mine
            owner = known.get(ready.row.key)
            if Gone.CRM in (mine and mine.gone, owner and owner.gone):
                left_out += 1
                continue
            if mine and mine.digest == ready.digest and mine.shape == ready.shape and mine.crm_id:
                unchanged += 1
                continue
            present = mine if mine and mine.crm_id else owner if owner and owner.crm_id else None
            if present and present.digest and ready.row.rule.rule.mode == "create":
                # Settled before, so that there is nothing left to do: a create-only rule changes nothing.
                unchanged += 1
                continue
            if present is not None and not spec.natural:
                ready.take(present)
                updates.append(ready)
            elif ready.row.rule.rule.mode == "update" or ready.row.joins:
                self._park(ready.row, (entity,), ready.row.key)
            else:
                creates.append(ready)
        if unchanged:
            self._counts.entity(entity)[Result.UNCHANGED] += unchanged
        if left_out:
            self._counts.entity(entity)[Result.LEFT_OUT] += left_out
        self._bring_back(spec, [ready for ready in updates if ready.row.rule.rule.mode != "update"], known)
        if creates:
            creates, adopted = self._adopt(entity, creates)
            updates += adopted
        queue.creates += creates
        # Twins have keys of their own but one record: the second must see what the first wrote.
        for wave in _waves(updates, lambda ready: str(ready.crm_id)):
            if queue.updates_one_of(wave):
                self._send_updates(spec, queue, 1)
            queue.updates += wave
        self._send(spec, queue, spec.batch_limit)

    def _bring_back(self, spec: EntitySpec, updates: Sequence[Ready], known: Mapping[str, Known]) -> None:
        """Let records be seen again that were archived with all who stood behind them."""
        gone = [
            ready
            for ready in updates
            if any(one and one.gone for one in (known.get(ready.row.source), known.get(ready.row.key)))
        ]
        alive = self._ledger.records.living(spec.name, {str(ready.crm_id) for ready in gone})
        for ready in gone:
            if ready.crm_id not in alive:
                ready.back = spec.in_sight

    def _send(self, spec: EntitySpec, queue: Queue, at_least: int) -> None:
        """Send calls from the queue, of so many rows at least."""
        while len(queue.creates) >= at_least:
            self._writer.create(spec, queue.creates[: spec.batch_limit])
            del queue.creates[: spec.batch_limit]
        self._send_updates(spec, queue, at_least)

    def _send_updates(self, spec: EntitySpec, queue: Queue, at_least: int) -> None:
        while len(queue.updates) >= at_least:
            self._writer.update(spec, queue.updates[: spec.batch_limit])
            del queue.updates[: spec.batch_limit]

    def _park(self, row: Row, entities: Iterable[str], key: str) -> None:
        """Let a row wait for the row with this key, of one of these entities."""
        waits = EITHER.join(entities)
        self._ledger.waiting.park([Parked(row.stream, row.item.key, row.entity, waits, key, row.item.record)])

    def _reject(self, row: Row, refusal: Refusal) -> None:
        self._counts.entity(row.entity)[Result.REJECTED] += 1
        self._ledger.letters.reject([DeadLetter.rejected(row.stream, row.item, row.entity, refusal)])

    # Adoption

    def _adopt(self, entity: str, rows: list[Ready]) -> tuple[list[Ready], list[Ready]]:
        """Split rows without a record into those to create and those that take over an existing one."""
        creates: list[Ready] = []
        adopted: list[Ready] = []
        if not self._candidates.indexed(entity):
            self._writer.wait()
        matches = self._candidates.match(entity, [ready.row for ready in rows])
        for ready in rows:
            ids = matches.get(ready.row.key, [])
            if len(ids) > 1:
                detail = f"the CRM holds {len(ids)} records that match: {', '.join(ids)}"
                self._reject(ready.row, Refusal("ambiguous_match", detail))
            elif ids:
                ready.crm_id, ready.origin = ids[0], Origin.ADOPTED
                adopted.append(ready)
            else:
                creates.append(ready)
        if adopted:
            self._writer.wait()
            ids_by_key = {ready.row.key: str(ready.crm_id) for ready in adopted}
            entries = [JournalEntry("adopt", entity, key, crm_id, {}) for key, crm_id in ids_by_key.items()]
            self._ledger.journal.write(entries)
            self._crm.adopt(entity, ids_by_key)
            # Known at once, without a digest: a crash before the update must not adopt anew.
            self._ledger.records.remember(
                entity, [Known(key, key, crm_id, Origin.ADOPTED) for key, crm_id in ids_by_key.items()]
            )
            self._counts.entity(entity)[Result.ADOPTED] += len(adopted)
        return creates, adopted


def _waves(items: Iterable[T], key: Callable[[T], str]) -> list[list[T]]:
    """Cut items so that no key stands twice in one wave, keeping the order per key."""
    waves: list[list[T]] = []
    seen: dict[str, int] = defaultdict(int)
    for item in items:
        name = key(item)
        number = seen[name]
        seen[name] += 1
        if number == len(waves):
            waves.append([])
        waves[number].append(item)
    return waves
