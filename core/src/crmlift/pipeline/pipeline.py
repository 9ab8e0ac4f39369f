"""The way of a record through one run: validate, hooks, mapping, loader, state.

Nothing here knows Singer's wire format or a CRM's API.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from time import monotonic
from typing import Any

from crmlift.batch import Batch, Item, Record, join_key
from crmlift.chunks import chunks
from crmlift.destination import Destination
from crmlift.errors import InputError
from crmlift.hooks.manager import Hooks
from crmlift.hooks.twins import follow_owners
from crmlift.hookspecs import RunKind
from crmlift.ledger import Ledger
from crmlift.loader.counts import Counts, Result
from crmlift.loader.loader import Loader
from crmlift.mapping.engine import Engine, Rejected, Row
from crmlift.mapping.model import Mapping as MappingFile
from crmlift.pipeline.intake import Stream
from crmlift.pipeline.milestones import Milestones
from crmlift.pipeline.readiness import Silence, make_ready
from crmlift.pipeline.verdicts import Verdicts

logger = logging.getLogger(__name__)

BATCH_RECORDS = 500
"""Records that go through the hooks at once: enough to amortise a call, few enough to stay in cache."""
CHECKPOINT_SECONDS = 60.0


class Pipeline:
    """One run of a mapping against a destination.

    `emit_state` gets a state once every record read before it is settled. After `checkpoint_rows`
    records without one, or a minute, part-filled batches are flushed so that it can leave.
    `stop_above_percent` is the share of rows of an entity that may go wrong, see `Milestones`, or be removed.
    Plugins are told of a run of any `kind`; of one without, which loads nothing for good, they are not.
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
        kind: RunKind | None = "load",
    ) -> None:
        self.counts = Counts()
        self.engine = Engine(mapping)
        self._hooks = Hooks(mapping.hooks)
        self._mapping = mapping
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
            stop_above_percent=stop_above_percent,
        )
        self._milestones = Milestones(self.counts, destination, ledger, stop_above_percent=stop_above_percent)
        self._verdicts = Verdicts(ledger, self.counts)
        self._silence = Silence(destination)
        self._kind = kind
        self._streams: dict[str, Stream] = {}
        self._current = ""
        self._states: deque[tuple[int, Any]] = deque()
        self._last_release = monotonic()
        self._seq = 0
        self._in_hand: int | None = None
        make_ready(mapping, destination, self.engine.entities())
        self.run = ledger.runs.start(mapping_digest)
        self._tell("crmlift_run_started", destination=mapping.destination, workspace=mapping.workspace)

    def _tell(self, event: str, **facts: object) -> None:
        if self._kind is not None:
            self._hooks.tell(event, run_id=self.run, kind=self._kind, **facts)

    # Input

    def schema(self, stream: str, schema: Mapping[str, Any], key_properties: Sequence[str]) -> None:
        """Take the schema of a stream; records read before it are settled under the old one."""
        mapped = stream in self.engine.rules
        if stream in self._streams:
            self._process(stream)
        elif not mapped:
            reason = self._mapping.skip.get(stream, "the mapping does not name it")
            logger.info("Stream '%s' is read but not loaded: %s.", stream, reason)
        self._ledger.letters.note_stream(stream, key_properties)
        checked = schema if mapped and self._validate else None
        self._streams[stream] = Stream(key_properties, checked, mapped=mapped)

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
        if name not in self._verdicts.waiting():
            self._milestones.reached(name, self.engine.entities_of(name))

    # Processing

    def _process_up_to(self, stream: Stream) -> None:
        """Process a full batch, after what began earlier in other streams: that may be its parents."""
        up_to = stream.items[0].seq
        for name, other in list(self._streams.items()):
            if other.first is not None and other.first <= up_to:
                self._process(name)

    def _process(self, name: str) -> None:
        stream = self._streams[name]
        items = stream.take()
        if not items:
            return
        counter = self.counts.stream(name)
        counter["read"] += len(items)
        if not stream.mapped:
            counter["not_mapped"] += len(items)
            return
        good = []
        for item, refusal in stream.checked(items):
            if refusal is None:
                good.append(item)
            else:
                self._verdicts.reject(name, item, refusal)
        self._load(name, stream, good)

    def _load(self, name: str, stream: Stream, items: list[Item], *, last: bool = False) -> None:
        self._verdicts.note(name, items)
        batch = Batch(name, items, stream.key_properties, self._ledger.claims, last=last)
        # What a hook remembers of a batch and what it made of it stand or fall together.
        with self._ledger.transaction():
            self._hooks.prepare(batch)
            follow_owners(batch, lambda owners: self._ledger.letters.fates(name, owners))
            self._verdicts.keep(batch)
        self.counts.stream(name).update(batch.counts)
        rows: list[Row] = []
        for row in self.engine.rows(name, batch.items):
            if isinstance(row, Rejected):
                self._verdicts.reject(name, row.item, row.refusal, row.entity)
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

    def again(self, stream: str, records: Iterable[tuple[str, Record]], *, last: bool = False) -> None:
        """Send kept records (source key and record) through hooks and mapping once more."""
        items = [Item(record, key, 0) for key, record in records]
        key_properties = tuple(self._ledger.letters.key_properties(stream))
        self._load(stream, Stream(key_properties, None, mapped=True), items, last=last)

    # Settling

    def _oldest_unsettled(self) -> int | None:
        firsts = (stream.first for stream in self._streams.values())
        others = (self._loader.oldest_pending(), self._in_hand)
        return min((seq for seq in (*firsts, *others) if seq is not None), default=None)

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
        self._verdicts.settle()

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
        self._silence.check()
        status = "complete_with_rejects" if self.counts.rejects() else "complete"
        self._report_problems()
        for entity, counter in self.counts.entities.items():
            self._tell("crmlift_entity_finished", entity=entity, counts=dict(counter))
        self._ledger.runs.finish(status, self.counts.as_dict())
        self._tell("crmlift_run_finished", status=status)
        return status

    def stop(self) -> None:
        """Close the run after an error; what was settled stays."""
        self._ledger.runs.finish("stopped", self.counts.as_dict())
        self._tell("crmlift_run_finished", status="stopped")

    def _decide_deferred(self) -> None:
        """Send what waited for the end of the input the whole way, in turn; hooks can defer it no more."""
        waited = self._verdicts.waiting()
        for page in self._verdicts.deferred():
            for stream, letters in groupby(page, key=lambda letter: letter.stream):
                for some in chunks(letters, BATCH_RECORDS):
                    self.again(stream, [(letter.source, letter.record) for letter in some], last=True)
            self._flush()
        for stream in waited:
            self._milestones.reached(stream, self.engine.entities_of(stream))

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

    def _report_problems(self) -> None:
        for (stream, name, reason), number in sorted(self.engine.problems.items()):
            logger.warning("%s: %d values were left out of '%s': %s.", stream, number, name, reason)
