"""Campaigns, newsletters, segments and the other things that people make in the workspace."""

from __future__ import annotations

from random import Random
from typing import Any

from tap_customerio.workspace.model import JSON

_DAY = 86_400
_TYPES = [("1", "Companies", "Company"), ("2", "Projects", "Project"), ("3", "Subscriptions", "Subscription")]
_TYPES += [("4", "Venues", "Venue")]
_CAMPAIGNS = [
    "Welcome", "Onboarding week", "Trial ends soon", "Win back", "Order follow-up", "Upgrade to Pro",
    "Birthday 🎂", "Invoice reminder", "Webinar invite", "Product tips", "Renewal", "Feedback",
]  # fmt: skip
_MANUAL = ["VIP customers", "Beta testers", "Board", "Nobody yet"]


def content(random: Random, now: int) -> JSON:
    """Everything of the workspace that the Track API cannot write, deliveries aside."""
    config: JSON = {
        "workspaces": [{"id": 1, "name": "Acorn Demo"}],
        "object_types": [_object_type(*names) for names in _TYPES],
        "segments": _segments(now),
        "snippets": [
            {
                "name": f"snippet_{n}",
                "value": f"<p>Snippet {n} for {{{{customer.first_name}}}}</p>",
                "updated_at": now,
            }
            for n in range(1, 11)
        ],
        "sender_identities": [
            {
                "id": n,
                "deduplicate_id": f"{n}:{now}",
                "name": name,
                "email": f"{name.lower()}@example.com",
                "address": f"{name} <{name.lower()}@example.com>",
                "template_type": "email",
                "auto_generated": False,
                "hidden": False,
            }
            for n, name in enumerate(["Support", "News"], 1)
        ],
        "subscription_topics": [
            {
                "id": n,
                "identifier": f"topic_{n}",
                "name": name,
                "description": f"About {name.lower()}",
                "subscribed_by_default": True,
            }
            for n, name in enumerate(["Product news", "Events", "Offers"], 1)
        ],
    }
    return config | _campaigns(random, now) | _newsletters(random, now) | _others(now)


def _object_type(id: str, name: str, singular: str) -> JSON:
    slugs = {"slug": name.lower(), "singular_slug": singular.lower()}
    return {"id": id, "name": name, "singular_name": singular, **slugs, "enabled": True, "icon": "building"}


def _segments(now: int) -> list[JSON]:
    def equal(field: str, value: str) -> JSON:
        return {"attribute": {"field": field, "operator": "eq", "value": value}}

    def exists(field: str) -> JSON:
        return {"attribute": {"field": field, "operator": "exists"}}

    dynamic: dict[str, JSON] = {
        "Everyone with an email": exists("email"),
        "Signed up": exists("id"),
        "Customers": equal("lifecycle_stage", "customer"),
        "Leads": {"or": [equal("lifecycle_stage", "lead"), equal("lifecycle_stage", "salesqualifiedlead")]},
        "Pro plan": equal("plan", "pro"),
        "Enterprise in Germany": {"and": [equal("plan", "enterprise"), equal("country", "DE")]},
        "Unsubscribed": equal("unsubscribed", "true"),
        "Not unsubscribed": {"not": equal("unsubscribed", "true")},
        "Has a subscription": exists("subscription"),
        "Score 100": equal("lead_score", "100"),
        "Without a company": {"not": exists("company")},
    }
    found = []
    for id, name in enumerate([*dynamic, *_MANUAL], 1):
        found.append(
            {
                "id": id,
                "deduplicate_id": f"{id}:{now}",
                "name": name,
                "description": f"{name}.",
                "state": "finished",
                "progress": None,
                "type": "dynamic" if name in dynamic else "manual",
                "tags": ["core"] if id % 3 == 0 else None,
                "created_at": now - 400 * _DAY,
                "updated_at": now - id * _DAY,
            }
            | ({"conditions": dynamic[name]} if name in dynamic else {})
        )
    return found


def _campaigns(random: Random, now: int) -> JSON:
    campaigns, actions = [], {}
    for id, name in enumerate(_CAMPAIGNS, 1):
        # One campaign has more actions than fit on a page of ten.
        count = 13 if id == 2 else random.randint(2, 5)
        actions[str(id)] = [
            _action(id * 100 + n, name, n, now) | {"campaign_id": id} for n in range(1, count + 1)
        ]
        by_event = id % 2 == 0
        campaigns.append(
            {
                "id": id,
                "deduplicate_id": f"{id}:{now}",
                "name": name,
                "description": f"Sends {count} messages",
                "type": "event" if by_event else "segment",
                "event_name": "order_placed" if by_event else None,
                "trigger_segment_ids": [] if by_event else [1 + id % 11],
                "filter_segment_ids": [8],
                "state": random.choice(["running", "running", "stopped", "draft"]),
                "active": True,
                "created": now - 420 * _DAY,
                "updated": now - id * _DAY,
                "first_started": now - 410 * _DAY,
                "created_by": "editor@example.com",
                "tags": ["lifecycle"] if id % 2 else None,
                "actions": [{"id": action["id"], "type": action["type"]} for action in actions[str(id)]],
                "timezone": "Europe/Berlin",
                "use_customer_timezone": True,
            }
        )
    # One action in two languages, and one that calls a webhook.
    actions["1"][0] |= {"language": "en", "multi_language_branch_action_id": 199}
    german = {"id": 198, "language": "de", "subject": "Willkommen", "multi_language_branch_action_id": 199}
    actions["1"].insert(1, actions["1"][0] | german)
    actions["3"][-1] |= {
        "type": "webhook",
        "url": "https://hooks.example.org/orders?token=secret-word",
        "headers": '{"Content-Type": "application/json", "X-Api-Key": "secret-word"}',
        "method": "POST",
    }
    return {"campaigns": campaigns, "campaign_actions": actions}


