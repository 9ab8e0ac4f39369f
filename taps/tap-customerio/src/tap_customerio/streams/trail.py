"""How far a stream is through parents of which each costs a request: kept in its state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tap_customerio.streams.base import RESUMED_SECONDS, CustomerIOStream
from tap_customerio.values import Record

_TOLD_EVERY = 100  # parents; a STATE message for each would be longer than the records


class Trail:
    """The parents of a stream that are through, though several are under way at once.

    Parents come in the order of their keys. The state names the last one up to which all are through; a
    run that was interrupted goes on after it, if that is not long ago.
    """

    def __init__(self, stream: CustomerIOStream, key: Callable[[Any], str]) -> None:
        self._stream = stream
        self._key = key
        self._under_way: dict[str, bool] = {}  # in order; whether it is through
        self._count = 0

    def rest(self, parents: Iterable[Record]) -> Iterator[Record]:
        """The parents that are not through yet, noted as under way."""
        mark = self._mark()
        if mark:
            self._stream.line.whole = False
            self._stream.line.limit("goes on where an interrupted run stopped")
        for parent in parents:
            key = self._key(parent)
            if key > mark:
                self._under_way[key] = False
                yield parent

    def through(self, parent: Any) -> None:
        """All of a parent has been sent."""
        self._under_way[self._key(parent)] = True
        while self._under_way and self._under_way[first := next(iter(self._under_way))]:
            del self._under_way[first]
            self._stream.stream_state["through"] = {"key": first, "at": int(time.time())}
        self._count += 1
        if self._count % _TOLD_EVERY == 0:
            self._stream.tell_state()

    def end(self) -> None:
        """All parents are through."""
        self._stream.stream_state.pop("through", None)

    def _mark(self) -> str:
        found: Record = self._stream.stream_state.get("through") or {"key": "", "at": 0}
        return str(found["key"]) if time.time() - found["at"] < RESUMED_SECONDS else ""
