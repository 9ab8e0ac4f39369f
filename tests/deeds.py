"""Segments of what people did, added to a Customer.io sandbox that holds the bundled workspace.

The sandbox cannot evaluate such rules: who is in them is worked out here, by plain code of its own over the
activities that the App API hands out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import requests

from crmlift.sandbox.server import Server

DAY = 86_400
Record = dict[str, Any]


def _did(name: str, *filters: Record, times: int = 1, days: int = 30, **more: Any) -> Record:
    event = {"name": name, "type": "event", "filters": {"and": list(filters)} if filters else {}}
    return {"event": event, "times": times, "within": days * DAY, **more}


def _amount(event: Record) -> float:
    return float(event["data"].get("amount", "nan"))


@dataclass(frozen=True)
class Deeds:
    """A segment: its rule as the user interface has it; `holds` says the same of somebody's events.

    Those are of the last 30 days, each with its `age` in days.
    """

    id: int
    name: str
    rule: Record
    holds: Callable[[list[Record]], bool]


SEGMENTS = (
    Deeds(
        21,
        "Viewed twice in three weeks",
        _did("product_viewed", times=2, days=21),
        lambda events: sum(one["name"] == "product_viewed" and one["age"] < 21 for one in events) >= 2,
    ),
    Deeds(
        22,
        "Ordered for more than 50, in the shop",
        _did(
            "order_placed",
            {"field": "amount", "operator": "gt", "value": "50"},
            {"field": "source", "operator": "eq", "value": "import", "inverse": True},
        ),
        lambda events: any(
            one["name"] == "order_placed" and _amount(one) > 50 and one["data"].get("source") != "import"
            for one in events
        ),
    ),
    Deeds(
        23,
        "Saw what is in stock, and never paid",
        {
            "and": [
                _did("product_viewed", {"field": "product.in_stock", "operator": "eq", "value": "true"}),
                _did("invoice_paid", inverse=True),
            ]
        },
        lambda events: (
            any(
                one["name"] == "product_viewed" and one["data"]["product"]["in_stock"] is True
                for one in events
            )
            and not any(one["name"] == "invoice_paid" for one in events)
        ),
    ),
)


def add(server: Server) -> None:
    """Add the segments with their people."""
    now = requests.get(f"{server.url}/_sandbox/config", timeout=60).json()["now"]
    events: dict[str, list[Record]] = defaultdict(list)
    for one in _activities(server):
        age = (now - one["timestamp"]) / DAY
        if one["type"] == "event" and age < 30:
            events[one["customer_identifiers"]["cio_id"]].append({"age": age, **one})
    for segment in SEGMENTS:
        members = [who for who, done in events.items() if segment.holds(done)]
        assert members, f"nobody is in “{segment.name}”"
        _add(server, segment, members, now)


def _add(server: Server, segment: Deeds, members: list[str], now: int) -> None:
    shared = {"id": segment.id, "name": segment.name, "description": "", "updated_at": now}
    listed = {**shared, "state": "finished", "progress": None, "tags": None, "created_at": now}
    server.post("/_sandbox/config", {"segments": [{**listed, "type": "manual"}]})
    done = requests.post(
        f"{server.url}/api/v1/segments/{segment.id}/add_customers?id_type=cio_id",
        json={"ids": members},
        auth=("sandbox-site", "sandbox-track-key"),
        timeout=60,
    )
    assert done.ok, done.text
    ruled = {**shared, "type": "dynamic", "state": "complete", "conditions": segment.rule}
    server.post(
        "/_sandbox/config",
        {"segments": [{**listed, "type": "dynamic"}], "ui_api": {"segments": [ruled]}},
    )


def _activities(server: Server) -> Iterator[Record]:
    start = ""
    while True:
        page = requests.get(
            f"{server.url}/v1/activities",
            params={"limit": 100, "start": start},
            headers={"Authorization": "Bearer sandbox-app-key"},
            timeout=60,
        ).json()
        yield from page["activities"]
        if not (start := page.get("next") or ""):
            return
