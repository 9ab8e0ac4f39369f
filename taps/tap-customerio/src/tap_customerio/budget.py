"""The request budget: one pace for all streams and threads of a workspace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tap_customerio.errors import Stopped

# Requests leave evenly, at 97 % of the allowed rate. Eleven of them then span 31 ms more than the
# second in which ten are allowed: network jitter up to that cannot bunch an eleventh into it.
HEADROOM = 0.97
# A request that left late lets the next ones catch up by this many seconds, which is less than the
# 31 ms above, so that the pace is kept on a busy machine and the limit still holds.
CATCH_UP = 0.01


class Budget:
    """Hands out the moments at which a request may leave.

    `rate` is in requests per second. `pause` holds everybody back, which is what a 429 asks for: the
    App API keeps one bucket for a whole workspace, so one refusal concerns every thread.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        if rate <= 0:
            raise ValueError("a request budget must be above zero")
        self._interval = 1 / (rate * HEADROOM)
        self._clock = clock
        self._closed = threading.Event()
        self._sleep = sleep or self._closed.wait
        self._turn = threading.Lock()
        self._state = threading.Lock()
        self._next = clock()

    def acquire(self) -> None:
        """Wait until one more request may leave. Raises Stopped."""
        with self._turn:  # threads queue here; a pause that begins meanwhile is seen by the first of them
            while (wait := self._take()) > 0:
                self.rest(wait)

    def rest(self, seconds: float) -> None:
        """Wait, without using the budget. Raises Stopped."""
        self._sleep(seconds)
        self._check()

    def close(self) -> None:
        """Wake up all who wait, and let nobody leave any more."""
        self._closed.set()

    def pause(self, seconds: float) -> None:
        """Let nobody leave for the given seconds."""
        with self._state:
            self._next = max(self._next, self._clock() + seconds)

    def _check(self) -> None:
        if self._closed.is_set():
            raise Stopped("the tap is stopping")

    def _take(self) -> float:
        """Take the next moment if it has come (0), or say how many seconds are left until then."""
        self._check()
        with self._state:
            now = self._clock()
            if now < self._next:
                return self._next - now
            self._next = max(self._next, now - CATCH_UP) + self._interval
            return 0
