"""The route through data-warehouse files. What needs the extra is imported where it is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError

from tap_customerio.routes.route import Cost, Route

if TYPE_CHECKING:
    from tap_customerio.streams.base import CustomerIOStream
    from tap_customerio.streams.deliveries import Deliveries
    from tap_customerio.streams.files import FileStream
    from tap_customerio.streams.people import People
    from tap_customerio.streams.sizes import Sizes
    from tap_customerio.tap import TapCustomerIO

Record = dict[str, Any]
_ROWS_PER_SECOND = 20_000


class Warehouse(Route):
    """Files of a table, and what they lack beside the App API."""

    name = "warehouse"

    def __init__(self, table: str, counted_as: str = "", lacks: str = "") -> None:
        self.table = table
        self.lacks = lacks
        self._counted_as = counted_as

    def missing(self, tap: TapCustomerIO) -> str:
        """The setting, or files of the table.

        Raises ConfigValidationError where there is a path that cannot be read.
        """
        if not tap.config.get("warehouse_path"):
            return "warehouse_path is not set"
        if find_spec("pyarrow") is None or find_spec("fsspec") is None:
            raise ConfigValidationError(
                'warehouse_path needs an extra: pip install "tap-customerio[warehouse]"'
            )
        if not tap.warehouse.files.get(self.table):
            return f"warehouse_path has no files of {self.table}"
        return ""

    def cost(self, stream: CustomerIOStream, sizes: Sizes) -> Cost | None:
        """No calls, and time for so many rows as the workspace counts."""
        del stream
        return Cost(0, (sizes.count(self._counted_as) or 0) / _ROWS_PER_SECOND)


class PeopleFiles(Warehouse):
    """`people` and `attributes`."""

    def read(self, stream: People) -> Iterator[Record]:
        """Everybody of whom a file tells something new. Everybody is looked at where consent follows."""
        from tap_customerio.streams.people import AUDIENCE, consent_of
        from tap_customerio.warehouse.people import TABLES, people
        from tap_customerio.warehouse.reader import Reader

        def short(found: tuple[bool, Record]) -> Record | None:
            return None if "_sdc_deleted_at" in found[1] else consent_of(found[1])

        reader = Reader(stream, stream.tap.warehouse)
        everybody = reader.joined(TABLES, people, whole=stream.feeds_consent)
        if stream.feeds_consent:
            everybody = stream.tap.shelf.keep(AUDIENCE, everybody, short=short)
        return (record for fresh, record in everybody if fresh)


class DeliveryFiles(Warehouse):
    """`deliveries` with `metrics` and `delivery_content`, and `people` for who they went to."""

    def read(self, stream: Deliveries) -> Iterator[Record]:
        """Deliveries of which a file tells something new; the bookmark moves at the end."""
        from tap_customerio.warehouse.deliveries import TABLES, deliveries
        from tap_customerio.warehouse.identities import Identities
        from tap_customerio.warehouse.people import PEOPLE
        from tap_customerio.warehouse.reader import Reader, rows

        since, newest = stream.start, 0
        with closing(Identities()) as who:
            reader = Reader(stream, stream.tap.warehouse)
            for batch in reader.plain(PEOPLE):
                who.add(rows(batch))
            for delivery in reader.joined(TABLES, lambda part: deliveries(part, who)):
                created = delivery["created"] or 0
                if created >= since:
                    newest = max(newest, created)
                    stream.line.reaches(created)
                    yield delivery
        if newest:
            stream.advance(newest)


class SuppressedFiles(Warehouse):
    """The suppressed among `people`."""

    def read(self, stream: CustomerIOStream) -> Iterator[Record]:
        """Who is suppressed now, if a new file tells of them."""
        from tap_customerio.warehouse.people import PEOPLE, suppressed
        from tap_customerio.warehouse.reader import Reader

        return Reader(stream, stream.tap.warehouse).joined((PEOPLE,), suppressed)


class RowFiles(Warehouse):
    """A table of which each row is a record."""

    def read(self, stream: FileStream) -> Iterator[Record]:
        """The rows of new files, in the order of the files."""
        from tap_customerio.warehouse.reader import Reader, Table, rows

        kinds = {column.source: column.kind for column in stream.columns}
        key = next(column.source for column in stream.columns if column.key)
        names = [column.name for column in stream.columns]
        reader = Reader(stream, stream.tap.warehouse)
        return reader.straight(
            Table(self.table, key, kinds),
            lambda batch: (stream.made(dict(zip(names, row, strict=True))) for row in rows(batch)),
            stream.rows_at_once,
        )


WAREHOUSE_PEOPLE = PeopleFiles(
    "people", "people", "as of the latest file; the files leave out devices, and give every attribute as text"
)
WAREHOUSE_DELIVERIES = DeliveryFiles(
    "deliveries",
    "messages_sent",
    "as of the latest file; the files leave out deduplicate_id, parent_action_id, forgotten, "
    "and metrics of humans and prefetchers",
)
