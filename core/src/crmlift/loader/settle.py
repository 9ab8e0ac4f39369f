"""Settle a batch of rows of one entity: compare, write what differs, and write down what became of each."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from crmlift.chunks import chunks
from crmlift.destination import Create, Destination, EntitySpec, Outcome, Update, Value
from crmlift.errors import Refusal
from crmlift.ledger import EITHER, DeadLetter, JournalEntry, Known, Ledger, Origin, Parked
from crmlift.loader.bisect import write_surviving
from crmlift.loader.candidates import Candidates
from crmlift.loader.compare import changes, digest, survives
from crmlift.loader.counts import Counts, Result
from crmlift.loader.links import resolve
from crmlift.loader.ready import Ready
from crmlift.loader.recovery import Recovery
from crmlift.loader.removal import Removal
from crmlift.mapping.engine import Row

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Settler:
    """Brings rows into the CRM and their outcomes into the ledger, entity by entity."""

    def __init__(self, destination: Destination, ledger: Ledger, counts: Counts) -> None:
        self._crm = destination
        self._ledger = ledger
        self._counts = counts
        self._candidates = Candidates(destination, ledger)
        self._recovery = Recovery(destination, ledger)
        self._removal = Removal(destination, ledger, counts, self._reject)
        self._shapes: dict[tuple[str, ...], tuple[tuple[str, ...], int]] = {}

    def settle(self, entity: str, rows: Sequence[Row]) -> None:
        """Settle rows in their order; of several for one key, each sees what the one before wrote."""
        self._recovery.meet(entity)
        for wave in _waves(self._without_repeats(entity, rows), lambda row: row.key):
            self._settle_distinct(entity, wave)

    def _without_repeats(self, entity: str, rows: Sequence[Row]) -> list[Row]:
        """Leave out rows that repeat the last one of their key, as deliveries do with their mailing."""
        last: dict[str, Row] = {}
        kept: list[Row] = []
        for row in rows:
            before = last.get(row.key)
            if before is None or not row.says_the_same_as(before):
                last[row.key] = row
                kept.append(row)
        if len(kept) < len(rows):
            self._counts.entity(entity)[Result.UNCHANGED] += len(rows) - len(kept)
        return kept

    def _settle_distinct(self, entity: str, rows: Sequence[Row]) -> None:
        spec = self._crm.entities[entity]
        known = self._ledger.records.known(entity, {name for row in rows for name in (row.source, row.key)})
        gone = [row for row in rows if row.deleted]
        if gone:
            self._removal.remove(spec, gone, known)
        creates: list[Ready] = []
        updates: list[Ready] = []
        unchanged = 0
        for ready in self._resolve(spec, [row for row in rows if not row.deleted]):
            mine = known.get(ready.row.source)
            if mine is not None and mine.key != ready.row.key:
                # It changed another row before: a delivery moves with its person when profiles are merged.
                mine = None
            ready.was = mine
            owner = known.get(ready.row.key)
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
        if creates:
            creates, adopted = self._adopt(entity, creates)
            updates += adopted
        for piece in chunks(creates, spec.batch_limit):
            self._create(spec, piece)
        # Twins have keys of their own but one record: the second must see what the first wrote.
        for wave in _waves(updates, lambda ready: str(ready.crm_id)):
            for piece in chunks(wave, spec.batch_limit):
                self._update(spec, piece)

    # Links

    def _resolve(self, spec: EntitySpec, rows: Sequence[Row]) -> list[Ready]:
        """Turn links into CRM ids; park the rows that cannot go without one."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            for link in row.links.values():
                for target in link.entities:
                    wanted[target].update(link.keys)
        ids = {entity: self._ledger.records.ids(entity, keys) for entity, keys in wanted.items()}
        changed = self._counts.changed.setdefault(spec.name, Counter())
        ready: list[Ready] = []
        for row in rows:
            values = dict(row.values)
            missing: tuple[tuple[str, ...], str] | None = None
            blocked = False
            for name, link in row.links.items():
                linked, absent = resolve(link, ids)
                if linked is not None:
                    values[name] = linked
                if absent is not None:
                    missing = link.entities, absent
                    blocked |= spec.natural or name in row.rule.required_links
            if missing is not None:
                self._park(row, *missing)
                if blocked:
                    continue
            expected = dict(self._crm.expected(row.entity, values))
            if expected != values:
                changed.update(
                    name for name, value in values.items() if not survives(value, expected.get(name))
                )
            if None in expected.values():
                # What the CRM would hold as nothing is no value either: a null overwrites only by policy.
                expected = {
                    name: value
                    for name, value in expected.items()
                    if value is not None or values[name] is None
                }
            names, shape = self._shape(expected)
            ready.append(Ready(row, expected, shape, digest(names, expected)))
        return ready

    def _shape(self, values: Mapping[str, Value]) -> tuple[tuple[str, ...], int]:
        """Return the sorted names of some values, and their number in the ledger."""
        given = tuple(values)
        if given not in self._shapes:
            names = tuple(sorted(given))
            self._shapes[given] = names, self._ledger.records.shape(names)
        return self._shapes[given]

    def _park(self, row: Row, entities: Iterable[str], key: str) -> None:
        """Let a row wait for the row with this key, of one of these entities."""
        waits = EITHER.join(entities)
        self._ledger.waiting.park([Parked(row.stream, row.item.key, row.entity, waits, key, row.item.record)])

    # Adoption

    def _adopt(self, entity: str, rows: list[Ready]) -> tuple[list[Ready], list[Ready]]:
        """Split rows without a record into those to create and those that take over an existing one."""
        creates: list[Ready] = []
        adopted: list[Ready] = []
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

    # Writing

    def _create(self, spec: EntitySpec, piece: list[Ready]) -> None:
        entity = spec.name
        batch = self._ledger.journal.open_batch(entity, [ready.row.key for ready in piece])
        rows = [Create(ready.row.key, _without_nulls(ready.values)) for ready in piece]
        outcomes = write_surviving(lambda some: self._crm.create(entity, some), rows)
        with self._ledger.transaction():
            self._settled(entity, piece, outcomes)
            self._ledger.journal.close_batch(batch)

    def _update(self, spec: EntitySpec, piece: list[Ready]) -> None:
        """Read, compare and write what differs; the before-images are written down first."""
        entity = spec.name
        names = sorted({name for ready in piece for name in ready.values})
        current = self._crm.read(entity, [str(ready.crm_id) for ready in piece], names)
        written: list[Ready] = []
        rows: list[Update] = []
        entries: list[JournalEntry] = []
        settled: list[Ready] = []
        for ready in piece:
            crm_id = str(ready.crm_id)
            before = current.get(crm_id)
            if before is None:
                self._reject(
                    ready.row, Refusal("deleted_in_crm", "the CRM record was deleted after it was loaded")
                )
                continue
            write, ready.kept = changes(
                ready.values, before, fill_empty=ready.fill_empty(), sticky=ready.row.rule.sticky
            )
            if ready.row.rule.rule.mode == "create":
                write, ready.kept = {}, [*ready.kept, *write]
            ready.settle(wrote=bool(write))
            if not write:
                settled.append(ready)
                continue
            written.append(ready)
            rows.append(Update(ready.row.key, crm_id, write))
            entries.append(self._journal_entry(entity, ready, write, before))
        self._ledger.journal.write(entries)
        outcomes = write_surviving(lambda some: self._crm.update(entity, some), rows)
        with self._ledger.transaction():
            self._settled(entity, written, outcomes)
            self._settled(entity, settled, [Outcome(ready.row.key, ready.crm_id) for ready in settled])

    def _journal_entry(
        self, entity: str, ready: Ready, write: dict[str, Value], before: dict[str, Value]
    ) -> JournalEntry:
        names = tuple(sorted(write))
        return JournalEntry(
            action="update",
            entity=entity,
            key=ready.row.key,
            crm_id=str(ready.crm_id),
            before={name: before.get(name) for name in names},
            after=digest(names, write),
            shape=self._ledger.records.shape(names),
            source=ready.row.source,
            was_shape=ready.was.shape if ready.was else None,
            was_digest=ready.was.digest if ready.was else None,
        )

    def _settled(self, entity: str, pieces: Sequence[Ready], outcomes: Sequence[Outcome]) -> None:
        """Write down what became of each row, in the order of the call."""
        done: list[Ready] = []
        counter = self._counts.entity(entity)
        natural = self._crm.entities[entity].natural
        made: set[str] = set()
        for ready, outcome in zip(pieces, outcomes, strict=True):
            if outcome.refusal is not None:
                self._reject(ready.row, outcome.refusal)
                continue
            ready.crm_id = outcome.id
            if natural and outcome.id is not None:
                if outcome.id in made:
                    # What two sources say, such as twins in one segment, is one row and was made once.
                    ready.result = Result.UNCHANGED
                made.add(outcome.id)
            if outcome.existed and ready.row.key not in self._recovery.in_doubt[entity]:
                ready.origin = Origin(ready.was.origin) if ready.was else Origin.FOUND
                ready.result = Result.UNCHANGED
            counter[ready.result] += 1
            done.append(ready)
        self._ledger.records.remember(entity, [ready.known() for ready in done])

    def _reject(self, row: Row, refusal: Refusal) -> None:
        self._counts.entity(row.entity)[Result.REJECTED] += 1
        self._ledger.letters.reject([DeadLetter.rejected(row.stream, row.item, row.entity, refusal)])


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


def _without_nulls(values: dict[str, Value]) -> dict[str, Value]:
    if None not in values.values():
        return values
    return {name: value for name, value in values.items() if value is not None}
