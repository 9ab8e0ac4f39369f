"""What only data-warehouse files tell: journeys step by step, bodies, every open and click, histories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from singer_sdk import typing as th

from tap_customerio import redact
from tap_customerio.routes import Warehouse
from tap_customerio.streams.base import PERSONAL, CustomerIOStream, prop
from tap_customerio.streams.compared import TOMBSTONE
from tap_customerio.values import Record
from tap_customerio.warehouse import FLAG, MOMENT, NUMBER, TEXT

_TYPES: dict[str, Any] = {
    TEXT: th.StringType,
    NUMBER: th.IntegerType,
    FLAG: th.BooleanType,
    MOMENT: th.IntegerType,
}


@dataclass(frozen=True)
class Column:
    """A column of a file and the field that it becomes: `source` where the file has another name."""

    name: str
    kind: str
    description: str
    source: str = ""
    key: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", self.source or self.name)

    @property
    def field(self) -> th.Property[Any]:
        """The field."""
        return prop(self.name, _TYPES[self.kind], self.description, key=self.key)


CIO_ID = Column("cio_id", TEXT, "Customer.io's id of the person.", "internal_customer_id")
DELIVERY = Column("delivery_id", TEXT, "Delivery.")
SEQUENCE = Column("seq_num", NUMBER, "Order in which rows were made.")


class FileStream(CustomerIOStream):
    """A table of the files, row by row: subclasses say which. Later rows of a key are right."""

    selected_by_default = False  # there may be many millions
    table: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    rows_at_once: ClassVar[int] = 16_384

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.fields = tuple(column.field for column in cls.columns)
        cls.routes = (Warehouse(cls.table),)

    def read(self) -> Iterable[Record]:
        """The rows of new files, in the order of the files."""
        from tap_customerio.warehouse.reader import Reader, Table, rows  # needs an extra

        kinds = {column.source: column.kind for column in self.columns}
        key = next(column.source for column in self.columns if column.key)
        names = [column.name for column in self.columns]
        return Reader(self, self.run.warehouse).straight(
            Table(self.table, key, kinds),
            lambda batch: (self.made(dict(zip(names, row, strict=True))) for row in rows(batch)),
            self.rows_at_once,
        )

    def made(self, record: Record) -> Record:
        """What becomes of a row."""
        return record


class SuppressedProfiles(CustomerIOStream):
    """People whom the workspace may not have again, of whom nothing but this is kept."""

    name = "suppressed_profiles"
    description = f"Who was suppressed since the files began. {PERSONAL}"
    primary_keys = ("cio_id",)
    selected_by_default = False
    routes = (Warehouse("people"),)
    fields = (
        prop("cio_id", th.StringType, "Customer.io's id of the person.", key=True),
        prop("person_id", th.StringType, "The workspace's id of the person. Personal data."),
        prop("email", th.StringType, "Email address, if the files still have it. Personal data."),
        prop("deleted", th.BooleanType, "Whether the person is deleted too."),
        prop("updated_at", th.IntegerType, "Unix seconds of the last change."),
        TOMBSTONE,
    )

    def read(self) -> Iterable[Record]:
        """Who is suppressed now, if a new file tells of them."""
        from tap_customerio.warehouse.people import PEOPLE, suppressed  # needs an extra
        from tap_customerio.warehouse.reader import Reader

        return Reader(self, self.run.warehouse).joined((PEOPLE,), suppressed)


class Subjects(FileStream):
    """A person's way through a campaign."""

    name = "subjects"
    description = f"Who entered which campaign, and when: one record for each journey. {PERSONAL}"
    primary_keys = ("subject_name",)
    table = "subjects"
    columns = (
        Column("subject_name", TEXT, "Id of the journey.", key=True),
        CIO_ID,
        Column("campaign_type", TEXT, "Type of the campaign."),
        Column("campaign_id", NUMBER, "Campaign."),
        Column("event_id", TEXT, "Event that began it."),
        Column("trigger_id", TEXT, "Run of the broadcast that began it."),
        Column("started_campaign_at", MOMENT, "Unix seconds at which the person entered."),
        Column("created_at", MOMENT, "Unix seconds."),
        SEQUENCE,
    )


