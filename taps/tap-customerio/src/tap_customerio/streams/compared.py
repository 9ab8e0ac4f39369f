"""Streams whose changes and removals show only when whole reads are compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from singer_sdk import typing as th

from tap_customerio.memory import Scan
from tap_customerio.streams.base import CustomerIOStream, prop
from tap_customerio.values import Record, iso

TOMBSTONE = prop("_sdc_deleted_at", th.DateTimeType, "When it was gone; only the key is sent then.")


class ComparedStream(CustomerIOStream):
    """With `memory_file` set, sends what changed since the last run and tombstones of what vanished.

    A read from which anything was skipped makes no tombstones: what was not seen may still be there.
    """

    def read(self) -> Iterable[Record]:
        """Everything, or what is different from before."""
        return self.compared(self.everything)

    def compared(self, everything: Callable[[], Iterable[Record]]) -> Iterable[Record]:
        """The same, of everything as some route gives it."""
        return everything() if self.run.memory is None else self._compared(everything)

    def everything(self) -> Iterable[Record]:
        """All records; tombstones among them are known deletions."""
        raise NotImplementedError

    def touched(self, since: float) -> Iterable[Record] | None:
        """What may have changed since a moment (unix seconds); None where only a whole read can tell."""
        del since
        return None

    def _compared(self, everything: Callable[[], Iterable[Record]]) -> Iterator[Record]:
        assert self.run.memory is not None
        began = time.time()
        state: Record = dict(self.stream_state.get("compared") or {})
        scan = self.run.memory.scan(self.name, self.primary_keys, state)
        part = self.touched(state["read_at"]) if scan.known and self._recent(state, began) else None
        try:
            yield from self._changed(scan, everything() if part is None else part)
            if part is not None:
                self.line.whole = False
                self.line.limit("only what activities show to have been touched since the last run")
            elif self.line.skipped:
                self.line.limit("no removals are told, because not everything could be read")
            else:
                for keys in scan.vanished():
                    yield keys | {"_sdc_deleted_at": iso(began)}
            state |= scan.finish() | {"read_at": int(began)}
            if part is None:
                state["scanned_at"] = int(began)
            self.stream_state["compared"] = state
            self.state_manager.is_flushed = False
        finally:
            scan.give_up()

    def _changed(self, scan: Scan, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            if record.get("_sdc_deleted_at"):
                if scan.gone(record):
                    yield record
            elif scan.is_new(record):
                yield record
            else:
                self.line.unchanged += 1

    def _recent(self, state: Record, now: float) -> bool:
        return bool(now - state["scanned_at"] < self.config["full_scan_every_days"] * 86_400)
