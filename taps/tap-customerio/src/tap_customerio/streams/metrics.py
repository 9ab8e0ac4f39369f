"""Counts over time of campaigns, journeys, newsletters, broadcasts and transactional templates."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from singer_sdk import typing as th

from tap_customerio.client import JSON, Call
from tap_customerio.streams.base import FREE_FORM, ChildStream, prop
from tap_customerio.streams.campaigns import Broadcasts, Campaigns
from tap_customerio.streams.newsletters import Newsletters, TransactionalMessages
from tap_customerio.values import Record

_MONTH = 30 * 86_400
_MOST_MONTHS = 121  # longer periods are cut


def _now() -> int:
    """The last full hour, so that two runs in a row ask for the same."""
    return int(time.time()) // 3600 * 3600


def _born(parent: Record) -> int:
    return int(parent.get("created") or parent.get("created_at") or 0)


def months(parent: Record) -> dict[str, object]:
    """The query for all months since a parent was made, version 1."""
    steps = min((_now() - _born(parent)) // _MONTH + 2, _MOST_MONTHS)
    return {"period": "months", "steps": steps}


def bounds(parent: Record) -> dict[str, object]:
    """The query for all months since a parent was made, version 2."""
    return {"version": 2, "start": _born(parent), "end": _now(), "res": "months"}


def _version_1(answer: JSON) -> Record:
    return {"resolution": "months", "series": (answer.get("metric") or {}).get("series") or {}}


def version_2(answer: JSON) -> Record:
    """The counts in an answer of version 2, or of version 1 where the API falls back to it."""
    if "series" not in answer:
        return _version_1(answer)
    window = {name: answer.get(name) for name in ("start", "end")}
    return {"resolution": answer.get("res"), "series": answer["series"] or {}, **window}


class MetricsStream(ChildStream):
    """Counts per month of each parent, one request each; the API refuses to answer without a window."""

    root = "metric"

    def read(self) -> Iterable[Record]:
        """The series of all parents."""
        for call, answer in self.client.pages_of(map(self.call, self.parents()), ask=self.ask):
            if answer:
                yield self.declared({self.parent_key: call.about["id"], **self.series(answer)})

    def call(self, parent: Record) -> Call:
        """All months since the parent was made."""
        return Call(self.path, {"id": parent["id"]}, months(parent), about=parent)

    def series(self, answer: JSON) -> Record:
        """The counts in an answer."""
        return _version_1(answer)


def _fields(parent_key: str, what: str) -> tuple[th.Property[Any], ...]:
    return (
        prop(parent_key, th.IntegerType, f"Number of the {what}.", key=True),
        prop("resolution", th.StringType, "Length of each step."),
        prop("start", th.StringType, "Begin of the first step (ISO 8601), where the API says it."),
        prop("end", th.StringType, "End of the last step (ISO 8601), where the API says it."),
        prop("series", FREE_FORM, "Counts by metric, oldest step first."),
    )


class CampaignMetrics(MetricsStream):
    """Messages of each campaign: version 2 of the metrics, which names its window."""

    name = "campaign_metrics"
    description = "What became of the messages of campaigns, by month."
    primary_keys = ("campaign_id",)
    parent = Campaigns
    path = "/v1/campaigns/{id}/metrics"
    parent_key = "campaign_id"
    fields = _fields("campaign_id", "campaign")

    def call(self, parent: Record) -> Call:
        """Version 2 wants bounds."""
        return Call(self.path, {"id": parent["id"]}, bounds(parent), about=parent)

    def series(self, answer: JSON) -> Record:
        """Version 2, or version 1 where the API falls back to it."""
        return version_2(answer)


class JourneyMetrics(MetricsStream):
    """People on the way through each campaign."""

    name = "journey_metrics"
    description = "How many people started, finished, left or converted in campaigns, by month."
    primary_keys = ("campaign_id",)
    parent = Campaigns
    path = "/v1/campaigns/{id}/journey_metrics"
    parent_key = "campaign_id"
    fields = _fields("campaign_id", "campaign")

    def call(self, parent: Record) -> Call:
        """Bounds and resolution are required."""
        query = {"start": _born(parent), "end": _now(), "resolution": "months"}
        return Call(self.path, {"id": parent["id"]}, query, about=parent)

    def series(self, answer: JSON) -> Record:
        """The funnel."""
        return {"resolution": "months", "series": answer.get("journey_metric") or {}}


class NewsletterMetrics(MetricsStream):
    """Messages of each newsletter."""

    name = "newsletter_metrics"
    description = "What became of the messages of newsletters, by month."
    primary_keys = ("newsletter_id",)
    parent = Newsletters
    path = "/v1/newsletters/{id}/metrics"
    parent_key = "newsletter_id"
    fields = _fields("newsletter_id", "newsletter")


class BroadcastMetrics(MetricsStream):
    """Messages of each broadcast."""

    name = "broadcast_metrics"
    description = "What became of the messages of API-triggered broadcasts, by month."
    primary_keys = ("broadcast_id",)
    parent = Broadcasts
    path = "/v1/broadcasts/{id}/metrics"
    parent_key = "broadcast_id"
    fields = _fields("broadcast_id", "broadcast")


class TransactionalMetrics(MetricsStream):
    """Messages of each transactional template."""

    name = "transactional_metrics"
    description = "What became of transactional messages, by month."
    primary_keys = ("transactional_message_id",)
    parent = TransactionalMessages
    path = "/v1/transactional/{id}/metrics"
    parent_key = "transactional_message_id"
    fields = _fields("transactional_message_id", "template")