class Outputs(FileStream):
    """A step of a journey."""

    name = "outputs"
    description = f"What each step of a journey did: sent, waited, branched, ended. {PERSONAL}"
    primary_keys = ("output_id",)
    table = "outputs"
    columns = (
        Column("output_id", TEXT, "Id of the step.", key=True),
        Column("subject_name", TEXT, "Journey that it belongs to."),
        Column("output_type", TEXT, "What it is: a delivery, delay, branch, split, exit…"),
        Column("action_id", NUMBER, "Action of the campaign."),
        Column("explanation", TEXT, "Why it came out so. May hold personal data."),
        DELIVERY,
        Column("draft", FLAG, "Whether the delivery is a draft."),
        Column("link_tracked", FLAG, "Whether links are tracked."),
        Column("split_test_index", NUMBER, "Path of a split."),
        Column("delay_ends_at", MOMENT, "Unix seconds at which the wait is over."),
        Column("branch_index", NUMBER, "Path of a branch."),
        Column("manual_segment_id", NUMBER, "Manual segment that the step changes."),
        Column("add_to_manual_segment", FLAG, "Whether it adds to that segment, or removes."),
        Column("created_at", MOMENT, "Unix seconds."),
        SEQUENCE,
    )


class DeliveryContents(FileStream):
    """Messages as they were sent."""

    name = "delivery_contents"
    description = f"Bodies as sent, of all deliveries that kept them. {PERSONAL}"
    primary_keys = ("delivery_id",)
    table = "delivery_content"
    rows_at_once = 256  # a body may have a hundred kilobytes
    columns = (
        Column("delivery_id", TEXT, "Delivery.", key=True),
        Column("type", TEXT, "Channel."),
        Column("campaign_id", NUMBER, "Campaign."),
        Column("action_id", NUMBER, "Action of the campaign."),
        Column("newsletter_id", NUMBER, "Newsletter."),
        Column("content_id", NUMBER, "Variant of the newsletter."),
        Column("from", TEXT, "Sender."),
        Column("reply_to", TEXT, "Reply address."),
        Column("bcc", TEXT, "Bcc. Personal data."),
        Column("recipient", TEXT, "Where it went to. Personal data."),
        Column("subject", TEXT, "Subject. May hold personal data."),
        Column("preheader", TEXT, "Preheader."),
        Column("body", TEXT, "Body. Personal data."),
        Column("body_plain", TEXT, "Plain body. Personal data."),
        Column("body_amp", TEXT, "AMP body. Personal data."),
        Column("url", TEXT, "Address that a webhook called; credentials left out."),
        Column("method", TEXT, "HTTP method of a webhook."),
        Column("headers", TEXT, "Headers; values that may be secrets left out."),
    )

    def made(self, record: Record) -> Record:
        """Without what may be credentials."""
        return record | {
            "url": redact.address(record["url"]),
            "headers": redact.headers(record["headers"]),
        }


class DeliveryMetrics(FileStream):
    """Every open and click, where `deliveries` has the first of each kind."""

    name = "delivery_metrics"
    description = f"Each thing that happened to a delivery, with links and clients. {PERSONAL}"
    primary_keys = ("event_id",)
    table = "metrics"
    columns = (
        Column("event_id", TEXT, "Id of the occurrence.", key=True),
        DELIVERY,
        Column("metric", TEXT, "`sent`, `delivered`, `opened`, `clicked`, `bounced`, …"),
        Column("reason", TEXT, "Why it failed. May hold personal data."),
        Column("link_id", NUMBER, "Link that was clicked."),
        Column("link_url", TEXT, "Its address. May hold personal data."),
        Column("created_at", MOMENT, "Unix seconds."),
        Column("proxied", FLAG, "Whether it came through a privacy proxy."),
        Column("prefetched", FLAG, "Whether a mail client fetched it beforehand."),
        Column("machine", FLAG, "Whether a machine did it."),
        Column("user_agent", TEXT, "Browser or mail client. Personal data."),
        Column("email_client", TEXT, "Mail client."),
        Column("inbox_provider", TEXT, "Provider of the mailbox."),
        SEQUENCE,
    )


class AttributeChanges(FileStream):
    """The history of attributes, where `people` has their present values."""

    name = "attribute_changes"
    description = f"Each change of an attribute since the files began. {PERSONAL}"
    primary_keys = ("cio_id", "name", "timestamp")
    table = "attributes"
    columns = (
        Column("cio_id", TEXT, "Customer.io's id of the person.", "internal_customer_id", key=True),
        Column("name", TEXT, "Name of the attribute.", "attribute_name", key=True),
        Column("timestamp", MOMENT, "Unix seconds of the change.", key=True),
        Column("value", TEXT, "Its value from then on; null if removed. Personal data.", "attribute_value"),
    )
