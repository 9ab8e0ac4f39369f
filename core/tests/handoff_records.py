"""What a tap says of a small workspace, and the documents that are made of it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import orjson

from crmlift.handoff.model import Item
from crmlift.handoff.target import HandoffTarget
from crmlift.handoff.write import read_item

Message = tuple[str, dict[str, Any]]
NOW = 1_800_000_000
EMAIL = {
    "type": "email",
    "name": "Hello",
    "subject": "Hi {{customer.first_name}}",
    "body": "{% if event.total > 3 %}{{ event.items[0].name | upcase }}{% endif %} {% unsubscribe_url %}",
    "created": NOW,
}
PEOPLE: list[Message] = [
    (
        "people",
        {
            "cio_id": f"c{n}",
            "id": f"user-{n}",
            "email": f"p{n}@example.com",
            "attributes": {"plan": "pro" if n % 2 else "free", "unsubscribed": n == 1, "score": n},
            "devices": [{"token": f"device-{n}", "platform": "ios"}] if n == 1 else [],
        },
    )
    for n in range(1, 5)
]
SEGMENTS: list[Message] = [
    ("segments", {"id": 1, "name": "Pro", "type": "dynamic", "conditions": {"attribute": {
        "field": "plan", "operator": "eq", "value": "pro"}}, "updated_at": NOW}),
    ("segments", {"id": 2, "name": "VIP | <b>", "type": "manual", "tags": ["a"]}),
    ("segments", {"id": 3, "name": "Lost", "type": "dynamic"}),
    *(("segment_memberships", {"segment_id": 1, "cio_id": f"c{n}", "person_id": f"user-{n}",
                               "email": f"p{n}@example.com"}) for n in (1, 3)),
    ("segment_memberships", {"segment_id": 2, "cio_id": "c4", "_sdc_deleted_at": "2026-01-01T00:00:00Z"}),
]  # fmt: skip
CAMPAIGN: list[Message] = [
    ("campaigns", {"id": 7, "name": "Welcome", "type": "event", "event_name": "signed_up", "state": "running",
                   "filter_segment_ids": [1], "created_by": "editor@example.com",
                   "actions": [{"id": 71, "type": "email"}]}),
    ("campaign_actions", {"campaign_id": 7, "id": 71, "language": "", **EMAIL}),
    ("campaign_metrics", {"campaign_id": 7, "series": {"sent": [1, 2, 3], "odd": ["x"]}}),
]  # fmt: skip
GRAPH: list[Message] = [
    ("journeys", {"id": "7", "name": "Welcome", "type": "transactional", "entry": {"event": "signed_up"},
                  "root_action_ids": ["70"], "edges_inferred": False, "restart_mode": "rematch",
                  "exit_conditions": [{"segment": {"id": 2}}], "goal": {"conversion": {"segment": 1}}}),
    *(("journey_actions", {"journey_id": "7", "position": n, "action_state": None, **action}) for n, action in
      enumerate([
          {"id": "70", "type": "conditional_branch_action", "name": "", "raw": {},
           "conditions": {"conditions": [
               {"type": "attribute", "field": "plan", "operator": "eq", "value": "pro"}]}},
          {"id": "71", "type": "email_action", "name": "Hello", "template_id": "5071", "raw": {}},
          {"id": "72", "type": "delay_seconds_action", "name": "", "delay": 90_000, "raw": {"delay": 90_000}},
          {"id": "73", "type": "quantum_action", "name": "", "raw": {"spin": "up"}},
          {"id": "74", "type": "create_event_action", "name": "", "event_name": "signed_up", "raw": {}},
          {"id": "75", "type": "exit_action", "name": "", "raw": {}},
      ])),
    *(("journey_edges", {"journey_id": "7", "position": n, "id": str(n), "raw": {}, **edge}) for n, edge in
      enumerate([
          {"from": "70", "to": "71", "type": "branch", "index": 0, "label": "matched",
           "condition": [{"type": "attribute", "field": "plan", "operator": "eq", "value": "pro"}]},
          {"from": "70", "to": "72", "type": "branch", "index": 1, "label": "not matched"},
          {"from": "71", "to": "73", "type": "tunnel"},
          {"from": "72", "to": "73", "type": "continue"},
          {"from": "73", "to": "74", "type": "continue"},
          {"from": "74", "to": "75", "type": "continue"},
          {"from": "73", "to": "70", "type": "continue"},
      ])),
]  # fmt: skip
REST: list[Message] = [
    ("newsletters", {"id": 3, "name": "News", "type": "email", "sent_at": NOW, "recipient_segment_ids": [1],
                     "subscription_topic_id": 1}),
    ("newsletter_contents", {"newsletter_id": 3, "id": 31, "language": "de", **EMAIL}),
    ("subscription_topics", {"id": 1, "identifier": "topic_1", "name": "Product"}),
    ("transactional_messages", {"id": 4, "name": "Receipt", "send_to_unsubscribed": True,
                                "hide_message_body": True}),
    ("transactional_contents", {"transactional_message_id": 4, "id": 41, "language": "", **EMAIL}),
    ("broadcasts", {"id": 5, "name": "Sale", "type": "triggered_broadcast", "state": "running"}),
    ("broadcast_triggers", {"broadcast_id": 5, "id": 1, "created_at": NOW}),
    ("deliveries", {"id": "d1", "cio_id": "c1", "type": "email", "created": NOW, "newsletter_id": 3,
                    "recipient": "p1@example.com", "metrics": {"sent": NOW, "bounced": NOW}}),
    ("deliveries", {"id": "d2", "cio_id": "c2", "type": "email", "created": NOW,
                    "transactional_message_id": 4, "forgotten": True, "metrics": {"sent": NOW}}),
    ("activities", {"id": "A", "type": "profile_delete", "timestamp": NOW, "cio_id": "gone",
                    "person_id": "gone@example.com"}),
    ("completeness", {"subject": "older_activities", "status": "not_available", "reason": "30 days"}),
    ("completeness", {"subject": "people", "status": "complete", "unknown": {"operator sounds_like": 2}}),
]  # fmt: skip
EVERYTHING = [*PEOPLE, *SEGMENTS, *CAMPAIGN, *GRAPH, *REST]


def document(folder: Path, *messages: Message, **config: Any) -> dict[str, Item]:
    """Write the documents of what a tap sends; return the items by key."""
    lines = []
    for stream in dict.fromkeys(stream for stream, _ in messages):
        lines.append({"type": "SCHEMA", "stream": stream, "schema": {"properties": {}}, "key_properties": []})
    lines += [{"type": "RECORD", "stream": stream, "record": record} for stream, record in messages]
    text = b"\n".join(map(orjson.dumps, lines))
    HandoffTarget(config={"output": str(folder), **config}).listen(io.BytesIO(text))  # type: ignore[arg-type]
    return {path.stem: read_item(path) for path in (folder / "items").glob("*.json")}
