"""The way of a record through one run: validate, hooks, mapping, loader, state.

Nothing here knows Singer's wire format or a CRM's API.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from time import monotonic
from typing import Any

import fastjsonschema

from crmlift.batch import DEFERRED, Batch, Item, Letter, Record, join_key
from crmlift.chunks import chunks
from crmlift.destination import CountsMessages, Destination, Severity
from crmlift.errors import InputError, Refusal, RunStopped
from crmlift.hooks.manager import Hooks
from crmlift.hooks.twins import follow_owners
from crmlift.ledger import DeadLetter, Ledger
from crmlift.loader.counts import Counts, Result
from crmlift.loader.loader import Loader
from crmlift.mapping import schema_changes
from crmlift.mapping.engine import DELETED, Engine, Rejected, Row
from crmlift.mapping.model import Mapping as MappingFile
from crmlift.milestones import Milestones

logger = logging.getLogger(__name__)

BATCH_RECORDS = 500
"""Records that go through the hooks at once: enough to amortise a call, few enough to stay in cache."""
DEFERRED_AT_ONCE = 10_000
"""Records that waited and are settled together: full calls, and little memory."""
CHECKPOINT_SECONDS = 60.0


@dataclass(slots=True)
class _Stream:
    key_properties: tuple[str, ...]
    validate: Callable[[Record], object] | None
    mapped: bool
    finished: bool = False
    items: list[Item] = field(default_factory=list)


class Pipeline:
    """One run of a mapping against a destination.

    `emit_state` gets a state once every record read before it is settled. After `checkpoint_rows`
    records without one, or a minute, part-filled batches are flushed so that it can leave.
    `stop_above_percent` is the share of rows of an entity that may go wrong, see `Milestones`.
    """

    def __init__(
        self,
        mapping: MappingFile,
        destination: Destination,
        ledger: Ledger,
        *,
        mapping_digest: str,
        emit_state: Callable[[Any], None] = lambda _state: None,
        checkpoint_rows: int = 20_000,
        validate: bool = True,
        stop_above_percent: float = 50,
    ) -> None:
        self.counts = Counts()
        self.engine = Engine(mapping)
        self._hooks = Hooks(mapping.hooks)
        self._mapping = mapping
        self._crm = destination
        self._ledger = ledger
        self._validate = validate
        self._emit_state = emit_state
        self._checkpoint_rows = checkpoint_rows
        self._loader = Loader(
            destination,
            ledger,
            self.counts,
            self.engine.entities(),
            links=self.engine.links(),
            on_flush=self._release_states,
        )
        self._milestones = Milestones(self.counts, destination, ledger, stop_above_percent=stop_above_percent)
        self._streams: dict[str, _Stream] = {}
        self._current = ""
        self._states: deque[tuple[int, Any]] = deque()
        self._last_release = monotonic()
        self._seq = 0
        self._in_hand: int | None = None
        self._judged_again: dict[str, set[str]] = {}
        self._deferred: Counter[str] = Counter()
        self._messages_before = self._outgoing()
        self._rejected_before = ledger.letters.sources()
        self._prepare()
        self.run = ledger.runs.start(mapping_digest)
        self._hooks.tell(
            "crmlift_run_started",
            run_id=self.run,
            destination=mapping.destination,
            workspace=mapping.workspace,
        )

    def _prepare(self) -> None:
        """Stop before the first write where the CRM is not ready; create the fields that were approved."""
        entities = self.engine.entities()
        findings = self._crm.preflight(entities)
        for finding in findings:
            if finding.severity is not Severity.ERROR:
                logger.log(
                    logging.WARNING if finding.severity is Severity.WARNING else logging.INFO,
                    "%s %s",
                    finding.text,
                    finding.fix,
                )
        errors = [
            f"{finding.text} {finding.fix}".strip()
            for finding in findings
            if finding.severity is Severity.ERROR
        ]
        if errors:
            raise RunStopped("The CRM is not ready, so nothing was written: " + " ".join(errors))
        left = schema_changes.apply(self._mapping, self._crm).by_hand
        if left:
            names = ", ".join(f"{entity}.{name}" for entity, fields in left.items() for name in fields)
            raise RunStopped(
                f"These fields must be created in the CRM by a person first: {names}.",
                hint="`crmlift provision` lists what to do for each.",
            )

    # Input

    def schema(self, stream: str, schema: Mapping[str, Any], key_properties: Sequence[str]) -> None:
        """Take the schema of a stream; records read before it are settled under the old one."""
        mapped = stream in self.engine.rules
        if stream in self._streams:
            self._process(stream)
        elif not mapped:
            reason = self._mapping.skip.get(stream, "the mapping does not name it")
            logger.info("Stream '%s' is read but not loaded: %s.", stream, reason)
        check = fastjsonschema.compile(dict(schema)) if mapped and self._validate else None
        self._ledger.letters.note_stream(stream, key_properties)
        self._streams[stream] = _Stream(tuple(key_properties), check, mapped)

    def record(self, name: str, record: Record) -> None:
        """Take one record; it is settled with its batch."""
        stream = self._streams.get(name)
        if stream is None:
            raise InputError(
                f"A record of stream '{name}' came before its schema.",
                hint="The tap must send SCHEMA first; what came before is safe, run again after a fix.",
            )
        if name != self._current:
            self._finish_stream(self._current)
            self._current = name
        self._seq += 1
        stream.items.append(Item(record, "", self._seq))
        if len(stream.items) >= BATCH_RECORDS:
            self._process_up_to(stream)

    def state(self, value: Any) -> None:
        """Take a state; it leaves once all records before it are settled."""
        self._states.append((self._seq, value))
        oldest = self._oldest_unsettled()
        late = monotonic() - self._last_release > CHECKPOINT_SECONDS
        if oldest is not None and (late or self._seq - oldest >= self._checkpoint_rows):
            self._flush()
        self._release_states()

    def _finish_stream(self, name: str) -> None:
        """Settle and count a stream when the next one begins; a tap may mix them, so only once."""
        stream = self._streams.get(name)
        if stream is None or not stream.mapped or stream.finished:
            return
        stream.finished = True
        self.checkpoint()
        if not self._deferred[name]:
            self._milestones.reached(name, self.engine.entities_of(name))

    # Processing

    def _process_up_to(self, stream: _Stream) -> None:
        """Process a full batch, after what began earlier in other streams: that may be its parents."""
        first = stream.items[0].seq
        for name, other in list(self._streams.items()):
            if other.items and other.items[0].seq <= first:
                self._process(name)

    def _process(self, name: str) -> None:
        stream = self._streams[name]
        items, stream.items = stream.items, []
        if not items:
            return
        counter = self.counts.stream(name)
        counter["read"] += len(items)
        if not stream.mapped:
            counter["not_mapped"] += len(items)
            return
        self._load(name, stream, self._checked(name, stream, items))

    def _checked(self, name: str, stream: _Stream, items: list[Item]) -> list[Item]:
        """Give items their keys; reject those without one, or against their schema."""
        good: list[Item] = []
        check, keys = stream.validate, stream.key_properties
        for item in items:
            parts = [item.record.get(key) for key in keys]
            if not parts or None in parts:
                item.key = f"record {item.seq}"
                self._reject(
                    name, item, Refusal("no_key", f"the record lacks one of {', '.join(keys) or 'its keys'}")
                )
                continue
            item.key = join_key(parts)
            if check is not None and not item.record.get(DELETED):
                try:
                    check(item.record)
                except fastjsonschema.JsonSchemaValueException as error:
                    self._reject(name, item, Refusal("against_schema", error.message, error.name))
                    continue
            good.append(item)
        return good

    def _load(self, name: str, stream: _Stream, items: list[Item], *, last: bool = False) -> None:
        self._note_letters(name, items)
        batch = Batch(name, items, stream.key_properties, self._ledger.claims, last=last)
        # What a hook remembers of a batch and what it made of it stand or fall together.
        with self._ledger.transaction():
            self._hooks.prepare(batch)
            follow_owners(batch, lambda owners: self._ledger.letters.fates(name, owners))
            self._keep_letters(batch)
        self.counts.stream(name).update(batch.counts)
        rows: list[Row] = []
        for row in self.engine.rows(name, batch.items):
            if isinstance(row, Rejected):
                self._reject(name, row.item, row.refusal, row.entity)
            else:
                rows.append(row)
        for row in rows:
            # Adding may flush, and what comes after this row in the batch is not pending yet.
            self._in_hand = row.item.seq
            self._loader.add(row)
        self._in_hand = None
        if self.engine.unmatched[name]:
            self.counts.stream(name)["no_rule"] = self.engine.unmatched[name]
        for child, key_properties, emitted in batch.emitted():
            self._add(child, key_properties, emitted, last=last)

    def _add(self, name: str, key_properties: Sequence[str], items: list[Item], *, last: bool) -> None:
        """Send records of a hook's own stream the whole way."""
        if name not in self._streams:
            self.schema(name, {}, key_properties)
        counter = self.counts.stream(name)
        counter["read"] += len(items)
        if self._streams[name].mapped:
            self._load(name, self._streams[name], items, last=last)
        else:
            counter["not_mapped"] += len(items)

    def _note_letters(self, name: str, items: list[Item]) -> None:
        """A record that comes again gets a new verdict; the old one is dropped once that is settled."""
        again = {item.key for item in items if (name, item.key) in self._rejected_before}
        if again:
            self._judged_again.setdefault(name, set()).update(again)

    def _keep_letters(self, batch: Batch) -> None:
        """Write down what hooks held, excluded and merged; of a merge, only the keys of both sides."""
        letters = batch.decided()
        self._ledger.letters.reject([_letter(batch, letter) for letter in letters])
        counter = self.counts.stream(batch.stream)
        for letter in letters:
            counter[letter.fate] += 1
            if letter.code == DEFERRED:
                self._deferred[batch.stream] += 1

    def _reject(self, stream: str, item: Item, refusal: Refusal, entity: str = "") -> None:
        counter = self.counts.entity(entity) if entity else self.counts.stream(stream)
        counter[Result.REJECTED] += 1
        self._ledger.letters.reject([DeadLetter.rejected(stream, item, entity, refusal)])

    def again(self, stream: str, records: Iterable[tuple[str, Record]], *, last: bool = False) -> None:
        """Send kept records (source key and record) through hooks and mapping once more."""
        items = [Item(record, key, 0) for key, record in records]
        key_properties = tuple(self._ledger.letters.key_properties(stream))
        self._load(stream, _Stream(key_properties, None, mapped=True), items, last=last)

    # Settling

    def _oldest_unsettled(self) -> int | None:
        firsts = [stream.items[0].seq for stream in self._streams.values() if stream.items]
        others = (self._loader.oldest_pending(), self._in_hand)
        return min([*firsts, *(seq for seq in others if seq is not None)], default=None)

    def _release_states(self) -> None:
        oldest = self._oldest_unsettled()
        ready: list[Any] = []
        while self._states and (oldest is None or self._states[0][0] < oldest):
            ready.append(self._states.popleft()[1])
        if ready:
            self._last_release = monotonic()
            self._ledger.runs.note_progress(self.counts.as_dict())
            self._emit_state(ready[-1])
        self._milestones.check_rejects()

    def _flush(self) -> None:
        for name in list(self._streams):
            self._process(name)
        self._loader.flush_all()
        for name, sources in self._judged_again.items():
            self._ledger.letters.settle(name, sources)
        self._judged_again.clear()

    def checkpoint(self) -> None:
        """Settle everything read so far and let its state leave."""
        self._flush()
        self._release_states()

    def finish(self) -> str:
        """Settle everything, try what was parked, close the run; return its status."""
        self.checkpoint()
        self._finish_stream(self._current)
        self._decide_deferred()
        self._complete()
        self._retry_parked()
        self._check_silence()
        status = "complete_with_rejects" if self.counts.rejects() else "complete"
        self._report_problems()
        for entity, counter in self.counts.entities.items():
            self._hooks.tell("crmlift_entity_finished", run_id=self.run, entity=entity, counts=dict(counter))
        self._ledger.runs.finish(status, self.counts.as_dict())
        self._hooks.tell("crmlift_run_finished", run_id=self.run, status=status)
        return status

    def stop(self) -> None:
        """Close the run after an error; what was settled stays."""
        self._ledger.runs.finish("stopped", self.counts.as_dict())
        self._hooks.tell("crmlift_run_finished", run_id=self.run, status="stopped")

    def _decide_deferred(self) -> None:
        """Send what waited for the end of the input the whole way, in turn; hooks can defer it no more."""
        while letters := self._ledger.letters.first(code=DEFERRED, limit=DEFERRED_AT_ONCE):
            by_stream: dict[str, list[str]] = {}
            for stream, some in groupby(letters, key=lambda letter: letter.stream):
                for piece in chunks(some, BATCH_RECORDS):
                    self.again(stream, ((letter.source, letter.record) for letter in piece), last=True)
                    by_stream.setdefault(stream, []).extend(letter.source for letter in piece)
            self._flush()
            for stream, sources in by_stream.items():
                self._ledger.letters.drop(stream, sources, code=DEFERRED)
        for stream, number in self._deferred.items():
            self.counts.stream(stream)["held"] -= number
            self._milestones.reached(stream, self.engine.entities_of(stream))
        self._deferred.clear()

    def _complete(self) -> None:
        """Load what hooks kept for the end; a hook goes on once its page is settled."""
        for stream, key_properties, records in self._hooks.complete(self._ledger.claims):
            items = [
                Item(record, join_key([record[name] for name in key_properties]), 0) for record in records
            ]
            self._add(stream, key_properties, items, last=True)
            self._flush()

    def _retry_parked(self) -> None:
        """Load what waited for rows that have arrived since; a record that waits on is tried once."""
        tried: set[tuple[str, str]] = set()
        while ready := [item for item in self._ledger.waiting.page(ready=True) if item.where not in tried]:
            by_stream: dict[str, dict[str, Record]] = {}
            for item in ready:
                by_stream.setdefault(item.stream, {})[item.source] = item.record
            tried.update(item.where for item in ready)
            for stream, records in by_stream.items():
                self.again(stream, records.items(), last=True)
            self._flush()
            self._ledger.waiting.settle(ready)
        for entity, number in self._ledger.waiting.counts().items():
            self.counts.entity(entity)[Result.WAITING] = number

    def _outgoing(self) -> dict[str, int]:
        return dict(self._crm.outgoing()) if isinstance(self._crm, CountsMessages) else {}

    def _check_silence(self) -> None:
        """Stop loudly where the CRM queued a message during the run: no person may hear of a migration."""
        after = self._outgoing()
        new = {kind: after[kind] - self._messages_before.get(kind, 0) for kind in after}
        loud = {kind: number for kind, number in new.items() if number > 0}
        if loud:
            raise RunStopped(
                f"The CRM queued messages during the run: {loud}.",
                hint="Stop its outgoing queue, look for automations on the loaded records, and roll back.",
            )

    def _report_problems(self) -> None:
        for (stream, name, reason), number in sorted(self.engine.problems.items()):
            logger.warning("%s: %d values were left out of '%s': %s.", stream, number, name, reason)


def _letter(batch: Batch, letter: Letter) -> DeadLetter:
    item, record = letter.item, letter.item.record
    if letter.fate == "merged":
        record = {name: record[name] for name in batch.key_properties}
    return DeadLetter(
        batch.stream, item.key, "", letter.fate, letter.code, None, letter.reason, record, letter.turn
    )
