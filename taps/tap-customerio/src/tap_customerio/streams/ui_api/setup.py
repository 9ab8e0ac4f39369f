"""Templates, layouts, tags, imports, domains, suppressions and who changed what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from singer_sdk import typing as th

from tap_customerio.streams.base import PERSONAL, any_of, prop
from tap_customerio.streams.ui_api.base import RAW, UiListStream, UiStream
from tap_customerio.values import Record

_KINDS = ("bounced", "manual", "unsubscribed", "complained")
_NAMES_OF_ADDRESSES = ("email", "address", "email_address", "recipient", "identifier", "customer_id", "id")


class Templates(UiListStream):
    """Contents of messages: what the actions of journeys name by `template_id`."""

    name = "templates"
    description = "Templates with their contents, also of messages that are no longer used."
    primary_keys = ("id",)
    path = "/templates"
    root = "templates"
    paging = {"page_size": 100}
    fields = (
        prop("id", th.StringType, "Number of the template, as text.", key=True),
        prop("name", th.StringType, "Name."),
        prop("template_type", th.StringType, "Channel."),
        prop("subject", th.StringType, "Subject, with Liquid."),
        prop("preheader_text", th.StringType, "Preheader."),
        prop("body", th.StringType, "Body, with Liquid."),
        prop("body_json", any_of("string", "object", "array"), "Body of a push message, JSON in a text."),
        prop("layout_id", th.StringType, "Layout around the body."),
        prop("from_identity_id", th.StringType, "Sender."),
        prop("reply_to_identity_id", th.StringType, "Sender that answers go to."),
        prop("recipient", th.StringType, "Recipient, with Liquid."),
        prop("editor", th.StringType, "Editor it was made with."),
        prop("created", th.IntegerType, "Unix seconds."),
        prop("updated", th.IntegerType, "Unix seconds."),
        RAW,
    )

    def read(self) -> Iterable[Record]:
        """Each once more by itself, where the list leaves the body out."""
        return self.api.map(self._read, self.rows())

    def _read(self, listed: Record) -> Record:
        if "body" not in listed:
            values = {"template": self.key(listed)}
            listed = listed | self.single("/templates/{template}", values, "template")
        return self.record(listed)


class Layouts(UiListStream):
    """What is put around contents."""

    name = "layouts"
    description = "Layouts around the contents of messages."
    primary_keys = ("id",)
    path = "/layouts"
    root = "layouts"
    fields = (
        prop("id", th.StringType, "Number of the layout, as text.", key=True),
        prop("name", th.StringType, "Name."),
        prop("body", th.StringType, "Layout, with Liquid."),
        prop("created", th.IntegerType, "Unix seconds."),
        prop("updated", th.IntegerType, "Unix seconds."),
        RAW,
    )


class Tags(UiListStream):
    """Tags as things of their own."""

    name = "tags"
    description = "Tags."
    primary_keys = ("id",)
    path = "/tags"
    root = "tags"
    id_names = ("id", "name")
    fields = (
        prop("id", th.StringType, "Number or name of the tag, as text.", key=True),
        prop("name", th.StringType, "Name."),
        RAW,
    )


class SendingDomains(UiListStream):
    """Domains that messages are sent from."""

    name = "sending_domains"
    description = "Sending domains with what is known of their set-up."
    primary_keys = ("id",)
    path = "/domains"
    root = "domains"
    id_names = ("id", "name", "domain")
    fields = (
        prop("id", th.StringType, "Number or name of the domain, as text.", key=True),
        prop("name", th.StringType, "Name."),
        RAW,
    )


class Imports(UiListStream):
    """Files that were brought into the workspace."""

    name = "imports"
    description = f"Imports that were made. {PERSONAL}"
    primary_keys = ("id",)
    path = "/imports"
    root = "imports"
    fields = (
        prop("id", th.StringType, "Number of the import, as text.", key=True),
        prop("name", th.StringType, "Name."),
        prop("type", th.StringType, "What was brought in."),
        prop("state", th.StringType, "State."),
        prop("created_at", th.IntegerType, "Unix seconds."),
        RAW,
    )


class AuditLogs(UiListStream):
    """Who changed what: long in old workspaces, so not selected by default."""

    name = "audit_logs"
    description = f"Who changed what in the workspace. {PERSONAL}"
    primary_keys = ("id",)
    selected_by_default = False
    path = "/audit_logs"
    root = "audit_logs"
    paging = {}
    fields = (
        prop("id", th.StringType, "Number of the entry, as text.", key=True),
        prop("created_at", th.IntegerType, "Unix seconds."),
        RAW,
    )


class Suppressions(UiStream):
    """Addresses that Customer.io itself does not send to, of all four kinds."""

    name = "suppressions"
    description = f"Addresses that the workspace does not send to, by kind. {PERSONAL}"
    primary_keys = ("kind", "address")
    fields = (
        prop("kind", th.StringType, "`bounced`, `manual`, `unsubscribed` or `complained`.", key=True),
        prop("address", th.StringType, "Address, or else id, that is suppressed.", key=True),
        prop("reason", th.StringType, "Reason. May hold personal data."),
        prop("created", th.IntegerType, "Unix seconds."),
        RAW,
    )

    def read(self) -> Iterator[Record]:
        """All kinds; one that is refused leaves the others readable."""
        for kind in _KINDS:
            values = {"kind": kind}
            pages = self.api.pages("/suppression/{kind}", "suppressions", _address, values)
            for found in self.readable(pages):
                yield self._record(kind, found)

    def _record(self, kind: str, found: Any) -> Record:
        whole = found if isinstance(found, dict) else {"address": found}
        times = ("created", "created_at", "timestamp")
        created = next((whole[name] for name in times if whole.get(name) is not None), None)
        made = self.made(whole, kind=kind, address=_address(whole))
        return made | {"created": self._fit("created", created)}


def _address(found: Any) -> str:
    """What a row is about: the form of these rows is not known, so several names are tried."""
    if isinstance(found, dict):
        return next((str(found[name]) for name in _NAMES_OF_ADDRESSES if found.get(name)), str(found))
    return str(found)
