"""Failures that can be switched on, and what the sandbox has counted."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

_KINDS = {"status", "slow", "cut", "vanish", "missing_object"}


@dataclass
class Fault:
    """A failure for the next `count` requests whose path starts with `path`, once `after` have passed.

    `status`: answer with `status` and, if given, `Retry-After: retry_after`. `slow`: wait `ms` first.
    `cut`: send half of the body, then close the connection. `vanish`: delete the first person of a bulk
    read before answering. `missing_object`: the object is gone (404).
    """

    kind: str
    count: int = 1
    after: int = 0
    path: str = "/v1/"
    status: int = 503
    retry_after: int | None = None
    ms: int = 0

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"kind must be one of {', '.join(sorted(_KINDS))}")


class Faults:
    """The failures that are to come."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Switch a failure on."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Switch all failures off."""
        self._faults.clear()

    def take(self, kind: str, path: str = "/v1/") -> Fault | None:
        """Use one failure of a kind up, if any is due for the path."""
        for fault in self._faults:
            if fault.kind == kind and fault.count > 0 and path.startswith(fault.path):
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.count -= 1
                return fault
        return None

    def left(self) -> list[dict[str, Any]]:
        """What is still to come."""
        return [asdict(fault) for fault in self._faults if fault.count > 0]


class Stats:
    """Requests to the App API by endpoint, and the most in any one second by the server's clock."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Start again."""
        self.endpoints: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.most_per_second = 0
        self.early = 0  # requests that came although a 429 had told to wait
        self.first = self.last = self._held_until = 0.0
        self._recent: deque[float] = deque()

    def arrived(self, now: float | None = None) -> None:
        """A request came in."""
        self.last = time.monotonic() if now is None else now
        self.first = self.first or self.last
        self.early += self.last < self._held_until
        self._recent.append(self.last)
        while self._recent[0] <= self.last - 1:
            self._recent.popleft()
        self.most_per_second = max(self.most_per_second, len(self._recent))

    def refused(self, retry_after: float, now: float | None = None) -> None:
        """A 429 was answered: nobody should come for so many seconds."""
        self._held_until = (time.monotonic() if now is None else now) + retry_after

    def answered(self, endpoint: str, status: int) -> None:
        """A request was answered, with this status."""
        self.endpoints[endpoint] += 1
        self.statuses[str(status)] += 1

    def report(self) -> dict[str, Any]:
        """All counts; `seconds` is the time between the first and the last request.

        `early` counts requests that came within the `Retry-After` of a 429.
        """
        return {
            "requests": sum(self.endpoints.values()),
            "endpoints": dict(sorted(self.endpoints.items())),
            "statuses": dict(sorted(self.statuses.items())),
            "most_per_second": self.most_per_second,
            "early": self.early,
            "seconds": self.last - self.first,
        }


class Bucket:
    """A token bucket: `rate` tokens, refilled evenly within a second."""

    def __init__(self) -> None:
        self._tokens: float | None = None
        self._at = 0.0

    def take(self, rate: int, now: float | None = None) -> bool:
        """Take a token if there is one."""
        now = time.monotonic() if now is None else now
        if self._tokens is None:
            self._tokens = float(rate)
        else:
            self._tokens = min(float(rate), self._tokens + (now - self._at) * rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
