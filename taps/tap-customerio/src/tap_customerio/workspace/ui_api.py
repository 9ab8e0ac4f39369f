"""What else the UI API shows of the workspace: templates, rules of segments, suppressions, the catalogue.

Shapes of this API are not published. Inferred: the text of notes, versions, rows of suppressions, imports,
domains, tags, layouts and audit logs, and names of events as plain texts.
"""

from __future__ import annotations

from typing import Any

from tap_customerio.workspace.journeys import broadcast, campaign, encoded
from tap_customerio.workspace.model import JSON

_DAY = 86_400


def ui_api(config: JSON, now: int) -> JSON:
    """All that the sandbox's UI API serves, for the campaigns and segments of a workspace."""
    journeys = [
        draw(found, config[actions][str(found["id"])], now)
        for kind, actions, draw in (
            ("campaigns", "campaign_actions", campaign),
            ("broadcasts", "broadcast_actions", broadcast),
        )
        for found in config[kind]
    ]
    trigger_note = {"id": 1, "text": "Ask sales first ☎", "position": {"relative_to": {"id": "-1"}}}
    return {
        "journeys": journeys,
        "notes": {
            "3": [trigger_note, {"id": 2, "text": "Pro?", "position": {"relative_to": {"id": "3002"}}}]
        },
        "versions": {"3": [{"id": 1, "created": now - 300 * _DAY, "name": "Trial ends"}]},
        "subjects": {"6": _subjects(now)},
        "templates": _templates(config),
        **_segments(config),
        **_setup(now),
    }


def _subjects(now: int) -> list[JSON]:
    return [
        {
            "id": f"subject-{n}",
            "campaign_id": 6,
            "internal_customer_id": f"{n:012x}",
            "subject_state": "active",
            "match_time": now - n * 3600,
            "next_wake_up": now + n * 3600,
            "next_action_id": 6001,
        }
        for n in range(1, 4)
    ]


def _templates(config: JSON) -> list[JSON]:
    found = []
    for kind in ("campaign_actions", "broadcast_actions"):
        for action in (one for actions in config[kind].values() for one in actions):
            found.append(
                {
                    "id": action["id"] + 5000,
                    "name": action["name"],
                    "template_type": action["type"],
                    "subject": action["subject"],
                    "body": action["body"],
                    "layout_id": 1,
                    "from_identity_id": 2,
                    "created": action["created"],
                    "updated": action["updated"],
                    **{name: action[name] for name in ("url", "headers") if name in action},
                }
            )
    return found


def _segments(config: JSON) -> JSON:
    """The segments with their rules: nested, with changes of attributes, times and windows; one archived."""
    visits = {
        "event": {"name": "product_viewed", "type": "event", "filters": {}},
        "times": 3,
        "within": 30 * _DAY,
    }
    change = {"event": {"name": "plan", "type": "attribute_change", "id": 71, "filters": {"and": [
        {"field": "from", "operator": "eq", "value": "free", "inverse": False},
        {"field": "to", "operator": "eq", "value": "pro", "inverse": False},
    ]}}, "inverse": False, "times": 1, "within": 0}  # fmt: skip
    rules: dict[int, Any] = {
        4: {
            "or": [
                {"and": [visits, change]},
                {"attribute": {"field": "city", "operator": "eq", "value": "Köln"}},
            ]
        },
        5: encoded({"and": [{"attribute": {"field": "plan", "operator": "eq", "value": "pro"}}]}),
    }
    segments: list[JSON] = []
    for segment in config["segments"]:
        manual = segment["type"] == "manual"
        kept = {name: segment[name] for name in ("id", "name", "description", "updated_at")}
        conditions = rules.get(segment["id"], segment.get("conditions"))
        kept |= {"type": "static" if manual else "dynamic", "state": "complete", "conditions": conditions}
        segments.append(kept)
    old = {
        "id": 16,
        "name": "Autumn fair",
        "description": "Visitors.",
        "type": "dynamic",
        "state": "complete",
    }
    segments.append(old | {"archived": True, "conditions": visits})
    return {"segments": segments, "usage": {"3": {"campaigns": [8]}, "8": {"campaigns": [3, 7]}}}


def _setup(now: int) -> JSON:
    names = ["first_name", "last_name", "company", "plan", "lead_score", "city", "last_seen_at"]
    attributes = [
        {
            "id": n,
            "name": name,
            "description": f"The {name.replace('_', ' ')}.",
            "metadata": {"privacy_level": 1 if name == "last_name" else 0},
            "sources": ["track"],
            "segments": [5, 6] if name == "plan" else [],
            "campaigns": [3] if name == "plan" else [],
            "last_seen_at": now - n * 3600,
        }
        for n, name in enumerate(names, 1)
    ]
    blocked = {
        kind: [
            {"email": f"{kind}-{n}@example.com", "reason": f"{kind} {n}", "created": now - n * _DAY}
            for n in range(1, count + 1)
        ]
        for kind, count in (("bounced", 3), ("manual", 2), ("unsubscribed", 1), ("complained", 1))
    }
    return {
        "attributes": attributes,
        "event_names": [{"name": name} for name in ("order_placed", "Ticket Opened", "événement retiré")],
        "suppressions": blocked,
        "layouts": [
            {"id": 1, "name": "Plain", "body": "<html>{{content}}</html>", "created": now, "updated": now}
        ],
        "tags": [{"id": 1, "name": "lifecycle"}, {"id": 2, "name": "core"}],
        "domains": [{"id": 1, "name": "mail.example.com", "verified": True}],
        "imports": [{"id": 1, "name": "Fair 2024", "type": "people", "state": "imported", "created_at": now}],
        "audit_logs": [
            {"id": 1, "created_at": now, "action": "campaign.updated", "user": "editor@example.com"}
        ],
    }
