"""What a route is, and the one that every stream of the App API has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from tap_customerio.streams.base import CustomerIOStream
    from tap_customerio.streams.sizes import Sizes
    from tap_customerio.tap import TapCustomerIO


@dataclass(frozen=True)
class Cost:
    """Requests to Customer.io, and seconds that reading takes beside them. Both are expectations."""

    calls: int = 0
    seconds: float = 0

    def time(self, requests_per_second: float) -> float:
        """Seconds in all, at a pace of requests."""
        return self.seconds + self.calls / requests_per_second


class Route:
    """One way to read a stream; has no state of its own, so that streams can share it."""

    name: ClassVar[str]
    lacks: str = ""  # what it cannot give of the stream, for the completeness report

    def missing(self, tap: TapCustomerIO) -> str:
        """What must be set or installed before it can be used; empty if nothing."""
        del tap
        return ""

    def cost(self, stream: CustomerIOStream, sizes: Sizes) -> Cost | None:
        """What it costs to read the whole stream; None where nothing tells."""
        del stream, sizes
        return None

    def read(self, stream: Any) -> Iterable[dict[str, Any]]:
        """The stream's records. Raises Refused."""
        return stream.read()  # type: ignore[no-any-return]


class AppApi(Route):
    """The App API: what a stream's own `read` does, at the price that its `calls` says."""

    name = "api"

    def cost(self, stream: CustomerIOStream, sizes: Sizes) -> Cost | None:
        """As many calls as the stream expects."""
        calls = stream.calls(sizes)
        return None if calls is None else Cost(calls)


API = AppApi()
