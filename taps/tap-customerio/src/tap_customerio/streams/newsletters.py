"""Newsletters (the UI calls them one-time sends) and transactional templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from singer_sdk import typing as th

from tap_customerio.client import Call
from tap_customerio.streams.base import FREE_FORM, NUMBERS, TEXTS, ChildStream, ListStream, prop
from tap_customerio.streams.messages import CONTENT, ContentStream, language
from tap_customerio.values import Record


class Newsletters(ListStream):
    """Newsletters; the list keeps a cursor on its last full page."""

    name = "newsletters"
    description = "Newsletters, sent and drafted."
    primary_keys = ("id",)
    call = Call("/v1/newsletters", query={"limit": 100})
    root = "newsletters"
    fields = (
        prop("id", th.IntegerType, "Number of the newsletter.", key=True),
        prop("deduplicate_id", th.StringType, "Id and time of the last change."),
        prop("name", th.StringType, "Name."),
        prop("type", th.StringType, "Channel."),
        prop("created", th.IntegerType, "Unix seconds."),
        prop("updated", th.IntegerType, "Unix seconds."),
        prop("sent_at", th.IntegerType, "Unix seconds; null if never sent."),
        prop("content_ids", NUMBERS, "Variants."),
        prop("recipient_segment_ids", NUMBERS, "Segments it goes to."),
        prop("subscription_topic_id", th.IntegerType, "Topic it belongs to."),
        prop("tags", TEXTS, "Tags."),
        prop("expires_after", th.IntegerType, "When an in-app message ends."),
        prop("recipient_file_error", th.StringType, "What is wrong with an uploaded list of recipients."),
        prop("recipient_file_status", th.StringType, "State of an uploaded list of recipients."),
    )


class NewsletterContents(ContentStream):
    """Variants of each newsletter."""

    name = "newsletter_contents"
    description = "Content of newsletters, one record for each language and test variant."
    primary_keys = ("newsletter_id", "id", "language")
    parent = Newsletters
    path = "/v1/newsletters/{id}/contents"
    root = "contents"
    parent_key = "newsletter_id"
    fields = (
        prop("newsletter_id", th.IntegerType, "Number of the newsletter.", key=True),
        prop("id", th.IntegerType, "Number of the variant.", key=True),
        language("newsletter"),
        *CONTENT,
    )


class NewsletterTestGroups(ChildStream):
    """A/B test groups of each newsletter. The vendor does not document their form."""

    name = "newsletter_test_groups"
    description = "A/B test groups of newsletters; form undocumented, so kept whole in `details`."
    primary_keys = ("newsletter_id", "id")
    selected_by_default = False  # a request per newsletter, and most have none
    parent = Newsletters
    path = "/v1/newsletters/{id}/test_groups"
    root = "test_groups"
    parent_key = "newsletter_id"
    fields = (
        prop("newsletter_id", th.IntegerType, "Number of the newsletter.", key=True),
        prop("id", th.StringType, "Number of the group, as text.", key=True),
        prop("content_ids", NUMBERS, "Variants of the group."),
        prop("details", FREE_FORM, "Everything that the API sends."),
    )

    def record(self, parent: Mapping[str, Any], found: Record) -> Record:
        """A group, whole."""
        made = super().record(parent, found)
        return made | {"id": str(found.get("id", "")), "details": found}


class TransactionalMessages(ListStream):
    """Templates of transactional messages; the root key is `messages`, though they are no deliveries."""

    name = "transactional_messages"
    description = "Templates of transactional messages."
    primary_keys = ("id",)
    call = Call("/v1/transactional")
    root = "messages"
    fields = (
        prop("id", th.IntegerType, "Number of the template.", key=True),
        prop("name", th.StringType, "Name."),
        prop("description", th.StringType, "Description."),
        prop("trigger_name", th.StringType, "Name to trigger it by."),
        prop("send_to_unsubscribed", th.BooleanType, "Whether the unsubscribed get it too."),
        prop("link_tracking", th.BooleanType, "Whether clicks are tracked."),
        prop("open_tracking", th.BooleanType, "Whether opens are tracked."),
        prop("hide_message_body", th.BooleanType, "Whether the body of what was sent is hidden."),
        prop("queue_drafts", th.BooleanType, "Whether messages wait as drafts."),
        prop("created_at", th.IntegerType, "Unix seconds."),
        prop("updated_at", th.IntegerType, "Unix seconds."),
    )


class TransactionalContents(ContentStream):
    """Content of each template, by language."""

    name = "transactional_contents"
    description = "Content of transactional templates, one record for each language."
    primary_keys = ("transactional_message_id", "id", "language")
    parent = TransactionalMessages
    path = "/v1/transactional/{id}/contents"
    root = "contents"
    parent_key = "transactional_message_id"
    fields = (
        prop("transactional_message_id", th.IntegerType, "Number of the template.", key=True),
        prop("id", th.IntegerType, "Number of the content.", key=True),
        language("template"),
        *CONTENT,
    )
