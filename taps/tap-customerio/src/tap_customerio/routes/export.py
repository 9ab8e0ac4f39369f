"""The route through exports: opt-in, because each leaves a row in the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tap_customerio.routes.route import Cost, Route

if TYPE_CHECKING:
    from tap_customerio.streams.base import CustomerIOStream
    from tap_customerio.streams.deliveries import Deliveries
    from tap_customerio.streams.people import People
    from tap_customerio.streams.sizes import Sizes
    from tap_customerio.tap import TapCustomerIO

Record = dict[str, Any]
# Nothing tells how long an export takes; small ones were ready within seconds.
_CALLS, _SECONDS, _ROWS_PER_SECOND = 8, 10, 5000


class Export(Route):
    """One or more CSV files."""

    name = "export"

    def missing(self, tap: TapCustomerIO) -> str:
        """The switch."""
        return "" if tap.config["exports"] else "exports is not switched on"


class PeopleExport(Export):
    """One export of everybody."""

    lacks = "the export leaves out devices and times of attributes, and gives every attribute as text"

    def cost(self, stream: CustomerIOStream, sizes: Sizes) -> Cost | None:
        """One export."""
        del stream
        people = sizes.count("people")
        return None if people is None else Cost(_CALLS, _SECONDS + people / _ROWS_PER_SECOND)

    def read(self, stream: People) -> Iterator[Record]:
        """Everybody, then whom activities know to be deleted."""
        from tap_customerio.streams.exported import everybody

        return iter(stream.compared(lambda: stream.complete(everybody(stream))))


class DeliveriesExport(Export):
    """One export for each campaign, newsletter and transactional template, and each year."""

    lacks = "exports leave out deliveries of API-triggered broadcasts, and of what is deleted"

    def cost(self, stream: Any, sizes: Sizes) -> Cost | None:
        """So many exports."""
        from tap_customerio.streams.exported import parents, years

        kinds = [sizes.length(kind) for kind in parents()]
        if None in kinds:
            return None
        exports = sum(kind or 0 for kind in kinds) * len(years(*stream.span))
        return Cost(exports * _CALLS, exports * _SECONDS)

    def read(self, stream: Deliveries) -> Iterator[Record]:
        """The deliveries of all parents; the bookmark moves at the end."""
        from tap_customerio.streams.exported import deliveries

        return deliveries(stream)


EXPORT_PEOPLE = PeopleExport()
EXPORT_DELIVERIES = DeliveriesExport()
