"""Counts over time of single messages and of links: many requests, so none is selected by default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from singer_sdk import typing as th

from tap_customerio.client import JSON, Call
from tap_customerio.sizes import Sizes
from tap_customerio.streams.base import FREE_FORM, prop
from tap_customerio.streams.campaigns import Broadcasts, Campaigns
from tap_customerio.streams.metrics import MetricsStream, bounds, months, version_2
from tap_customerio.streams.newsletters import Newsletters, TransactionalMessages
from tap_customerio.values import Record

_SERIES = (
    prop("resolution", th.StringType, "Length of each step."),
    prop("series", FREE_FORM, "Counts by metric, oldest step first."),
)


def _key(name: str, what: str) -> th.Property[Any]:
    return prop(name, th.IntegerType, f"Number of the {what}.", key=True)


class PartStream(MetricsStream):
    """Counts of each message of each parent: subclasses say what a message's id is called.

    The parents' list names the messages.
    """

    selected_by_default = False
    part_key: ClassVar[str]

    def read(self) -> Iterable[Record]:
        """The series of all messages."""
        calls = (call for parent in self.parents() for call in self.asked(parent))
        for call, answer in self.client.pages_of(calls, ask=self.ask):
            if answer:
                yield from self.records(call, answer)

    def calls(self, sizes: Sizes) -> int | None:
        """Nothing tells how many messages there are."""
        del sizes
        return None

    def asked(self, parent: Record) -> Iterator[Call]:
        """A request for each message."""
        for part in self.parts(parent):
            about = {self.parent_key: parent["id"], self.part_key: part}
            yield Call(self.path, {"id": parent["id"], "part": part}, self.window(parent), about=about)

    def parts(self, parent: Record) -> list[Any]:
        """Ids of a parent's messages: variants of a newsletter, actions of all else."""
        return parent.get("content_ids") or [action["id"] for action in parent.get("actions") or ()]

    def window(self, parent: Record) -> Mapping[str, object]:
        """All months since the parent was made."""
        return months(parent)

    def records(self, call: Call, answer: JSON) -> Iterator[Record]:
        """One for each message."""
        yield self.declared({**call.about, **self.series(answer)})


class LinkStream(PartStream):
    """Clicks on each link of each parent, or of each of its messages."""

    part_key = ""

    def asked(self, parent: Record) -> Iterator[Call]:
        """A request for each parent, unless there is one for each message."""
        if self.part_key:
            yield from super().asked(parent)
        else:
            about = {self.parent_key: parent["id"]}
            yield Call(self.path, {"id": parent["id"]}, self.window(parent), about=about)

    def records(self, call: Call, answer: JSON) -> Iterator[Record]:
        """One for each link."""
        for found in answer.get("links") or ():
            link = found.get("link") or {}
            if link.get("id") is not None:
                known = {**call.about, "link_id": link["id"], "href": link.get("href")}
                yield self.declared({**known, **self.series(found)})


def _links(*keys: th.Property[Any]) -> tuple[th.Property[Any], ...]:
    href = prop("href", th.StringType, "Where the link leads, with Liquid.")
    return (*keys, _key("link_id", "link"), href, *_SERIES)


class CampaignActionMetrics(PartStream):
    """Each message of each campaign: version 2, as for the campaign as a whole."""

    name = "campaign_action_metrics"
    description = "What became of each message of campaigns, by month; one request per message."
    primary_keys = ("campaign_id", "action_id")
    parent = Campaigns
    path = "/v1/campaigns/{id}/actions/{part}/metrics"
    parent_key = "campaign_id"
    part_key = "action_id"
    fields = (
        _key("campaign_id", "campaign"),
        _key("action_id", "action"),
        *_SERIES,
        prop("start", th.StringType, "Begin of the first step (ISO 8601), where the API says it."),
        prop("end", th.StringType, "End of the last step (ISO 8601), where the API says it."),
        prop("language_variants", FREE_FORM, "The same by language variant."),
    )

    def window(self, parent: Record) -> Mapping[str, object]:
        """Version 2 wants bounds."""
        return bounds(parent)

    def series(self, answer: JSON) -> Record:
        """With the variants."""
        return version_2(answer) | {"language_variants": answer.get("language_variants")}


