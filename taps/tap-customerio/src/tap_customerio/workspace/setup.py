"""What else a workspace has set up, and what people agreed to."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tap_customerio.workspace.model import JSON, Person

_DAY = 86_400
_DOMAINS = ("mail.example.com", "news.example.com")
_KINDS = {
    "bounces": "550 5.1.1 mailbox unavailable",
    "blocks": "554 5.7.1 blocked by the receiver",
    "spam_reports": "reported as spam",
    "invalid_emails": "no such address",
}


def setup(now: int) -> JSON:
    """Channels, Design Studio, webhooks, exports, errors of broadcasts, test groups, a hidden sender."""
    hidden = {
        "id": 3,
        "deduplicate_id": f"3:{now}",
        "name": "Old support",
        "email": "old-support@example.com",
        "address": "Old support <old-support@example.com>",
        "template_type": "email",
        "auto_generated": True,
        "hidden": True,
    }
    return {
        "subscription_channels": [
            {"id": n, "identifier": name, "name": name.upper(), "description": f"Messages by {name}"}
            for n, name in enumerate(["email", "sms"], 1)
        ],
        "sender_identities": [hidden],
        "reporting_webhooks": [
            {
                "id": 1,
                "name": "Warehouse",
                "endpoint": "https://hooks.example.com/v1/customerio/Token-42?key=secret-word",
                "disabled": False,
                "full_resolution": True,
                "with_content": False,
                "events": ["email_sent", "email_opened", "customer_unsubscribed"],
            }
        ],
        "exports": [
            {
                "id": 1,
                "deduplicate_id": f"1:{now - 9 * _DAY}",
                "type": "customers",
                "status": "done",
                "failed": False,
                "description": "Customers in Pro plan",
                "total": 12,
                "downloads": 1,
                "user_id": 1,
                "user_email": "editor@example.com",
                "created_at": now - 9 * _DAY,
                "updated_at": now - 9 * _DAY,
            }
        ],
        "broadcast_errors": {"51:1": [f"row {n}: no such person" for n in range(1, 13)]},
        "newsletter_test_groups": {"1": [{"id": n, "content_ids": [10 + n]} for n in (1, 2)]},
        **_design_studio(now),
    }


def _design_studio(now: int) -> JSON:
    folder = _id("folder", 1)
    times = {"created": now - 90 * _DAY, "updated": now - 3 * _DAY}

    def listed(kind: str, count: int, parent: str | None = folder) -> list[dict[str, Any]]:
        return [
            {"id": _id(kind, n), "name": f"{kind.title()} {n}", "parent_folder_id": parent, **times}
            for n in range(1, count + 1)
        ]

    content = {
        "subject": "Hello {{customer.first_name}}",
        "preheader_text": "News for you",
        "html": "<h1>Hello 👋</h1>",
        "amp": "",
        "text": "Hello",
    }
    whole = {"content": content, "envelope": {"from": "News <news@example.com>"}, "transformers": {}}
    return {
        "design_studio_emails": [email | whole for email in listed("email", 4)],
        "design_studio_components": listed("component", 2),
        "design_studio_folders": listed("folder", 1, None),
    }


def links(config: JSON) -> JSON:
    """Links in messages, with clicks by month: by `<kind>:<id of the parent>`."""
    parts = {
        **{f"campaigns:{one['id']}": one["actions"][0]["id"] for one in config["campaigns"][:4]},
        **{f"broadcasts:{one['id']}": one["actions"][0]["id"] for one in config["broadcasts"]},
        **{f"newsletters:{one['id']}": one["content_ids"][0] for one in config["newsletters"]},
        "transactional:2": None,
    }
    return {
        parent: [
            {
                "id": number * 10 + place,
                "part": part,
                "link": {"id": number * 10 + place, "href": f"https://www.example.com/{page}"},
                "metric": {"series": {"clicked": [place, number]}},
            }
            for place, page in enumerate(("pricing", "docs?from={{customer.id}}"))
        ]
        for number, (parent, part) in enumerate(parts.items(), 1)
    }


def consent(people: list[Person], now: int) -> JSON:
    """Opt-outs of some people, and suppressed addresses of all four kinds on two domains."""
    with_email = [person.email for person in people if person.email]
    suppressions: dict[str, list[JSON]] = {kind: [] for kind in _KINDS}
    for place, email in enumerate(with_email[::25]):
        kind = list(_KINDS)[place % len(_KINDS)]
        # The provider knows addresses in lower case, whatever the workspace holds.
        suppressions[kind].append(
            {
                "domain": _DOMAINS[place % len(_DOMAINS)],
                "email": email.lower(),
                "created": now - (place + 1) * _DAY,
                "reason": _KINDS[kind],
                "status": "5.0.0",
            }
        )
    optouts = [
        {
            "customer": person.identifiers,
            "optouts": [{"channel": "sms", "from": "+4930123456"}]
            + ([{"channel": "whatsapp", "from": "+4930123456"}] if place % 2 else []),
        }
        for place, person in enumerate(people[::40])
    ]
    return {"optouts": optouts, "esp_suppressions": suppressions}


def _id(kind: str, number: int) -> str:
    return str(uuid5(NAMESPACE_URL, f"https://www.example.com/{kind}/{number}"))
