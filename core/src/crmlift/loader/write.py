"""Send batches of one entity, and write down before and after what becomes of each row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crmlift.destination import Create, Destination, EntitySpec, Outcome, Update, Value, Values
from crmlift.errors import Refusal, TransientError
from crmlift.ledger import JournalEntry, Ledger, Origin
from crmlift.loader.ahead import Ahead
from crmlift.loader.bisect import write_surviving
from crmlift.loader.compare import changes, digest, said_by_one
from crmlift.loader.counts import Counts, Result
from crmlift.loader.ready import Ready
from crmlift.loader.recovery import Recovery
from crmlift.mapping.engine import Row

Reject = Callable[[Row, Refusal], None]


class Writer:
    """Writes to the CRM, one call at a time; a create is under way while the next batch is prepared.

    `under_way` are the rows of that create, and `entity` is theirs; should it fail, they are `failed`.
    """

    def __init__(
        self, destination: Destination, ledger: Ledger, counts: Counts, recovery: Recovery, reject: Reject
    ) -> None:
        self._crm = destination
        self._ledger = ledger
        self._counts = counts
        self._recovery = recovery
        self._reject = reject
        self._ahead: Ahead[list[Outcome]] = Ahead()
        self.entity = ""
        self.under_way: list[Ready] = []
        self.failed: list[Ready] = []

    def wait(self) -> None:
        """Wait for the create that is under way, and write down what became of it."""
        try:
            self._ahead.wait()
        except BaseException as error:
            if not self._ahead.busy:
                # Some of it may have been done: whoever tries again must look first, as after a crash.
                self._recovery.doubt(self.entity, unanswered=isinstance(error, TransientError))
                self.failed, self.under_way = self.under_way, []
            raise

    def create(self, spec: EntitySpec, piece: list[Ready]) -> None:
        """Start to create rows, after noting their keys."""
        self.wait()
        entity = spec.name
        batch = self._ledger.journal.open_batch(entity, [ready.row.key for ready in piece])
        rows = [Create(ready.row.key, _without_nulls(ready.values)) for ready in piece]

        def settle(outcomes: list[Outcome]) -> None:
            with self._ledger.transaction():
                self._settled(entity, piece, outcomes)
                self._ledger.journal.close_batch(batch)
            self.under_way = []

        self.entity, self.under_way = entity, piece
        self._ahead.start(lambda: write_surviving(lambda some: self._crm.create(entity, some), rows), settle)

    def update(self, spec: EntitySpec, piece: list[Ready]) -> None:
        """Read, compare and write what differs; the before-images are written down first."""
        self.wait()
        entity = spec.name
        names = sorted({name for ready in piece for name in (*ready.values, *ready.back)})
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
            wanted = {**ready.back, **ready.values}
            write, ready.kept = changes(
                wanted, before, fill_empty=self._only_if_empty(ready, before), sticky=ready.row.rule.sticky
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

    def _only_if_empty(self, ready: Ready, current: Values) -> frozenset[str]:
        """Return the fields that are written only where the CRM has nothing, or what we may take over."""
        only = ready.fill_empty()
        held = [name for name in only & ready.row.rule.take_over if current.get(name) is not None]
        if not held:
            return only
        ours = self._ledger.records.before(ready.row.entity, ready.row.key)
        return only - {name for name in held if said_by_one(self._ledger, ours, name, current)}

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


def _without_nulls(values: dict[str, Value]) -> dict[str, Value]:
    if None not in values.values():
        return values
    return {name: value for name, value in values.items() if value is not None}