def _action(id: int, title: str, step: int, now: int) -> JSON:
    kind = ["email", "email", "twilio", "push"][step % 4]
    return {
        "id": id,
        "deduplicate_id": f"{id}:{now}",
        "name": f"{title} {step}",
        "type": kind,
        "created": now - 420 * _DAY,
        "updated": now - step * _DAY,
        "sending_state": "automatic",
        "subject": f"{title}: step {step}" if kind == "email" else None,
        "body": f"<h1>{title}</h1><p>Hello {{{{customer.first_name}}}}, this is message {step}.</p>",
        "body_plain": f"{title}, message {step}",
        "layout": "{{content}}",
        "language": "",
        "from": "News <news@example.com>",
        "from_id": 2,
        "recipient": "{{customer.email}}",
        "preprocessor": "premailer",
        "tracked": True,
    }


def _newsletters(random: Random, now: int) -> JSON:
    newsletters: list[JSON] = []
    contents: dict[str, list[JSON]] = {}
    for id in range(1, 9):
        sent = now - (id * 50 + 2) * _DAY
        contents[str(id)] = [
            {
                key: value
                for key, value in _action(id * 10 + n, f"News {id}", n, now).items()
                if key != "tracked"
            }
            | {"newsletter_id": id, "type": "email"}
            for n in range(1, random.randint(2, 4))
        ]
        newsletters.append(
            {
                "id": id,
                "deduplicate_id": f"{id}:{sent}",
                "name": f"Newsletter {id}",
                "type": "email",
                "created": sent - _DAY,
                "updated": sent,
                "sent_at": sent,
                "content_ids": [item["id"] for item in contents[str(id)]],
                "recipient_segment_ids": [1],
                "subscription_topic_id": 1,
                "tags": [],
            }
        )
    return {"newsletters": newsletters, "newsletter_contents": contents}


def _others(now: int) -> JSON:
    broadcasts: list[dict[str, Any]] = [
        {
            "id": 50 + n,
            "deduplicate_id": f"{50 + n}:{now}",
            "name": f"Broadcast {n}",
            "type": "triggered_broadcast",
            "state": "running",
            "active": True,
            "created": now - 300 * _DAY,
            "updated": now - 10 * _DAY,
            "first_started": now - 290 * _DAY,
            "actions": [{"id": (50 + n) * 100 + 1, "type": "email"}],
            "tags": None,
        }
        for n in (1, 2, 3)
    ]
    ids = [broadcast["id"] for broadcast in broadcasts]
    transactional: list[dict[str, Any]] = [
        {
            "id": n,
            "name": name,
            "description": f"Sends {name.lower()}",
            "trigger_name": name.lower().replace(" ", "_"),
            "send_to_unsubscribed": True,
            "link_tracking": False,
            "open_tracking": True,
            "hide_message_body": n == 1,
            "queue_drafts": False,
            "created_at": now - 400 * _DAY,
            "updated_at": now - n * _DAY,
        }
        for n, name in enumerate(["Password reset", "Receipt", "Invitation", "Shipping notice"], 1)
    ]
    collections = [
        {
            "id": n,
            "name": name,
            "schema": ["code", "title"],
            "rows": 5,
            "bytes": 200,
            "created_at": now - 100 * _DAY,
            "updated_at": now - n * _DAY,
        }
        for n, name in enumerate(["coupons", "cities", "events"], 1)
    ]
    return {
        "broadcasts": broadcasts,
        "broadcast_actions": {
            str(id): [
                _action(id * 100 + 1, f"Broadcast {id}", 1, now) | {"broadcast_id": id, "type": "email"}
            ]
            for id in ids
        },
        "broadcast_triggers": {
            str(id): [
                {
                    "id": n,
                    "broadcast_id": id,
                    "created_at": now - n * 40 * _DAY,
                    "processed_at": now - n * 40 * _DAY,
                }
                for n in (1, 2)
            ]
            for id in ids
        },
        "transactional": transactional,
        "transactional_contents": {
            str(template["id"]): [_action(900 + template["id"], template["name"], 1, now)]
            for template in transactional
        },
        "collections": collections,
        "collection_content": {
            str(item["id"]): [{"code": f"{item['name']}-{n}", "title": f"Row {n} ✓"} for n in range(5)]
            for item in collections
        },
    }
