"""One call to the CRM at a time, beside the preparation of the next."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(slots=True)
class _Started(Generic[R]):
    future: Future[R]
    then: Callable[[R], None]


class Ahead(Generic[R]):
    """Runs calls in a thread of its own; what follows from an answer is done by who waits for it.

    The ledger is thus touched by one thread alone, and the CRM has one call of ours at a time.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="crmlift-write")
        self._started: _Started[R] | None = None

    @property
    def busy(self) -> bool:
        """Whether a call was started and nobody has waited for it."""
        return self._started is not None

    def start(self, call: Callable[[], R], then: Callable[[R], None]) -> None:
        """Start a call; the one before must have been waited for."""
        assert not self.busy
        self._started = _Started(self._thread.submit(call), then)

    def wait(self) -> None:
        """Wait for the call that is under way, if any, and do what follows. Raises what it raised."""
        started = self._started
        if started is None:
            return
        # Whoever interrupts the waiting finds the call under way still.
        started.future.exception()
        self._started = None
        started.then(started.future.result())