class CampaignLinkMetrics(LinkStream):
    """Links of each campaign."""

    name = "campaign_link_metrics"
    description = "Clicks on each link of campaigns, by month; one request per campaign."
    primary_keys = ("campaign_id", "link_id")
    parent = Campaigns
    path = "/v1/campaigns/{id}/metrics/links"
    parent_key = "campaign_id"
    fields = _links(_key("campaign_id", "campaign"))


class CampaignActionLinkMetrics(LinkStream):
    """Links of each message of each campaign."""

    name = "campaign_action_link_metrics"
    description = "Clicks on each link of each message of campaigns, by month; one request per message."
    primary_keys = ("campaign_id", "action_id", "link_id")
    parent = Campaigns
    path = "/v1/campaigns/{id}/actions/{part}/metrics/links"
    parent_key = "campaign_id"
    part_key = "action_id"
    fields = _links(_key("campaign_id", "campaign"), _key("action_id", "action"))


class BroadcastActionMetrics(PartStream):
    """Each message of each broadcast."""

    name = "broadcast_action_metrics"
    description = "What became of each message of broadcasts, by month; one request per message."
    primary_keys = ("broadcast_id", "action_id")
    parent = Broadcasts
    path = "/v1/broadcasts/{id}/actions/{part}/metrics"
    parent_key = "broadcast_id"
    part_key = "action_id"
    fields = (_key("broadcast_id", "broadcast"), _key("action_id", "action"), *_SERIES)


class BroadcastLinkMetrics(LinkStream):
    """Links of each broadcast."""

    name = "broadcast_link_metrics"
    description = "Clicks on each link of broadcasts, by month; one request per broadcast."
    primary_keys = ("broadcast_id", "link_id")
    parent = Broadcasts
    path = "/v1/broadcasts/{id}/metrics/links"
    parent_key = "broadcast_id"
    fields = _links(_key("broadcast_id", "broadcast"))


class BroadcastActionLinkMetrics(LinkStream):
    """Links of each message of each broadcast."""

    name = "broadcast_action_link_metrics"
    description = "Clicks on each link of each message of broadcasts, by month; one request per message."
    primary_keys = ("broadcast_id", "action_id", "link_id")
    parent = Broadcasts
    path = "/v1/broadcasts/{id}/actions/{part}/metrics/links"
    parent_key = "broadcast_id"
    part_key = "action_id"
    fields = _links(_key("broadcast_id", "broadcast"), _key("action_id", "action"))


class NewsletterLinkMetrics(LinkStream):
    """Links of each newsletter."""

    name = "newsletter_link_metrics"
    description = "Clicks on each link of newsletters, by month; one request per newsletter."
    primary_keys = ("newsletter_id", "link_id")
    parent = Newsletters
    path = "/v1/newsletters/{id}/metrics/links"
    parent_key = "newsletter_id"
    fields = _links(_key("newsletter_id", "newsletter"))


class NewsletterContentMetrics(PartStream):
    """Each variant of each newsletter."""

    name = "newsletter_content_metrics"
    description = "What became of each variant of newsletters, by month; one request per variant."
    primary_keys = ("newsletter_id", "content_id")
    parent = Newsletters
    path = "/v1/newsletters/{id}/contents/{part}/metrics"
    parent_key = "newsletter_id"
    part_key = "content_id"
    fields = (_key("newsletter_id", "newsletter"), _key("content_id", "variant"), *_SERIES)


class NewsletterContentLinkMetrics(LinkStream):
    """Links of each variant of each newsletter."""

    name = "newsletter_content_link_metrics"
    description = "Clicks on each link of each variant of newsletters, by month; one request per variant."
    primary_keys = ("newsletter_id", "content_id", "link_id")
    parent = Newsletters
    path = "/v1/newsletters/{id}/contents/{part}/metrics/links"
    parent_key = "newsletter_id"
    part_key = "content_id"
    fields = _links(_key("newsletter_id", "newsletter"), _key("content_id", "variant"))


class TransactionalLinkMetrics(LinkStream):
    """Links of each transactional template."""

    name = "transactional_link_metrics"
    description = "Clicks on each link of transactional messages, by month; one request per template."
    primary_keys = ("transactional_message_id", "link_id")
    parent = TransactionalMessages
    path = "/v1/transactional/{id}/metrics/links"
    parent_key = "transactional_message_id"
    fields = _links(_key("transactional_message_id", "template"))
