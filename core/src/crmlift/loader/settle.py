"""Settle a batch of rows of one entity: compare, write what differs, and write down what became of each."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import sleep, time
from typing import TypeVar

from crmlift.chunks import chunks
from crmlift.destination import Create, Destination, EntitySpec, Outcome, Update, Value
from crmlift.errors import Refusal
from crmlift.ledger import DeadLetter, JournalEntry, Known, Ledger, OpenBatch, Origin, Parked
from crmlift.ledger.ledger import dumps
from crmlift.loader.bisect import write_surviving
from crmlift.loader.candidates import Candidates
from crmlift.loader.compare import changes, digest
from crmlift.loader.counts import Counts, Result
from crmlift.mapping.engine import Link, Row

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(slots=True)
class _Ready:
    """A row with its links resolved and its digest taken."""

    row: Row
    values: dict[str, Value]
    shape: int
    digest: bytes
    was: Known | None = None
    crm_id: str | None = None
    origin: Origin = Origin.CREATED
    result: Result = Result.CREATED
    kept: list[str] = field(default_factory=list)

    def known(self) -> Known:
        kept = dumps(sorted(self.kept)) if self.kept else None
        return Known(self.row.source, self.row.key, self.crm_id, self.origin, self.shape, self.digest, kept)


class Settler:
    """Brings rows into the CRM and their outcomes into the ledger, entity by entity."""

    def __init__(self, destination: Destination, ledger: Ledger, counts: Counts) -> None:
        self._crm = destination
        self._ledger = ledger
        self._counts = counts
        self._candidates = Candidates(destination, ledger)
        self._met: set[str] = set()
        self._in_doubt: dict[str, set[str]] = defaultdict(set)
        self._shapes: dict[tuple[str, ...], tuple[tuple[str, ...], int]] = {}

    def settle(self, entity: str, rows: Sequence[Row]) -> None:
        """Settle rows in their order; of several for one key, each sees what the one before wrote."""
        self._meet(entity)
        for wave in _waves(rows, lambda row: row.key):
            self._settle_distinct(entity, wave)

    def _settle_distinct(self, entity: str, rows: Sequence[Row]) -> None:
        spec = self._crm.entities[entity]
        known = self._ledger.known(entity, {name for row in rows for name in (row.source, row.key)})
        gone = [row for row in rows if row.deleted]
        if gone:
            self._remove(spec, gone, known)
        creates: list[_Ready] = []
        updates: list[_Ready] = []
        unchanged = 0
        for ready in self._resolve(spec, [row for row in rows if not row.deleted]):
            mine = ready.was = known.get(ready.row.source)
            owner = known.get(ready.row.key)
            if mine and mine.digest == ready.digest and mine.shape == ready.shape and mine.crm_id:
                unchanged += 1
                continue
            present = mine if mine and mine.crm_id else owner if owner and owner.crm_id else None
            if present is not None:
                ready.crm_id = present.crm_id
                ready.origin = _origin(ready.row, present)
                updates.append(ready)
            elif ready.row.rule.rule.mode == "update" or ready.row.joins:
                self._park(ready.row, Link(entity, ready.row.key))
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

    # First contact

    def _meet(self, entity: str) -> None:
        """Learn, once per run, what the CRM already holds of ours that the ledger does not know."""
        if entity in self._met:
            return
        self._met.add(entity)
        spec = self._crm.entities[entity]
        for batch in self._ledger.open_batches(entity):
            if spec.natural:
                self._in_doubt[entity].update(batch.keys)
            else:
                self._remember_found(entity, self._arrived(spec, batch), Origin.CREATED, batch.run)
            self._ledger.close_batch(batch.id)
        if not spec.natural and self._ledger.count(entity) == 0 and self._crm.count(entity) > 0:
            logger.info(
                "The ledger is empty but the CRM holds rows of ours: reading the keys of '%s'.", entity
            )
            for page in self._crm.scan(entity, (), ours=True):
                for origin in (Origin.ADOPTED, Origin.FOUND):
                    adopted = origin is Origin.ADOPTED
                    ids = {item.key: item.id for item in page if item.key and item.adopted is adopted}
                    self._remember_found(entity, ids, origin, 0)

    def _arrived(self, spec: EntitySpec, batch: OpenBatch) -> dict[str, str]:
        """Find what became of creates that a crash cut off, once the server cannot be at them any more."""
        found = self._crm.find(spec.name, batch.keys)
        left = batch.sent_at + spec.in_flight_s - time()
        if len(found) < len(batch.keys) and left > 0:
            logger.info("'%s': waiting %.0f s for rows that a broken-off run had sent.", spec.name, left)
            sleep(left)
            found = self._crm.find(spec.name, batch.keys)
        return found

    def _remember_found(self, entity: str, ids: dict[str, str], origin: Origin, run: int) -> None:
        known = self._ledger.known(entity, ids)
        rows = [Known(key, key, crm_id, origin, run=run) for key, crm_id in ids.items() if key not in known]
        self._ledger.remember(entity, rows)

    # Links

    def _resolve(self, spec: EntitySpec, rows: Sequence[Row]) -> list[_Ready]:
        """Turn links into CRM ids; park the rows that cannot go without one."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            for link in row.links.values():
                wanted[link.entity].add(link.key)
        ids = {entity: self._ledger.ids(entity, keys) for entity, keys in wanted.items()}
        ready: list[_Ready] = []
        for row in rows:
            values = dict(row.values)
            missing: Link | None = None
            blocked = False
            for name, link in row.links.items():
                crm_id = ids[link.entity].get(link.key)
                if crm_id is not None:
                    values[name] = crm_id
                else:
                    missing = link
                    blocked |= spec.natural or name in row.rule.required_links
            if missing is not None:
                self._park(row, missing)
                if blocked:
                    continue
            expected = dict(self._crm.expected(row.entity, values))
            if None in expected.values():
                # What the CRM would hold as nothing is no value either: a null overwrites only by policy.
                expected = {
                    name: value
                    for name, value in expected.items()
                    if value is not None or values[name] is None
                }
            names, shape = self._shape(expected)
            ready.append(_Ready(row, expected, shape, digest(names, expected)))
        return ready

    def _shape(self, values: Mapping[str, Value]) -> tuple[tuple[str, ...], int]:
        """Return the sorted names of some values, and their number in the ledger."""
        given = tuple(values)
        if given not in self._shapes:
            names = tuple(sorted(given))
            self._shapes[given] = names, self._ledger.shape(names)
        return self._shapes[given]

    def _park(self, row: Row, missing: Link) -> None:
        self._ledger.park([Parked(row.stream, row.item.key, row.entity, *missing, row.item.record)])

    # Adoption

    def _adopt(self, entity: str, rows: list[_Ready]) -> tuple[list[_Ready], list[_Ready]]:
        """Split rows without a record into those to create and those that take over an existing one."""
        creates: list[_Ready] = []
        adopted: list[_Ready] = []
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
            self._ledger.journal(entries)
            self._crm.adopt(entity, ids_by_key)
            # Known at once, without a digest: a crash before the update must not adopt anew.
            self._ledger.remember(
                entity, [Known(key, key, crm_id, Origin.ADOPTED) for key, crm_id in ids_by_key.items()]
            )
            self._counts.entity(entity)[Result.ADOPTED] += len(adopted)
        return creates, adopted

    # Writing

    def _create(self, spec: EntitySpec, piece: list[_Ready]) -> None:
        entity = spec.name
        batch = self._ledger.open_batch(entity, [ready.row.key for ready in piece])
        rows = [Create(ready.row.key, _without_nulls(ready.values)) for ready in piece]
        outcomes = write_surviving(lambda some: self._crm.create(entity, some), rows)
        with self._ledger.transaction():
            self._settled(entity, piece, outcomes)
            self._ledger.close_batch(batch)

    def _update(self, spec: EntitySpec, piece: list[_Ready]) -> None:
        """Read, compare and write what differs; the before-images are written down first."""
        entity = spec.name
        names = sorted({name for ready in piece for name in ready.values})
        current = self._crm.read(entity, [str(ready.crm_id) for ready in piece], names)
        written: list[_Ready] = []
        rows: list[Update] = []
        entries: list[JournalEntry] = []
        settled: list[_Ready] = []
        for ready in piece:
            crm_id = str(ready.crm_id)
            before = current.get(crm_id)
            if before is None:
                self._reject(
                    ready.row, Refusal("deleted_in_crm", "the CRM record was deleted after it was loaded")
                )
                continue
            write, ready.kept = changes(ready.values, before, fill_empty=_fill_empty(ready))
            ready.result = _result(ready, bool(write))
            if not write:
                settled.append(ready)
                continue
            written.append(ready)
            rows.append(Update(ready.row.key, crm_id, write))
            entries.append(self._journal_entry(entity, ready, write, before))
        self._ledger.journal(entries)
        outcomes = write_surviving(lambda some: self._crm.update(entity, some), rows)
        with self._ledger.transaction():
            self._settled(entity, written, outcomes)
            self._settled(entity, settled, [Outcome(ready.row.key, ready.crm_id) for ready in settled])

    def _journal_entry(
        self, entity: str, ready: _Ready, write: dict[str, Value], before: dict[str, Value]
    ) -> JournalEntry:
        names = tuple(sorted(write))
        return JournalEntry(
            action="update",
            entity=entity,
            key=ready.row.key,
            crm_id=str(ready.crm_id),
            before={name: before.get(name) for name in names},
            after=digest(names, write),
            shape=self._ledger.shape(names),
            source=ready.row.source,
            was_shape=ready.was.shape if ready.was else None,
            was_digest=ready.was.digest if ready.was else None,
        )

    def _settled(self, entity: str, pieces: Sequence[_Ready], outcomes: Sequence[Outcome]) -> None:
        """Write down what became of each row, in the order of the call."""
        done: list[_Ready] = []
        counter = self._counts.entity(entity)
        for ready, outcome in zip(pieces, outcomes, strict=True):
            if outcome.refusal is not None:
                self._reject(ready.row, outcome.refusal)
                continue
            ready.crm_id = outcome.id
            if outcome.existed and ready.row.key not in self._in_doubt[entity]:
                ready.origin, ready.result = Origin.FOUND, Result.UNCHANGED
            if ready.result is not None:
                counter[ready.result] += 1
            done.append(ready)
        self._ledger.remember(entity, [ready.known() for ready in done])

    def _reject(self, row: Row, refusal: Refusal) -> None:
        self._counts.entity(row.entity)[Result.REJECTED] += 1
        self._ledger.reject(
            [
                DeadLetter(
                    row.stream, row.item.key, row.entity, "rejected",
                    refusal.code, refusal.field, refusal.detail, row.item.record,
                )
            ]
        )  # fmt: skip

    # Deletions in the source

    def _remove(self, spec: EntitySpec, rows: Sequence[Row], known: dict[str, Known]) -> None:
        """Archive or delete what the source deleted, as the rule says; what we adopted is never deleted."""
        archive: list[tuple[Row, Known]] = []
        drop: list[tuple[Row, Known]] = []
        for row in rows:
            record = known.get(row.source)
            policy = row.rule.rule.on_delete
            if record is None or record.crm_id is None or policy == "ignore":
                self._counts.entity(spec.name)[Result.UNCHANGED] += 1
            elif policy == "archive" and spec.archive and record.origin != Origin.MERGED:
                archive.append((row, record))
            elif policy == "delete" and (record.origin == Origin.CREATED or spec.natural):
                drop.append((row, record))
            else:
                self._counts.entity(spec.name)[Result.UNCHANGED] += 1
        for piece in chunks(archive, spec.batch_limit):
            self._archive(spec, piece)
        for piece in chunks(self._unshared(spec, drop) if spec.natural else drop, spec.batch_limit):
            self._delete(spec, piece)

    def _unshared(self, spec: EntitySpec, drop: list[tuple[Row, Known]]) -> list[tuple[Row, Known]]:
        """Leave what a twin holds too: its own row is dropped, the CRM's record stays."""
        sources = [row.source for row, _ in drop]
        held = self._ledger.still_held(spec.name, [str(record.crm_id) for _, record in drop], besides=sources)
        shared = [row.source for row, record in drop if record.crm_id in held]
        self._ledger.forget(spec.name, shared)
        self._counts.entity(spec.name)[Result.UNCHANGED] += len(shared)
        return [(row, record) for row, record in drop if record.crm_id not in held]

    def _archive(self, spec: EntitySpec, piece: list[tuple[Row, Known]]) -> None:
        values = dict(spec.archive or {})
        names = tuple(sorted(values))
        current = self._crm.read(spec.name, [str(record.crm_id) for _, record in piece], names)
        rows: list[Update] = []
        entries: list[JournalEntry] = []
        for row, record in piece:
            crm_id = str(record.crm_id)
            before = current.get(crm_id)
            if before is None or not changes(values, before, fill_empty=())[0]:
                self._counts.entity(spec.name)[Result.UNCHANGED] += 1
                continue
            rows.append(Update(row.key, crm_id, values))
            image = {name: before.get(name) for name in names}
            entries.append(
                JournalEntry(
                    action="archive",
                    entity=spec.name,
                    key=row.key,
                    crm_id=crm_id,
                    before=image,
                    after=digest(names, values),
                    shape=self._ledger.shape(names),
                    source=row.source,
                    was_shape=record.shape,
                    was_digest=record.digest,
                )
            )
        self._ledger.journal(entries)
        outcomes = write_surviving(lambda some: self._crm.update(spec.name, some), rows)
        by_key = {row.key: (row, record) for row, record in piece}
        for outcome in outcomes:
            row, record = by_key[outcome.key]
            if outcome.refusal is not None:
                self._reject(row, outcome.refusal)
                continue
            self._counts.entity(spec.name)[Result.ARCHIVED] += 1
            # Without its digest the row is compared again, should the source bring the record back.
            record.digest = record.shape = None
            self._ledger.remember(spec.name, [record])

    def _delete(self, spec: EntitySpec, piece: list[tuple[Row, Known]]) -> None:
        names = sorted(
            {name for _, record in piece if record.shape for name in self._ledger.shape_names(record.shape)}
        )
        current = self._crm.read(spec.name, [str(record.crm_id) for _, record in piece], names)
        entries = [
            JournalEntry(
                "delete", spec.name, row.key, str(record.crm_id), current.get(str(record.crm_id), {})
            )
            for row, record in piece
        ]
        self._ledger.journal(entries)
        outcomes = self._crm.delete(spec.name, {row.key: str(record.crm_id) for row, record in piece})
        by_key = {row.key: row for row, _ in piece}
        gone = [outcome.key for outcome in outcomes if outcome.refusal is None]
        for outcome in outcomes:
            if outcome.refusal is not None:
                self._reject(by_key[outcome.key], outcome.refusal)
        self._ledger.forget(spec.name, [by_key[key].source for key in gone])
        self._counts.entity(spec.name)[Result.DELETED] += len(gone)


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


def _origin(row: Row, present: Known) -> Origin:
    if row.joins:
        return Origin.MERGED
    if row.source != row.key:
        return Origin.PATCHED
    return Origin(present.origin)


def _without_nulls(values: dict[str, Value]) -> dict[str, Value]:
    if None not in values.values():
        return values
    return {name: value for name, value in values.items() if value is not None}


def _fill_empty(ready: _Ready) -> frozenset[str]:
    row = ready.row
    all_fields = row.joins or (ready.origin == Origin.ADOPTED and row.rule.rule.on_match == "fill_empty")
    return frozenset(ready.values) if all_fields else row.rule.fill_empty


def _result(ready: _Ready, wrote: bool) -> Result:
    if ready.row.joins:
        return Result.MERGED
    return Result.UPDATED if wrote else Result.UNCHANGED
