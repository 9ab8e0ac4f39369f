"""Undo a run from the ledger: children first, latest change first, nothing that others changed since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from crmlift.chunks import chunks
from crmlift.destination import (
    Cascades,
    Create,
    Destination,
    EntitySpec,
    FieldType,
    Unprovisions,
    Update,
    Value,
)
from crmlift.errors import ConfigError
from crmlift.hooks import consent
from crmlift.ledger import JournalEntry, Known, Ledger, Origin
from crmlift.ledger.runs import ROLLED_BACK
from crmlift.loader.bisect import write_surviving
from crmlift.loader.compare import differing, digest, said_by_one
from crmlift.loader.graph import parents_first


@dataclass(frozen=True, slots=True)
class Kept:
    """A record that was not undone, and why."""

    entity: str
    key: str
    crm_id: str
    reason: str


@dataclass(slots=True)
class Undone:
    """What a rollback did, or would do when it is only planned."""

    run: int
    dry_run: bool
    deleted: dict[str, int] = field(default_factory=dict)
    restored: dict[str, int] = field(default_factory=dict)
    released: dict[str, int] = field(default_factory=dict)
    recreated: dict[str, int] = field(default_factory=dict)
    schema_removed: list[str] = field(default_factory=list)
    schema_kept: dict[str, str] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


def runs_to_undo(ledger: Ledger, *, run: int | None, everything: bool) -> list[int]:
    """Return the runs to undo, latest first.

    Raises `ConfigError` where a later run stands on the one that was asked for.
    """
    standing = [
        row["id"] for row in reversed(ledger.runs.all()) if row["status"] not in (ROLLED_BACK, "running")
    ]
    if everything:
        return standing
    if not standing:
        return []
    if run is None or run == standing[0]:
        return standing[:1]
    if run not in standing:
        raise ConfigError(f"There is no run {run} to undo.", hint=f"These can be: {standing}.")
    raise ConfigError(
        f"Run {standing[0]} came after run {run} and may stand on it.",
        hint="Undo the later runs first, or all with --all.",
    )


def roll_back(
    ledger: Ledger, destination: Destination, run: int, *, force: bool = False, dry_run: bool = False
) -> Undone:
    """Undo one run: with `force` also what others changed since, with `dry_run` only in words.

    What could be undone by another try, by force or once the CRM allows it, stays in the ledger. Raises
    `RunStopped` where a run is at work.
    """
    if not dry_run:
        ledger.write_alone()
    undone = Undone(run, dry_run)
    left = False
    for entity in reversed(parents_first(ledger.records.entities(), destination.entities)):
        one = _Undo(ledger, destination, destination.entities[entity], undone, force=force)
        one.all()
        left |= bool(one.left)
    if not dry_run:
        ledger.runs.mark_rolled_back(run, partly=left)
        if not ledger.records.entities():
            # Nothing is left of any run: who came first is open again. Who opted out never is.
            ledger.claims.forget(besides=[consent.KIND])
    return undone


def take_back_schema(destination: Destination, undone: Undone) -> None:
    """Take away the fields and entities that provisioning created, where the CRM allows it.

    For the last of all runs to be undone: what still holds a value stays, and is named.
    """
    if isinstance(destination, Unprovisions):
        taken = destination.unprovision(dry_run=undone.dry_run)
        undone.schema_removed, undone.schema_kept = list(taken.removed), dict(taken.kept)


class _Undo:
    """Undoing one run for one entity."""

    def __init__(
        self, ledger: Ledger, destination: Destination, spec: EntitySpec, undone: Undone, *, force: bool
    ) -> None:
        self.ledger = ledger
        self.crm = destination
        self.spec = spec
        self.undone = undone
        self.force = force
        self.live = destination.describe(spec.name) if not spec.natural else {}
        # A record that stays must keep all of its changes, not only the last one.
        self.keeping: set[str] = set()
        # What another try may undo: all of these but those whose record is gone.
        self.left: set[str] = set()
        # What this very undoing has put back on a record: not what others changed.
        self.restored: dict[str, set[str]] = {}
        # In a dry run: what the changes undone so far would have put back.
        self.pretended: dict[str, dict[str, Value]] = {}

    def all(self) -> None:
        """Undo the changes, then the creations."""
        for piece in chunks(
            self.ledger.journal.backwards(self.undone.run, self.spec.name), self.spec.batch_limit
        ):
            for group in _runs_of_one_action(piece):
                self._changes(group)
        for page in list(self.ledger.records.pages(self.spec.name, run=self.undone.run)):
            shared = [row.source for row in page if row.origin in (Origin.MERGED, Origin.PATCHED)]
            created = [row for row in page if row.origin == Origin.CREATED]
            for rows in chunks(created, self.spec.batch_limit):
                self._created(rows)
            if not self.undone.dry_run:
                self.ledger.records.forget(self.spec.name, shared)

    def _changes(self, entries: list[JournalEntry]) -> None:
        match entries[0].action:
            case "adopt":
                self._release(entries)
            case "delete":
                self._recreate(entries)
            case "lost":
                self._lose(entries)
            case _:
                self._restore(entries)

    def _restore(self, entries: list[JournalEntry]) -> None:
        """Put the values from before back where they still are what we wrote."""
        names = sorted({name for entry in entries for name in entry.before})
        current = self.crm.read(self.spec.name, [entry.crm_id for entry in entries], names)
        updates: list[Update] = []
        for entry in entries:
            before = {name: self._canonical(name, value) for name, value in entry.before.items()}
            # A change that was written down but refused, or cut off by a crash before it was sent.
            never_made = digest(sorted(before), before) == digest(
                sorted(before), current.get(entry.crm_id, {})
            )
            if not never_made and self._standing(entry.key, entry.crm_id, entry.shape, entry.after, current):
                updates.append(Update(entry.key, entry.crm_id, before))
        self._count(self.undone.restored, len(updates))
        for update in updates:
            self.restored.setdefault(update.id, set()).update(update.values)
        if self.undone.dry_run:
            for update in updates:
                self.pretended.setdefault(update.id, {}).update(update.values)
            return
        outcomes = write_surviving(lambda some: self.crm.update(self.spec.name, some), updates)
        for update, outcome in zip(updates, outcomes, strict=True):
            if outcome.refusal:
                self._keep(update.key, update.id, f"the CRM refused it: {outcome.refusal.code}")
        put_back = {update.key for update in updates}
        self.ledger.records.put_back(self.spec.name, [entry for entry in entries if entry.key in put_back])
        self._drop(entries)

    def _release(self, entries: list[JournalEntry]) -> None:
        entries = [entry for entry in entries if entry.key not in self.keeping]
        self._count(self.undone.released, len(entries))
        if self.undone.dry_run:
            return
        self.crm.release(self.spec.name, [entry.key for entry in entries])
        self.ledger.records.forget(self.spec.name, [entry.key for entry in entries])
        self.ledger.journal.drop([entry.id for entry in entries])

    def _recreate(self, entries: list[JournalEntry]) -> None:
        """Make deleted records again; each belongs to the run that made it, which may be undone next."""
        self._count(self.undone.recreated, len(entries))
        if self.undone.dry_run:
            return
        rows = [
            Create(
                entry.key,
                {n: self._canonical(n, value) for n, value in entry.before.items() if value is not None},
            )
            for entry in entries
        ]
        outcomes = write_surviving(lambda some: self.crm.create(self.spec.name, some), rows)
        back = []
        for entry, outcome in zip(entries, outcomes, strict=True):
            if outcome.id:
                back.append(_as_it_was(entry, outcome.id))
            else:
                self._keep(entry.key, entry.crm_id, "the CRM refused to take it back")
        self.ledger.records.remember(self.spec.name, back)
        self._drop(entries)

    def _lose(self, entries: list[JournalEntry]) -> None:
        for entry in entries:
            self._keep(entry.key, entry.crm_id, "it went with a record that the run deleted", for_good=True)
        if not self.undone.dry_run:
            self._drop(entries)

    def _created(self, rows: list[Known]) -> None:
        names = sorted(
            {name for row in rows if row.shape for name in self.ledger.records.shape_names(row.shape)}
        )
        current = self.crm.read(self.spec.name, [row.crm_id or "" for row in rows], names)
        doomed = {
            row.key: row.crm_id or ""
            for row in rows
            if self._standing(row.key, row.crm_id or "", row.shape, row.digest, current, gone_is_fine=True)
        }
        for key, number in self._taken_along(doomed).items():
            reason = f"{number} records that are not ours would be deleted along"
            self._keep(key, doomed.pop(key), reason)
        if self.undone.dry_run or not doomed:
            self._count(self.undone.deleted, len(doomed))
            return
        gone = []
        for outcome in self.crm.delete(self.spec.name, doomed):
            if outcome.refusal:
                self._keep(
                    outcome.key, doomed[outcome.key], f"the CRM refused to delete it: {outcome.refusal.code}"
                )
            else:
                gone.append(outcome.key)
        self._count(self.undone.deleted, len(gone))
        self.ledger.records.forget(self.spec.name, gone)

    def _taken_along(self, doomed: dict[str, str]) -> dict[str, int]:
        """Count, by key, what others have hung on records and would go with them."""
        if not isinstance(self.crm, Cascades) or not doomed:
            return {}
        below = self.crm.below(self.spec.name, list(doomed.values()))
        return {key: below[crm_id] for key, crm_id in doomed.items() if below.get(crm_id)}

    def _standing(
        self,
        key: str,
        crm_id: str,
        shape: int | None,
        written: bytes | None,
        current: dict[str, dict[str, Value]],
        *,
        gone_is_fine: bool = False,
    ) -> bool:
        """Tell whether a record is still as we wrote it; if not, it is kept and listed, unless forced."""
        if key in self.keeping:
            return False
        if crm_id not in current:
            if not gone_is_fine:
                self._keep(key, crm_id, "the record is gone", for_good=True)
            return gone_is_fine
        if shape is None or written is None or self.force:
            return True
        names = self.ledger.records.shape_names(shape)
        now = current[crm_id] | self.pretended.get(crm_id, {})
        mine = self.restored.get(crm_id, ()) if gone_is_fine else ()
        changed = [name for name in differing(names, written, digest(names, now)) if name not in mine]
        if changed and self.spec.natural:
            # Twins are rows of their own for one pair: what another of ours says was changed by nobody else.
            ours = self.ledger.records.at(self.spec.name, [crm_id]).get(crm_id, [])
            changed = [name for name in changed if not said_by_one(self.ledger, ours, name, now)]
        if changed:
            self._keep(key, crm_id, f"changed since the run: {', '.join(changed)}")
        return not changed

    def _drop(self, entries: list[JournalEntry]) -> None:
        self.ledger.journal.drop([entry.id for entry in entries if entry.key not in self.left])

    def _keep(self, key: str, crm_id: str, reason: str, *, for_good: bool = False) -> None:
        self.keeping.add(key)
        if not for_good:
            self.left.add(key)
        self.undone.kept.append(Kept(self.spec.name, key, crm_id, reason))

    def _count(self, counter: dict[str, int], number: int) -> None:
        if number:
            counter[self.spec.name] = counter.get(self.spec.name, 0) + number

    def _canonical(self, name: str, value: Any) -> Value:
        """Dates come back from the journal as text."""
        kind = self.live[name].type if name in self.live else None
        if isinstance(value, str) and kind is FieldType.DATETIME:
            return datetime.fromisoformat(value).astimezone(UTC)
        if isinstance(value, str) and kind is FieldType.DATE:
            return date.fromisoformat(value)
        return value


def _as_it_was(entry: JournalEntry, crm_id: str) -> Known:
    """Return what the ledger knew of a record that was deleted, with its new id."""
    return Known(
        source=entry.source or entry.key,
        key=entry.key,
        crm_id=crm_id,
        origin=entry.was_origin or Origin.FOUND,
        shape=entry.was_shape,
        digest=entry.was_digest,
        run=entry.was_run or 0,
    )


def _runs_of_one_action(entries: list[JournalEntry]) -> Iterator[list[JournalEntry]]:
    """Cut entries where the action changes or a key comes again: each call must hold a record once."""
    group: list[JournalEntry] = []
    keys: set[str] = set()
    for entry in entries:
        if group and (_kind(entry) != _kind(group[0]) or entry.key in keys):
            yield group
            group, keys = [], set()
        group.append(entry)
        keys.add(entry.key)
    if group:
        yield group


def _kind(entry: JournalEntry) -> str:
    return "restore" if entry.action in ("update", "archive") else entry.action
