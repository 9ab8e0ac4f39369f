"""What follows when the source deleted a record: archive, delete or ignore, as the rule says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from crmlift.chunks import chunks
from crmlift.destination import Destination, EntitySpec, Update, Value
from crmlift.errors import Refusal, RunStopped
from crmlift.ledger import Gone, JournalEntry, Known, Ledger, Origin
from crmlift.loader.bisect import write_surviving
from crmlift.loader.compare import changes, digest
from crmlift.loader.counts import Counts, Result, too_many
from crmlift.mapping.engine import Row

Pairs = list[tuple[Row, Known]]


class Removal:
    """Removes rows; what was in the CRM before us is archived at most, never deleted."""

    def __init__(
        self,
        destination: Destination,
        ledger: Ledger,
        counts: Counts,
        reject: Callable[[Row, Refusal], None],
        stop_above_percent: float,
    ) -> None:
        self._percent = stop_above_percent
        self._there: dict[str, int] = {}
        self._leaving: Counter[str] = Counter()
        self._crm = destination
        self._ledger = ledger
        self._counts = counts
        self._reject = reject

    def remove(self, spec: EntitySpec, rows: Sequence[Row], known: dict[str, Known]) -> None:
        """Archive or delete what the source deleted, as the rule says; what we adopted is never deleted."""
        archive: Pairs = []
        drop: Pairs = []
        for row in rows:
            record = known.get(row.source)
            policy = row.rule.rule.on_delete
            if record is None or record.crm_id is None or policy == "ignore":
                self._counts.entity(spec.name)[Result.UNCHANGED] += 1
            elif policy == "archive" and spec.archive and not record.gone:
                archive.append((row, record))
            elif policy == "delete" and (record.origin == Origin.CREATED or spec.natural):
                drop.append((row, record))
            else:
                self._counts.entity(spec.name)[Result.UNCHANGED] += 1
        self._check_share(spec, len(archive) + len(drop))
        self._archive_all(spec, archive)
        for piece in chunks(self._unshared(spec, drop) if spec.natural else drop, spec.batch_limit):
            self._delete(spec, piece)

    def _check_share(self, spec: EntitySpec, leaving: int) -> None:
        """Stop before too much is removed at once: an empty answer looks like an empty source.

        What runs took away that stopped counts on, or a schedule would take a share each hour.
        """
        if not leaving:
            return
        if spec.name not in self._there:
            taken = self._ledger.journal.taken_away(spec.name)
            self._there[spec.name] = self._ledger.records.count(spec.name) + taken["delete"]
            self._leaving[spec.name] = taken.total()
        self._leaving[spec.name] += leaving
        gone, there = self._leaving[spec.name], self._there[spec.name]
        if too_many(gone, there, self._percent):
            raise RunStopped(
                f"The source no longer has {gone:,} of {there:,} rows of '{spec.name}' or more. Above "
                f"{self._percent:g} % is too much to remove at once, so the run stopped here.",
                hint="Is it the right workspace, and may the key read all of it? If not, `crmlift rollback` "
                "brings back what is gone already; else run once with a higher `stop_above_percent`.",
            )

    def _archive_all(self, spec: EntitySpec, archive: Pairs) -> None:
        """Put records out of sight, but for those that a twin stands behind who is not gone."""
        sources = [row.source for row, _ in archive]
        ids = {str(record.crm_id) for _, record in archive}
        alive = self._ledger.records.living(spec.name, ids, besides=sources)
        # Twins that go together have one record.
        last = {record.crm_id: (row, record) for row, record in archive if record.crm_id not in alive}
        self._counts.entity(spec.name)[Result.UNCHANGED] += len(archive) - len(last)
        refused: set[str | None] = set()
        for piece in chunks(last.values(), spec.batch_limit):
            refused |= self._archive(spec, piece)
        gone = [record for _, record in archive if record.crm_id not in refused]
        for record in gone:
            record.gone = Gone.SOURCE
            # Without its digest the row is compared again, should the source bring the record back.
            record.digest = record.shape = None
        self._ledger.records.remember(spec.name, gone)

    def _unshared(self, spec: EntitySpec, drop: Pairs) -> Pairs:
        """Leave what a twin holds too: its own row is dropped, the CRM's record stays."""
        sources = [row.source for row, _ in drop]
        held = self._ledger.records.still_held(
            spec.name, [str(record.crm_id) for _, record in drop], besides=sources
        )
        shared = [row.source for row, record in drop if record.crm_id in held]
        self._ledger.records.forget(spec.name, shared)
        self._counts.entity(spec.name)[Result.UNCHANGED] += len(shared)
        return [(row, record) for row, record in drop if record.crm_id not in held]

    def _archive(self, spec: EntitySpec, piece: Pairs) -> set[str | None]:
        """Archive records, and return the ids of those that the CRM did not let go."""
        values: dict[str, Value] = dict(spec.archive or {})
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
                    shape=self._ledger.records.shape(names),
                    source=row.source,
                    was_shape=record.shape,
                    was_digest=record.digest,
                )
            )
        self._ledger.journal.write(entries)
        outcomes = write_surviving(lambda some: self._crm.update(spec.name, some), rows)
        by_key = {row.key: (row, record) for row, record in piece}
        refused: set[str | None] = set()
        for outcome in outcomes:
            row, record = by_key[outcome.key]
            if outcome.refusal is not None:
                self._reject(row, outcome.refusal)
                refused.add(record.crm_id)
                continue
            self._counts.entity(spec.name)[Result.ARCHIVED] += 1
        return refused

    def _delete(self, spec: EntitySpec, piece: Pairs) -> None:
        names = sorted(
            {
                name
                for _, record in piece
                if record.shape
                for name in self._ledger.records.shape_names(record.shape)
            }
        )
        current = self._crm.read(spec.name, [str(record.crm_id) for _, record in piece], names)
        entries = [
            JournalEntry(
                # What the CRM took away with its parent, deleted before, cannot be told any more.
                action="delete" if str(record.crm_id) in current else "lost",
                entity=spec.name,
                key=row.key,
                crm_id=str(record.crm_id),
                before=current.get(str(record.crm_id), {}),
                source=record.source,
                was_shape=record.shape,
                was_digest=record.digest,
                was_origin=record.origin,
                was_run=record.run,
            )
            for row, record in piece
        ]
        self._ledger.journal.write(entries)
        outcomes = self._crm.delete(spec.name, {row.key: str(record.crm_id) for row, record in piece})
        by_key = {row.key: row for row, _ in piece}
        gone = [outcome.key for outcome in outcomes if outcome.refusal is None]
        for outcome in outcomes:
            if outcome.refusal is not None:
                self._reject(by_key[outcome.key], outcome.refusal)
        self._ledger.records.forget(spec.name, [by_key[key].source for key in gone])
        self._counts.entity(spec.name)[Result.DELETED] += len(gone)
