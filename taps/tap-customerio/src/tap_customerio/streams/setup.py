"""What is set up once in a workspace: the workspace itself, senders, topics, snippets, webhooks…"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from singer_sdk import typing as th

from tap_customerio import redact
from tap_customerio.client import Call, Client
from tap_customerio.streams.base import FREE_FORM, TEXTS, ChildStream, ListStream, prop
from tap_customerio.values import Record


class Workspaces(ListStream):
    """All workspaces of the account; the key belongs to one of them, and nothing says to which."""

    name = "workspaces"
    description = "Workspaces of the account with their sizes; the API may keep the numbers for two hours."
    primary_keys = ("id",)
    call = Call("/v1/workspaces")
    root = "workspaces"
    fields = (
        prop("id", th.IntegerType, "Number of the workspace.", key=True),
        prop("name", th.StringType, "Name."),
        prop("messages_sent", th.IntegerType, "Messages in this billing period."),
        prop("billable_messages_sent", th.IntegerType, "Billable messages in this billing period."),
        prop("people", th.IntegerType, "People."),
        prop("object_types", th.IntegerType, "Object types."),
        prop("objects", th.IntegerType, "Objects."),
    )


class SubscriptionTopics(ListStream):
    """Topics of the subscription center."""

    name = "subscription_topics"
    description = "Topics that people can subscribe to."
    primary_keys = ("id",)
    call = Call("/v1/subscription_topics")
    root = "topics"
    fields = (
        prop("id", th.IntegerType, "Number of the topic.", key=True),
        prop("identifier", th.StringType, "Name in preferences, such as `topic_1`."),
        prop("name", th.StringType, "Name."),
        prop("description", th.StringType, "Description."),
        prop("subscribed_by_default", th.BooleanType, "What holds for people who never chose."),
    )


class SubscriptionChannels(ListStream):
    """Channels of the subscription center. The vendor does not document their form."""

    name = "subscription_channels"
    description = "Channels that people can subscribe to; form undocumented, so kept whole in `details`."
    primary_keys = ("id",)
    call = Call("/v1/subscription_channels")
    root = "channels"
    fields = (
        prop("id", th.StringType, "Identifier, number or name of the channel.", key=True),
        prop("name", th.StringType, "Name."),
        prop("details", FREE_FORM, "Everything that the API sends."),
    )

    def record(self, found: Any) -> Record:
        """A channel that comes as plain text, or as an object of unknown form."""
        details = found if isinstance(found, dict) else {"name": str(found)}
        names = (details.get(key) for key in ("identifier", "id", "name"))
        id = next((name for name in names if name is not None), "")
        return {"id": str(id), "name": details.get("name"), "details": details}


class SenderIdentities(ListStream):
    """Senders, hidden ones too: with `hidden=true` the live API was seen to list only those."""

    name = "sender_identities"
    description = "Who messages come from, hidden senders too."
    primary_keys = ("id",)
    call = Call("/v1/sender_identities", query={"limit": 100})
    root = "sender_identities"
    fields = (
        prop("id", th.IntegerType, "Number of the sender.", key=True),
        prop("deduplicate_id", th.StringType, "Id and time of the last change."),
        prop("name", th.StringType, "Name."),
        prop("email", th.StringType, "Email address."),
        prop("address", th.StringType, "Name and address, as in a From header."),
        prop("template_type", th.StringType, "`email` or `phone`."),
        prop("auto_generated", th.BooleanType, "Whether Customer.io made it."),
        prop("phone", th.StringType, "Phone number."),
        prop("hidden", th.BooleanType, "Whether it is hidden."),
    )

    @classmethod
    def listed(cls, client: Client) -> Iterator[Record]:
        """Both lists, each sender once."""
        seen: set[object] = set()
        for query in ({"limit": 100}, {"limit": 100, "hidden": "true"}):
            for sender in client.records(Call(cls.call.path, query=query), cls.root):
                if sender["id"] not in seen:
                    seen.add(sender["id"])
                    yield sender


class Snippets(ListStream):
    """Pieces of content that messages share."""

    name = "snippets"
    description = "Reusable pieces of content."
    primary_keys = ("name",)
    call = Call("/v1/snippets")
    root = "snippets"
    fields = (
        prop("name", th.StringType, "Name; cannot be changed.", key=True),
        prop("value", th.StringType, "Content."),
        prop("updated_at", th.IntegerType, "Unix seconds."),
    )


class Collections(ListStream):
    """Tables of content."""

    name = "collections"
    description = "Collections: tables that messages take content from."
    primary_keys = ("id",)
    call = Call("/v1/collections")
    root = "collections"
    fields = (
        prop("id", th.IntegerType, "Number of the collection.", key=True),
        prop("name", th.StringType, "Name."),
        prop("schema", TEXTS, "Names of the columns."),
        prop("rows", th.IntegerType, "How many rows it has."),
        prop("bytes", th.IntegerType, "How large it is."),
        prop("created_at", th.IntegerType, "Unix seconds."),
        prop("updated_at", th.IntegerType, "Unix seconds; may not follow the content."),
    )


class CollectionRows(ChildStream):
    """The rows of each collection; the answer is a bare list, or any other JSON."""

    name = "collection_rows"
    description = "Rows of collections, in their order."
    primary_keys = ("collection_id", "position")
    parent = Collections
    path = "/v1/collections/{id}/content"
    root = "rows"
    parent_key = "collection_id"
    fields = (
        prop("collection_id", th.IntegerType, "Number of the collection.", key=True),
        prop("position", th.IntegerType, "Place of the row, from 0.", key=True),
        prop("row", FREE_FORM, "The row; one that is no object stands under `value`."),
    )

    def read(self) -> Iterable[Record]:
        """All rows of all collections."""
        for call, page in self.client.pages_of(map(self.call, self.parents()), ask=self.ask):
            rows = page.get("rows")
            for position, row in enumerate(rows if isinstance(rows, list) else [rows]):
                whole = row if isinstance(row, dict) else {"value": row}
                yield {"collection_id": call.about["id"], "position": position, "row": whole}

    def call(self, parent: Record) -> Call:
        """The content is no object with a key for its rows."""
        return Call(self.path, {"id": parent["id"]}, about=parent, wrap="rows")


class ReportingWebhooks(ListStream):
    """Webhooks that report on messages; what could be a credential in their address is left out."""

    name = "reporting_webhooks"
    description = "Reporting webhooks; credentials are taken out of their addresses."
    primary_keys = ("id",)
    call = Call("/v1/reporting_webhooks")
    root = "reporting_webhooks"
    fields = (
        prop("id", th.IntegerType, "Number of the webhook.", key=True),
        prop("name", th.StringType, "Name."),
        prop("endpoint", th.StringType, "Host and plain parts of the path."),
        prop("disabled", th.BooleanType, "Whether it is switched off."),
        prop("full_resolution", th.BooleanType, "Whether every open and click is reported, or the first."),
        prop("with_content", th.BooleanType, "Whether bodies are sent along."),
        prop("events", TEXTS, "What is reported."),
    )

    def record(self, found: Mapping[str, Any]) -> Record:
        """Without credentials."""
        return self.declared({**found, "endpoint": redact.address(found.get("endpoint"))})


class Exports(ListStream):
    """Exports that were made in the workspace; `null` if there are none."""

    name = "exports"
    description = "Exports that were made. Holds personal data."
    primary_keys = ("id",)
    call = Call("/v1/exports")
    root = "exports"
    fields = (
        prop("id", th.IntegerType, "Number of the export.", key=True),
        prop("deduplicate_id", th.StringType, "Id and time of the last change."),
        prop("type", th.StringType, "`customers` or `deliveries`."),
        prop("status", th.StringType, "`pending`, `done` or `failed`."),
        prop("failed", th.BooleanType, "Whether it failed."),
        prop("description", th.StringType, "Description."),
        prop("total", th.IntegerType, "Rows."),
        prop("downloads", th.IntegerType, "How often it was downloaded."),
        prop("user_id", th.IntegerType, "Who asked for it."),
        prop("user_email", th.StringType, "Address of who asked for it. Personal data."),
        prop("created_at", th.IntegerType, "Unix seconds."),
        prop("updated_at", th.IntegerType, "Unix seconds."),
    )
