"""Reporting webhooks: what happened to deliveries, sent to a receiver in the vendor's form."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b32encode
from collections.abc import Iterable, Iterator

import msgspec
import requests

from tap_customerio.sandbox.history import History
from tap_customerio.sandbox.store import JSON

_CHANNELS = {"twilio": "sms"}
_FAILED = {"attempted", "bounced", "dropped", "failed", "undeliverable"}
_OF_ALL = {"drafted", "attempted", "sent", "clicked", "failed", "undeliverable"}
_REPORTED = {
    "email": {"delivered", "opened", "converted", "unsubscribed", "bounced", "dropped", "spammed"} | _OF_ALL,
    "push": {"delivered", "opened", "converted", "bounced", "dropped"} | _OF_ALL,
    "whatsapp": {"delivered", "opened", "converted", "bounced", "dropped"} | _OF_ALL,
    "sms": {"delivered", "converted", "bounced"} | _OF_ALL,
    "in_app": {"opened", "converted"} | _OF_ALL,
}
_PARENTS = {
    "campaign_id": ("campaign_id", "action_id", "parent_action_id", "trigger_event_id"),
    "broadcast_id": ("broadcast_id", "action_id", "parent_action_id"),
    "newsletter_id": ("newsletter_id", "content_id"),
    "transactional_message_id": ("transactional_message_id",),
}


def events(history: History, since: int = 0) -> list[JSON]:
    """Everything that happened to deliveries since a moment (unix seconds), oldest first."""
    found = [event for delivery in history.all_messages() for event in _of(delivery)]
    return sorted((event for event in found if event["timestamp"] >= since), key=lambda one: one["timestamp"])


def send(url: str, key: str, found: Iterable[JSON]) -> JSON:
    """Send events, signed; how many were accepted and refused."""
    counts = {"accepted": 0, "refused": 0}
    with requests.Session() as session:
        for event in found:
            body, stamp = msgspec.json.encode(event), str(int(time.time()))
            signature = hmac.new(key.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
            headers = {"X-CIO-Timestamp": stamp, "X-CIO-Signature": signature}
            headers["Content-Type"] = "application/json"
            answer = session.post(url, data=body, headers=headers, timeout=4)  # the vendor's own patience
            counts["accepted" if answer.ok else "refused"] += 1
    return counts


def _of(delivery: JSON) -> Iterator[JSON]:
    channel = _CHANNELS.get(str(delivery["type"]), str(delivery["type"]))
    for metric, moment in delivery["metrics"].items():
        if metric in _REPORTED.get(channel, _OF_ALL):
            yield {
                "metric": metric,
                "event_id": _event_id(delivery["id"], metric),
                "object_type": channel,
                "timestamp": moment,
                "data": _data(delivery, channel, metric),
            }


def _data(delivery: JSON, channel: str, metric: str) -> JSON:
    parent = next((names for name, names in _PARENTS.items() if delivery.get(name)), ())
    data: JSON = {
        "customer_id": delivery["customer_id"] or "",
        "identifiers": delivery["customer_identifiers"] or {"id": None},
        "delivery_id": delivery["id"],
        **{name: delivery[name] for name in parent if name in delivery},
    }
    if delivery.get("broadcast_id"):
        data["trigger_id"] = 1
    reason = delivery.get("failure_message") or "no reason was given"
    failed = {"failure_message": reason} if metric in _FAILED else {}
    if channel == "push":
        device = {"device_id": delivery.get("recipient") or "token", "device_platform": "ios"}
        data["recipients"] = [device | failed]
    else:
        data["recipient"] = delivery.get("recipient") or ""
    if channel == "email":
        data["subject"] = delivery.get("subject") or ""
    if metric == "clicked":
        data |= {"href": "https://www.example.com/pricing", "link_id": 1}
    return data | failed


def _event_id(delivery: str, metric: str) -> str:
    """As long as a ULID, and the same each time."""
    return b32encode(hashlib.sha256(f"{delivery}:{metric}".encode()).digest()).decode()[:26]
