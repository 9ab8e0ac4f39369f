"""Bodies of messages as they were sent: a sample, because the API gives out 100 a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from singer_sdk import typing as th

from tap_customerio import redact
from tap_customerio.client import Call
from tap_customerio.streams.base import PERSONAL, CustomerIOStream, any_of, prop
from tap_customerio.streams.identity import identity
from tap_customerio.values import Record

_PER_DAY = 100
_SEARCHED = 5000  # newest deliveries among which the sample is chosen
_MADE_FROM = (
    "campaign_id",
    "action_id",
    "newsletter_id",
    "content_id",
    "broadcast_id",
    "transactional_message_id",
)


class ArchivedMessages(CustomerIOStream):
    """One body for each message template, of its newest delivery; needs `archived_messages_sample`.

    How many were asked for today is kept in the state, so that two runs a day share the day's budget.
    """

    name = "archived_messages"
    description = f"Bodies of a sample of messages, as sent. {PERSONAL}"
    primary_keys = ("id",)
    selected_by_default = False
    fields = (
        prop("id", th.StringType, "Id of the delivery.", key=True),
        prop("cio_id", th.StringType, "Customer.io's id of the person; null if suppressed since."),
        prop("campaign_id", th.IntegerType, "Campaign that sent it."),
        prop("action_id", th.IntegerType, "Action of the campaign or broadcast."),
        prop("newsletter_id", th.IntegerType, "Newsletter that sent it."),
        prop("content_id", th.IntegerType, "Variant of the newsletter."),
        prop("broadcast_id", th.IntegerType, "API-triggered broadcast that sent it."),
        prop("transactional_message_id", th.IntegerType, "Transactional template that it was made from."),
        prop("forgotten", th.BooleanType, "True if the content was not kept, so that there is no body."),
        prop("subject", th.StringType, "Subject as sent. May hold personal data."),
        prop("preheader_text", th.StringType, "Preheader as sent. May hold personal data."),
        prop("body", th.StringType, "Body as sent. May hold personal data."),
        prop("from", th.StringType, "Sender."),
        prop("reply_to", th.StringType, "Reply address."),
        prop("recipient", th.StringType, "Where it went to. Personal data."),
        prop("bcc", th.StringType, "Bcc."),
        prop("fake_bcc", th.BooleanType, "Whether bcc copies are messages of their own."),
        prop("url", th.StringType, "Address that a webhook called; credentials left out."),
        prop("request_method", th.StringType, "HTTP method of a webhook."),
        prop("headers", any_of("array", "object", "string"), "Headers; values that may be secrets left out."),
    )

    def read(self) -> Iterable[Record]:
        """The sample; a delivery whose content was not kept is flagged and costs nothing."""
        wanted = min(self.config["archived_messages_sample"], _PER_DAY)
        if not wanted:
            self.line.limit("switched off: archived_messages_sample is 0")
            return
        self.line.limit(f"a sample: the API gives out {_PER_DAY} bodies a day")
        for delivery in islice(self._sample(), wanted):
            known = {name: delivery.get(name) for name in ("id", "forgotten", "subject", *_MADE_FROM)}
            known["cio_id"] = identity(delivery.get("customer_identifiers"))["cio_id"]
            if delivery.get("forgotten"):
                yield self.declared(known)
            elif not self._take():
                self.line.skip(f"all {_PER_DAY} of today were asked for")
            elif (body := self._body(delivery["id"])) is not None:
                yield self.declared(known | body)

    def _sample(self) -> Iterator[Record]:
        """The newest delivery of each template."""
        seen: set[tuple[object, ...]] = set()
        newest = self.client.records(Call("/v1/messages", query={"limit": 1000}), "messages")
        for delivery in islice(newest, _SEARCHED):
            made_from = tuple(delivery.get(name) for name in _MADE_FROM)
            if made_from not in seen:
                seen.add(made_from)
                yield delivery

    def _body(self, id: str) -> Record | None:
        answer = self.ask(Call("/v1/messages/{id}/archived_message", {"id": id}, daily=True))
        if answer is None:
            return None
        found: Record = answer.get("archived_message") or {}
        found["url"] = redact.address(found.get("url"))
        return found | {"headers": redact.headers(found.get("headers"))}

    def _take(self) -> bool:
        """Use up one of the day's requests, if there is one left."""
        today = datetime.now(UTC).date().isoformat()
        state = self.stream_state
        used = state.get("used", 0) if state.get("day") == today else 0
        if used >= _PER_DAY:
            return False
        state.update(day=today, used=used + 1)
        return True
