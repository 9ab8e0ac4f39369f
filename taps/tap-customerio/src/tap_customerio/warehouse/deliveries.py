"""Deliveries of the files, joined with their metrics, what was sent, and to whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tap_customerio.values import Record
from tap_customerio.warehouse import MOMENT, NUMBER, TEXT
from tap_customerio.warehouse.identities import Identities
from tap_customerio.warehouse.reader import Part, Table, rows
from tap_customerio.warehouse.spill import newest

KEY = "delivery_id"
DELIVERIES = Table(
    "deliveries",
    KEY,
    {
        KEY: TEXT,
        "delivery_type": TEXT,
        "created_at": MOMENT,
        "internal_customer_id": TEXT,
        "campaign_id": NUMBER,
        "action_id": NUMBER,
        "newsletter_id": NUMBER,
        "content_id": NUMBER,
        "trigger_id": TEXT,
        "transactional_message_id": NUMBER,
        "event_id": TEXT,
    },
)
METRICS = Table("metrics", KEY, {KEY: TEXT, "metric": TEXT, "reason": TEXT, "created_at": MOMENT})
CONTENT = Table("delivery_content", KEY, {KEY: TEXT, "recipient": TEXT, "subject": TEXT})
TABLES = (DELIVERIES, METRICS, CONTENT)
_FAILURES = {"failed", "bounced", "dropped", "undeliverable"}


def deliveries(part: Part, who: Identities) -> Iterator[Record]:
    """The deliveries of a part of which anything is fresh."""
    if part["deliveries"] is None:
        return
    metrics, reasons, touched = _metrics(part["metrics"])
    contents = _contents(part["delivery_content"], touched)
    table = newest(part["deliveries"], KEY)
    people = who.find(filter(None, table.column("internal_customer_id").unique().to_pylist()))
    for row in rows(table):
        id, kind, created, who_to, campaign, action, letter, content, trigger, template, event, new = row
        if not new and id not in touched:
            continue
        cio_id, person_id, email = people.get(who_to, (who_to or None, None, None))
        recipient, subject = contents.get(id, (None, None))
        yield {
            "id": id,
            "deduplicate_id": None,
            "type": kind,
            "created": created,
            "cio_id": cio_id,
            "person_id": person_id,
            "email": email,
            "recipient": recipient,
            "subject": subject,
            # A run of an API-triggered broadcast has a trigger; its broadcast stands where campaigns do.
            "campaign_id": None if trigger else campaign,
            "action_id": action,
            "parent_action_id": None,
            "newsletter_id": letter,
            "content_id": content,
            "broadcast_id": campaign if trigger else None,
            "transactional_message_id": template,
            "trigger_event_id": event or None,
            "msg_template_id": None,
            "metrics": {"created": created} | metrics.get(id, {}),
            "failure_message": reasons.get(id),
            "forgotten": None,
        }


def _metrics(table: Any) -> tuple[defaultdict[str, dict[str, int]], dict[str, str], set[str]]:
    """When each metric first came, why a delivery failed, and which have fresh rows."""
    moments: defaultdict[str, dict[str, int]] = defaultdict(dict)
    reasons: dict[str, str] = {}
    touched: set[str] = set()
    if table is None:
        return moments, reasons, touched
    for id, metric, reason, moment, fresh in rows(table):
        known = moments[id]
        if moment is not None and moment < known.get(metric, moment + 1):
            known[metric] = moment
        if reason and metric in _FAILURES:
            reasons[id] = reason
        if fresh:
            touched.add(id)
    return moments, reasons, touched


def _contents(table: Any, touched: set[str]) -> dict[str, tuple[str | None, str | None]]:
    if table is None:
        return {}
    found = {}
    for id, recipient, subject, fresh in rows(newest(table, KEY)):
        found[id] = (recipient or None, subject or None)
        if fresh:
            touched.add(id)
    return found
