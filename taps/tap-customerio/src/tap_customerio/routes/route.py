"""What a route is, and the one that every stream of the App API has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from tap_customerio.readable import Readable
from tap_customerio.run import Run
from tap_customerio.sizes import Sizes
from tap_customerio.values import Record

S = TypeVar("S", bound=Readable)


@dataclass(frozen=True)
class Cost:
    """Requests to Customer.io, and seconds that reading takes beside them. Both are expectations."""

    calls: int = 0
    seconds: float = 0

    def time(self, requests_per_second: float) -> float:
        """Seconds in all, at a pace of requests."""
        return self.seconds + self.calls / requests_per_second


class Route(Generic[S]):
    """One way to read a stream of the kind `S`; has no state of its own, so that streams can share it."""

    name: ClassVar[str]
    lacks: str = ""  # what it cannot give of the stream, for the completeness report

    def missing(self, run: Run) -> str:
        """What must be set or installed before it can be used; empty if nothing."""
        del run
        return ""

    def cost(self, stream: S, sizes: Sizes) -> Cost | None:
        """What it costs to read the whole stream: as many calls as the stream expects.

        None where nothing tells.
        """
        calls = stream.calls(sizes)
        return None if calls is None else Cost(calls)

    def read(self, stream: S) -> Iterable[Record]:
        """The stream's records: as the stream itself reads them. Raises Refused."""
        return stream.read()


@dataclass(frozen=True)
class Choice:
    """The route of a stream, or None if it has none that could be used; why; and what it costs."""

    route: Route[Any] | None  # of the stream's own kind
    why: str
    cost: Cost | None = None


class AppApi(Route[Readable]):
    """The App API."""

    name = "api"


API = AppApi()
