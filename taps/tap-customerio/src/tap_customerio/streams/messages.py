"""What actions, newsletters and templates have in common: a message with its content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from singer_sdk import typing as th

from tap_customerio import redact
from tap_customerio.streams.base import ChildStream, any_of, prop
from tap_customerio.values import Record

CONTENT = (
    prop("deduplicate_id", th.StringType, "Id and time of the last change."),
    prop("name", th.StringType, "Name."),
    prop("type", th.StringType, "`email`, `twilio` (SMS), `push`, `in_app`, `webhook`, `slack`, …"),
    prop("created", th.IntegerType, "Unix seconds."),
    prop("updated", th.IntegerType, "Unix seconds."),
    prop("subject", th.StringType, "Subject, with Liquid."),
    prop("preheader_text", th.StringType, "Preheader."),
    prop("body", th.StringType, "Body, with Liquid."),
    prop("body_plain", th.StringType, "Plain text body."),
    prop("body_amp", th.StringType, "AMP body."),
    prop("body_json", any_of("string", "object", "array"), "Body of a visual editor."),
    prop("layout", th.StringType, "Layout around the body."),
    prop("editor", th.StringType, "Editor it was made with."),
    prop("from", th.StringType, "Sender."),
    prop("from_id", th.IntegerType, "Number of the sender."),
    prop("reply_to", th.StringType, "Reply address."),
    prop("reply_to_id", th.IntegerType, "Number of the reply sender."),
    prop("recipient", th.StringType, "Recipient, with Liquid."),
    prop("cc", th.StringType, "Cc."),
    prop("bcc", th.StringType, "Bcc."),
    prop("fake_bcc", th.BooleanType, "Whether bcc copies are sent as messages of their own."),
    prop("preprocessor", th.StringType, "CSS preprocessor."),
    prop("headers", any_of("string", "object", "array"), "Headers; values that may be secrets left out."),
)
ACTION = (
    *CONTENT,
    prop("parent_action_id", th.IntegerType, "Action that this is a variant of."),
    prop("multi_language_branch_action_id", th.IntegerType, "What variants by language have in common."),
    prop("sending_state", th.StringType, "`automatic`, `draft` or `off`."),
    prop("url", th.StringType, "Address that a webhook calls; credentials left out."),
    prop("method", th.StringType, "HTTP method of a webhook."),
    prop("request_method", th.StringType, "HTTP method of a webhook, other form."),
    prop("image_url", th.StringType, "Picture of a push message."),
    prop("sender_identity_id", th.IntegerType, "Number of the sender, other form."),
    prop("send_to_unsubscribed", th.BooleanType, "Whether the unsubscribed get it too."),
    prop("tracked", th.BooleanType, "Whether opens and clicks are tracked."),
    prop("recipient_environment_id", th.IntegerType, "Workspace that a webhook writes to."),
)


def language(of: str) -> th.Property[Any]:
    """The language is part of the key: variants may share an id."""
    return prop("language", th.StringType, f"Language of this variant of the {of}; empty if none.", key=True)


class ContentStream(ChildStream):
    """Variants of one message, by language and test."""

    def record(self, parent: Mapping[str, Any], found: Record) -> Record:
        """A variant; without what may be a credential of a webhook."""
        made = super().record(parent, found) | {"language": found.get("language") or ""}
        made["headers"] = redact.headers(made["headers"])
        if made.get("url"):
            made["url"] = redact.address(made["url"])
        return made
