"""The sandbox's answers have the shapes that the vendor documents for its APIs and webhooks.

Shapes are small tables of their own: a type's name, `?` where null is allowed, a list with the shape of
its elements, `~name` for a field that may be absent. A field that no table names is an error.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tap_customerio.sandbox.server import Server
from tap_customerio.webhooks.signature import sign

NOW = 1_760_000_000  # the sandbox's time in tests

TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "obj": (dict,),
    "list": (list,),
    "number": (int, float),
    "text or int": (str, int),
}
IDENTIFIERS = {"cio_id": "str", "email": "str?", "id": "str?"}
TAGS = "list?"
ACTION_REF = [{"id": "int", "type": "str"}]
PAGED = {"next": "str"}
CONTENT = {
    "deduplicate_id": "str",
    "name": "str",
    "type": "str",
    "~created": "int",
    "~updated": "int",
    "body": "str",
    "~body_plain": "str",
    "subject": "str?",
    "layout": "str",
    "language": "str",
    "from": "str",
    "from_id": "text or int",
    "recipient": "str",
    "preprocessor": "str?",
    "~sending_state": "str",
    "~tracked": "bool",
    "~url": "str?",
    "~method": "str?",
    "~headers": "str",
    "~multi_language_branch_action_id": "int?",
    "~campaign_id": "int",
    "~broadcast_id": "int",
    "~newsletter_id": "int",
}
SUPPRESSION = [{"email": "str", "created": "int", "reason": "str", "status": "str"}]
CAMPAIGN = {
    "id": "int",
    "deduplicate_id": "str",
    "name": "str",
    "description": "str?",
    "type": "str",
    "event_name": "str?",
    "trigger_segment_ids": ["int"],
    "filter_segment_ids": ["int"],
    "state": "str",
    "active": "bool",
    "created": "int",
    "updated": "int",
    "first_started": "int",
    "created_by": "str",
    "tags": TAGS,
    "actions": ACTION_REF,
    "timezone": "str?",
    "use_customer_timezone": "bool?",
}
BROADCAST = {
    "id": "int",
    "deduplicate_id": "str",
    "name": "str",
    "type": "str",
    "state": "str",
    "active": "bool",
    "created": "int",
    "updated": "int",
    "first_started": "int",
    "actions": ACTION_REF,
    "tags": TAGS,
}
NEWSLETTER = {
    "id": "int",
    "deduplicate_id": "str",
    "name": "str",
    "type": "str",
    "created": "int",
    "updated": "int",
    "sent_at": "int?",
    "content_ids": ["int"],
    "recipient_segment_ids": ["int"],
    "subscription_topic_id": "int?",
    "tags": ["str"],
}
TEMPLATE = {
    "id": "int",
    "name": "str",
    "description": "str",
    "trigger_name": "str?",
    "send_to_unsubscribed": "bool",
    "link_tracking": "bool",
    "open_tracking": "bool",
    "hide_message_body": "bool",
    "queue_drafts": "bool",
    "created_at": "int",
    "updated_at": "int",
}
SEGMENT = {
    "id": "int",
    "deduplicate_id": "str",
    "name": "str",
    "description": "str",
    "state": "str",
    "progress": "int?",
    "type": "str",
    "tags": TAGS,
    "created_at": "int",
    "updated_at": "int",
    "~conditions": "obj",
}
SENDER = {
    "id": "int",
    "deduplicate_id": "str",
    "name": "str",
    "email": "str",
    "address": "str",
    "template_type": "str",
    "auto_generated": "bool",
    "~phone": "str?",
    "hidden": "bool",
}
EXPORT = {
    "id": "int",
    "deduplicate_id": "str",
    "type": "str",
    "status": "str",
    "failed": "bool",
    "description": "str",
    "total": "int",
    "downloads": "int",
    "user_id": "int",
    "user_email": "str",
    "created_at": "int",
    "updated_at": "int",
}
WEBHOOK = {
    "id": "int",
    "name": "str",
    "endpoint": "str",
    "disabled": "bool",
    "full_resolution": "bool",
    "with_content": "bool",
    "events": ["str"],
}
COLLECTION = {
    "id": "int",
    "name": "str",
    "schema": ["str"],
    "rows": "int",
    "bytes": "int",
    "created_at": "int",
    "updated_at": "int",
}
PERSON = {
    "id": "str?",
    "identifiers": IDENTIFIERS,
    "attributes": "obj",
    "timestamps": "obj",
    "unsubscribed": "bool",
    "devices": [{"id": "str", "platform": "str", "last_used": "int", "attributes": "obj"}],
}
MESSAGE = {
    "id": "str",
    "deduplicate_id": "str",
    "type": "str",
    "created": "int",
    "recipient": "str?",
    "subject": "str?",
    "customer_id": "str?",
    "customer_identifiers": "obj?",
    "metrics": "obj",
    "~failure_message": "str?",
    "forgotten": "bool",
    "~campaign_id": "int?",
    "~broadcast_id": "int?",
    "~newsletter_id": "int?",
    "~content_id": "int?",
    "~action_id": "int?",
    "~parent_action_id": "int?",
    "~transactional_message_id": "int?",
}
ACTIVITY = {
    "id": "str",
    "type": "str",
    "timestamp": "int",
    "~name": "str",
    "~url": "str",
    "customer_id": "str?",
    "customer_identifiers": IDENTIFIERS,
    "data": "obj",
}
LINK = {
    "object_type_id": "str",
    "object_type_disabled": "bool",
    "identifiers": IDENTIFIERS,
    "attributes": "obj",
    "timestamps": "obj",
}
STUDIO = {"id": "str", "name": "str", "parent_folder_id": "str?", "created": "int", "updated": "int"}
FIRST = quote(b64encode(b"delivery 0000001").decode(), safe="")
LINK_CLICKS = [{"link": {"id": "int", "href": "str"}, "metric": {"series": {"clicked": ["int"]}}}]
WINDOW = {"start": NOW - 90 * 86_400, "end": NOW}
MONTHS = {"period": "months", "steps": 3}

SHAPES: list[tuple[str, dict[str, Any], Any]] = [
    (
        "/v1/workspaces",
        {},
        {
            "workspaces": [
                {
                    "id": "int",
                    "name": "str",
                    "messages_sent": "int",
                    "billable_messages_sent": "int",
                    "people": "int",
                    "object_types": "int",
                    "objects": "int",
                }
            ]
        },
    ),
    ("/v1/customers/user-000001/attributes", {}, {"customer": PERSON}),
    (
        "/v1/customers/user-000001/segments",
        {},
        {"segments": [{"id": "int", "name": "str", "description": "str"}]},
    ),
    (
        "/v1/customers/user-000001/subscription_preferences",
        {},
        {
            "customer": {
                "id": "str?",
                "identifiers": IDENTIFIERS,
                "unsubscribed": "bool",
                "header": {"title": "str", "subtitle": "str"},
                "topics": [
                    {"id": "text or int", "name": "str", "description": "str", "subscribed": "bool"},
                ],
            }
        },
    ),
    ("/v1/customers/user-000001/optouts", {}, {"optouts": [{"channel": "str", "from": "str"}]}),
    (
        "/v1/optouts",
        {},
        PAGED
        | {
            "optouts": [
                {"cio_id": "str", "customer_id": "str", "optouts": [{"channel": "str", "from": "str"}]}
            ]
        },
    ),
    ("/v1/activities", {"limit": 100}, PAGED | {"activities": [ACTIVITY]}),
    ("/v1/messages", {"limit": 1000}, PAGED | {"messages": [MESSAGE]}),
    ("/v1/segments", {}, {"segments": [SEGMENT]}),
    ("/v1/segments/5", {}, {"segment": SEGMENT}),
    ("/v1/segments/5/customer_count", {}, {"segment_id": "int", "count": "int"}),
    (
        "/v1/segments/5/membership",
        {},
        PAGED | {"segment_id": "int", "identifiers": [IDENTIFIERS], "ids": ["str"]},
    ),
    ("/v1/segments/15/membership", {}, PAGED | {"segment_id": "int", "identifiers": "list?", "ids": "list?"}),
    (
        "/v1/object_types",
        {},
        {
            "types": [
                {
                    "id": "str",
                    "name": "str",
                    "singular_name": "str",
                    "slug": "str",
                    "singular_slug": "str",
                    "enabled": "bool",
                    "icon": "str",
                }
            ]
        },
    ),
    (
        "/v1/objects/1/company-001/attributes",
        {},
        {
            "object": {
                "object_type_id": "str",
                "identifiers": {"object_id": "str", "cio_object_id": "str"},
                "attributes": "obj",
                "timestamps": "obj",
            }
        },
    ),
    ("/v1/objects/1/company-001/relationships", {}, PAGED | {"cio_relationships": [LINK]}),
    ("/v1/campaigns", {}, {"campaigns": [CAMPAIGN]}),
    ("/v1/campaigns/1", {}, {"campaign": CAMPAIGN}),
    ("/v1/campaigns/2/actions", {}, PAGED | {"actions": [{"id": "str"} | CONTENT]}),
    ("/v1/campaigns/1/actions/101", {}, {"action": {"id": "int"} | CONTENT}),
    (
        "/v1/campaigns/1/metrics",
        {"version": 2, "res": "months", **WINDOW},
        {"start": "str", "end": "str", "res": "str", "series": "obj"},
    ),
    (
        "/v1/campaigns/1/metrics",
        {"version": 1, "period": "months", "steps": 3},
        {"metric": {"series": "obj"}},
    ),
    (
        "/v1/campaigns/1/journey_metrics",
        {"resolution": "months", **WINDOW},
        {
            "journey_metric": {
                name: ["int"]
                for name in (
                    "started",
                    "activated",
                    "exited_early",
                    "finished",
                    "converted",
                    "never_activated",
                    "messaged",
                )
            }
        },
    ),
    ("/v1/campaigns/1/metrics/links", MONTHS, {"links": LINK_CLICKS}),
    (
        "/v1/campaigns/1/actions/101/metrics",
        {"version": 2, "res": "months", **WINDOW},
        {"start": "str", "end": "str", "res": "str", "series": "obj", "language_variants": "obj"},
    ),
    ("/v1/campaigns/1/actions/101/metrics/links", MONTHS, {"links": LINK_CLICKS}),
    ("/v1/broadcasts", {}, {"broadcasts": [BROADCAST]}),
    ("/v1/broadcasts/51/metrics/links", MONTHS, {"links": LINK_CLICKS}),
    ("/v1/broadcasts/51/actions/5101/metrics", MONTHS, {"metric": {"series": "obj"}}),
    ("/v1/broadcasts/51/actions/5101/metrics/links", MONTHS, {"links": LINK_CLICKS}),
    ("/v1/newsletters/1/metrics/links", MONTHS, {"links": LINK_CLICKS}),
    ("/v1/newsletters/1/contents/11/metrics", MONTHS, {"metric": {"series": "obj"}}),
    ("/v1/newsletters/1/contents/11/metrics/links", MONTHS, {"links": LINK_CLICKS}),
    ("/v1/transactional/2/metrics/links", MONTHS, {"links": LINK_CLICKS}),
    (f"/v1/messages/{FIRST}", {}, {"message": MESSAGE}),
    (
        "/v1/design_studio/emails/{studio}",
        {},
        {
            "content": dict.fromkeys(("subject", "preheader_text", "html", "amp", "text"), "str"),
            "envelope": "obj",
            "transformers": "obj",
        },
    ),
    ("/v1/broadcasts/51/actions", {}, {"actions": [{"id": "int"} | CONTENT]}),
    (
        "/v1/broadcasts/51/triggers",
        {},
        {"triggers": [{"id": "int", "broadcast_id": "int", "created_at": "int", "processed_at": "int"}]},
    ),
    (
        "/v1/campaigns/51/triggers/1",
        {},
        {
            "id": "str",
            "broadcast_id": "int",
            "created_at": "int",
            "processed_at": "int",
            "recipients_count": "int",
            "workflow_action_ids": "list",
            "data_file_position": "int",
            "data_file_processed": "bool",
            "data_file_error_count": "int",
            "recipients_filter": "obj",
        },
    ),
    ("/v1/campaigns/51/triggers/1/errors", {}, {"errors": ["str"], "next": "int"}),
    ("/v1/broadcasts/51/metrics", {"period": "months", "steps": 3}, {"metric": {"series": "obj"}}),
    ("/v1/newsletters", {}, PAGED | {"newsletters": [NEWSLETTER]}),
    ("/v1/newsletters/1", {}, {"newsletter": NEWSLETTER}),
    ("/v1/newsletters/1/contents", {}, {"contents": [{"id": "int"} | CONTENT]}),
    ("/v1/newsletters/1/test_groups", {}, {"test_groups": [{"id": "int", "content_ids": ["int"]}]}),
    ("/v1/newsletters/1/metrics", {"period": "months", "steps": 3}, {"metric": {"series": "obj"}}),
    ("/v1/transactional", {}, {"messages": [TEMPLATE]}),
    ("/v1/transactional/1", {}, {"message": TEMPLATE}),
    ("/v1/transactional/1/contents", {}, {"contents": [{"id": "int"} | CONTENT]}),
    ("/v1/transactional/1/metrics", {"period": "months", "steps": 3}, {"metric": {"series": "obj"}}),
    ("/v1/collections", {}, {"collections": [COLLECTION]}),
    ("/v1/collections/1/content", {}, ["obj"]),
    ("/v1/snippets", {}, {"snippets": [{"name": "str", "value": "str", "updated_at": "int"}]}),
    ("/v1/sender_identities", {}, PAGED | {"sender_identities": [SENDER]}),
    ("/v1/sender_identities", {"hidden": "true"}, PAGED | {"sender_identities": [SENDER]}),
    ("/v1/sender_identities/1", {}, {"sender_identity": SENDER}),
    ("/v1/reporting_webhooks", {}, {"reporting_webhooks": [WEBHOOK]}),
    ("/v1/reporting_webhooks/1", {}, WEBHOOK),
    ("/v1/exports", {}, {"exports": [EXPORT]}),
    ("/v1/exports/1", {}, {"export": EXPORT}),
    (
        "/v1/subscription_topics",
        {},
        {
            "topics": [
                {
                    "id": "int",
                    "identifier": "str",
                    "name": "str",
                    "description": "str",
                    "subscribed_by_default": "bool",
                }
            ]
        },
    ),
    ("/v1/subscription_channels", {}, {"channels": ["obj"]}),
    ("/v1/esp/suppression/bounces", {}, {"category": "str", "suppressions": SUPPRESSION}),
    ("/v1/esp/suppression/bounces", {"offset": 1000}, {"suppressions": "list?"}),
    (
        "/v1/esp/domains/mail.example.com/suppression/bounces",
        {},
        PAGED | {"category": "str", "suppressions": SUPPRESSION},
    ),
    ("/v1/esp/domains/x.example.com/suppression/bounces", {}, PAGED | {"suppressions": "list?"}),
    ("/v1/design_studio/emails", {}, {"emails": [STUDIO]}),
    ("/v1/design_studio/components", {}, {"components": [STUDIO]}),
    ("/v1/design_studio/folders", {}, {"folders": [STUDIO]}),
]


def mismatches(found: Any, shape: Any, at: str = "answer") -> list[str]:
    """Where an answer differs from its shape."""
    if isinstance(shape, str):
        kinds = TYPES[shape.removesuffix("?")]
        if found is None and shape.endswith("?"):
            return []
        wrong = type(found) not in kinds  # a bool is no int here
        return [f"{at}: {type(found).__name__} is no {shape}"] if wrong else []
    if isinstance(shape, list):
        if not isinstance(found, list):
            return [f"{at}: {type(found).__name__} is no list"]
        return [text for n, one in enumerate(found) for text in mismatches(one, shape[0], f"{at}[{n}]")]
    if not isinstance(found, dict):
        return [f"{at}: {type(found).__name__} is no object"]
    known = {name.removeprefix("~"): part for name, part in shape.items()}
    needed = {name for name in shape if not name.startswith("~")}
    return [
        *(f"{at}.{name}: missing" for name in sorted(needed - found.keys())),
        *(f"{at}.{name}: not documented" for name in sorted(found.keys() - known.keys())),
        *(
            text
            for name in sorted(found.keys() & known.keys())
            for text in mismatches(found[name], known[name], f"{at}.{name}")
        ),
    ]


@pytest.mark.parametrize(
    ("path", "query", "shape"), SHAPES, ids=[f"{path} {query}" for path, query, _ in SHAPES]
)
def test_an_answer_has_its_documented_shape(shared, path, query, shape):
    if "{studio}" in path:
        path = path.format(studio=shared.workspace.config["design_studio_emails"][0]["id"])
    answer = shared.get(path, **query)
    assert mismatches(answer, shape) == []
    # An empty list would say nothing.
    assert isinstance(shape, list) or all(
        answer[name] for name, part in shape.items() if isinstance(part, list)
    )


# The UI API: shapes as the vendor's command line and others were seen to read them, many inferred

UI = "/ui/v1/environments/1"
JOURNEY = {
    "id": "int",
    "name": "str",
    "description": "str?",
    "type": "str",
    "state": "str",
    "created": "int",
    "updated": "int",
    "first_started": "int",
    "tags": TAGS,
    "workflow_action_ids": ["int"],
}
TRIGGERS = {"~trigger": "obj", "~event": "str", "~restart_mode": "str", "~attribute_filters": "obj"}
UI_SEGMENT = {"id": "int", "name": "str", "description": "str", "type": "str", "state": "str"}
UI_TEMPLATE = {
    "id": "int",
    "name": "str",
    "template_type": "str",
    "subject": "str?",
    "layout_id": "int",
    "from_identity_id": "int",
    "created": "int",
    "updated": "int",
    "~url": "str",
    "~headers": "str",
}
UI_SHAPES: list[tuple[str, dict[str, Any], Any]] = [
    (
        "/ui/v1/accounts/current",
        {},
        {"account": {"id": "int", "name": "str", "data_center": "str", "environment_ids": ["int"]}},
    ),
    ("/ui/v1/accounts/9001/environments", {}, {"environments": [{"id": "int", "name": "str"}]}),
    (
        f"{UI}/campaigns/2",
        {},
        {"campaign": JOURNEY | TRIGGERS | {"edges": ["obj"], "actions": "list"}, "actions": ["obj"]},
    ),
    (f"{UI}/campaigns/3/notes", {}, {"notes": [{"id": "int", "text": "str", "position": "obj"}]}),
    (f"{UI}/campaigns/3/versions", {}, {"versions": [{"id": "int", "created": "int", "name": "str"}]}),
    (
        f"{UI}/subjects",
        {"campaign_id": 6},
        {
            "subjects": [
                {
                    "id": "str",
                    "campaign_id": "int",
                    "internal_customer_id": "str",
                    "subject_state": "str",
                    "match_time": "int",
                    "next_wake_up": "int",
                    "next_action_id": "int",
                }
            ]
        },
    ),
    (f"{UI}/segments", {}, {"segments": [UI_SEGMENT | {"updated_at": "int"}]}),
    (f"{UI}/segments", {"archived": "true", "size": 10}, {"segments": [UI_SEGMENT | {"archived": "bool"}]}),
    (f"{UI}/segments/4", {}, {"segment": UI_SEGMENT | {"updated_at": "int", "conditions": "obj"}}),
    (f"{UI}/segments/8/usage", {}, {"campaigns": ["int"], "newsletters": "list", "segments": "list"}),
    (
        f"{UI}/suppression/bounced",
        {},
        {"suppressions": [{"email": "str", "reason": "str", "created": "int"}]},
    ),
    (f"{UI}/customers_suppression_count", {}, {"count": "int"}),
    (
        f"{UI}/attributes",
        {},
        {"attributes": [{"id": "int", "name": "str"}], "meta": {"pagination": {"total": "int"}}},
    ),
    (
        f"{UI}/attributes/4",
        {},
        {
            "attribute": {
                "id": "int",
                "name": "str",
                "description": "str",
                "metadata": {"privacy_level": "int"},
                "sources": ["str"],
                "segments": ["int"],
                "campaigns": ["int"],
                "last_seen_at": "int",
            }
        },
    ),
    (f"{UI}/event_names", {}, {"event_names": ["str"]}),
    (f"{UI}/templates", {}, {"templates": [UI_TEMPLATE]}),
    (f"{UI}/templates/5102", {}, {"template": UI_TEMPLATE | {"body": "str"}}),
    (
        f"{UI}/layouts",
        {},
        {"layouts": [{"id": "int", "name": "str", "body": "str", "created": "int", "updated": "int"}]},
    ),
    (f"{UI}/tags", {}, {"tags": [{"id": "int", "name": "str"}]}),
    (f"{UI}/domains", {}, {"domains": [{"id": "int", "name": "str", "verified": "bool"}]}),
    (
        f"{UI}/imports",
        {},
        {"imports": [{"id": "int", "name": "str", "type": "str", "state": "str", "created_at": "int"}]},
    ),
    (
        f"{UI}/audit_logs",
        {},
        {"audit_logs": [{"id": "int", "created_at": "int", "action": "str", "user": "str"}]},
    ),
]


@pytest.mark.parametrize(
    ("path", "query", "shape"), UI_SHAPES, ids=[f"{path} {query}" for path, query, _ in UI_SHAPES]
)
def test_an_answer_of_the_ui_api_has_the_shape_that_was_seen(shared, path, query, shape):
    assert mismatches(shared.get(path, **query), shape) == []


def test_campaigns_of_the_ui_api_are_listed_without_their_graph(shared):
    found = shared.get(f"{UI}/campaigns")["campaigns"]
    assert len(found) == 15
    assert not any({"edges", "actions"} & campaign.keys() for campaign in found)


def test_every_endpoint_that_the_tap_reads_has_a_shape(shared):
    shared.stats()
    shared.read(preferences_per_person=True, archived_messages_sample=1, sending_domains=["mail.example.com"])
    shared.read("esp_suppressions")
    read = shared.stats()["endpoints"].keys()
    for path, query, _ in [*SHAPES, *UI_SHAPES]:
        shared.get(path, **query)
    checked = shared.stats()["endpoints"].keys()
    elsewhere = {
        "GET /v1/messages/{id}/archived_message",
        "GET /v1/design_studio/emails/{id}",
        "GET /ui/v1/environments/{env}/campaigns",
        "POST /ui/v1/service_accounts/oauth/token",
        *(f"POST /v1/{path}" for path in ("customers", "customers/attributes", "objects")),
    }
    assert read - checked - elsewhere == set()


WEBHOOKS_SINCE = NOW - 30 * 86_400

# Reporting webhooks: what the vendor's specification requires, by channel and metric

BY_PARENT = {
    "campaign_id": {"campaign_id": "int", "action_id": "int", "~parent_action_id": "int?"},
    "broadcast_id": {
        "broadcast_id": "int",
        "action_id": "int",
        "trigger_id": "int",
        "~parent_action_id": "int?",
    },
    "newsletter_id": {"newsletter_id": "int", "content_id": "int"},
    "transactional_message_id": {"transactional_message_id": "int"},
}
DEVICE = {"device_id": "str", "device_platform": "str", "~failure_message": "str"}
BY_CHANNEL = {
    "email": {"recipient": "str", "subject": "str"},
    "push": {"recipients": [DEVICE]},
    "sms": {"recipient": "str"},
    "webhook": {"recipient": "str"},
}
BY_METRIC = {
    "clicked": {"href": "str", "link_id": "int"},
    **{name: {"failure_message": "str"} for name in ("bounced", "failed", "dropped", "undeliverable")},
}


def event_shape(event):
    parent = next(shape for name, shape in BY_PARENT.items() if name in event["data"])
    data = {"customer_id": "str", "identifiers": {"cio_id": "str", "email": "str?", "id": "str?"}}
    data |= {"delivery_id": "str", **parent, **BY_CHANNEL[event["object_type"]]}
    data |= BY_METRIC.get(event["metric"], {})
    return {"metric": "str", "event_id": "str", "object_type": "str", "timestamp": "int", "data": data}


@pytest.fixture(scope="module")
def webhooks(shared):
    """The events that the sandbox sends, each with whether its signature is right; every fifth is refused."""
    found = []

    async def receive(request):
        body, headers = await request.body(), request.headers
        right = sign("test-key", headers["x-cio-timestamp"], body) == headers["x-cio-signature"]
        found.append((right, json.loads(body)))
        return Response(status_code=200 if len(found) % 5 else 500)

    with Server(Starlette(routes=[Route("/hook", receive, methods=["POST"])])) as receiver:
        body = {"url": f"{receiver.url}/hook", "key": "test-key", "since": WEBHOOKS_SINCE}
        counts = requests.post(f"{shared.url}/_sandbox/webhooks", json=body, timeout=120).json()
    assert counts == {"accepted": len(found) - len(found) // 5, "refused": len(found) // 5}
    return found


def test_reporting_webhooks_have_their_documented_shape_and_signature(webhooks):
    assert len(webhooks) > 50
    assert len({event["event_id"] for _, event in webhooks}) == len(webhooks)
    assert {event["object_type"] for _, event in webhooks} >= {"email", "sms", "push"}
    for right, event in webhooks:
        assert right
        assert event["timestamp"] >= WEBHOOKS_SINCE
        assert mismatches(event, event_shape(event)) == []


def test_reporting_webhooks_are_valid_by_the_vendors_own_specification(webhooks):
    """The file is the vendor's: whoever has it names it in CUSTOMERIO_WEBHOOK_SPEC."""
    file = os.environ.get("CUSTOMERIO_WEBHOOK_SPEC")
    if not file:
        pytest.skip("CUSTOMERIO_WEBHOOK_SPEC does not name the vendor's OpenAPI file")
    spec = json.loads(Path(file).read_text())
    body = "#/webhooks/reportingWebhook/post/requestBody/content/application~1json/schema"
    check = jsonschema.Draft202012Validator(spec | {"$ref": body})
    # The file forgets the metrics of drafted pushes: it lists `attempted` there.
    wrong = [event for _, event in webhooks if not check.is_valid(event) and event["metric"] != "drafted"]
    assert wrong == []


# The Track API


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "shape"),
    [
        (
            "GET",
            "/api/v1/accounts/region",
            None,
            200,
            {"url": "str", "region": "str", "environment_id": "int"},
        ),
        ("PUT", "/api/v1/customers/shape-1", {"first_name": "Ada"}, 200, {}),
        ("POST", "/api/v1/customers/shape-1/events", {"name": "seen"}, 200, {}),
        ("PUT", "/api/v1/customers/shape-1/devices", {"device": {"id": "token", "platform": "ios"}}, 200, {}),
        ("DELETE", "/api/v1/customers/shape-1/devices/token", None, 200, {}),
        ("POST", "/api/v1/events", {"name": "seen", "anonymous_id": "nobody"}, 200, {}),
        ("POST", "/api/v1/merge_customers", {"primary": {"id": "a"}}, 400, {"meta": {"error": "str"}}),
        ("POST", "/api/v1/segments/12/add_customers", {"ids": ["shape-1"]}, 200, {}),
        ("POST", "/api/v1/segments/12/remove_customers", {"ids": ["shape-1"]}, 200, {}),
        (
            "POST",
            "/api/v2/entity",
            {
                "type": "person",
                "action": "identify",
                "identifiers": {"id": "shape-1"},
                "attributes": {"a": 1},
            },
            200,
            {},
        ),
        (
            "POST",
            "/api/v2/entity",
            {"type": "person", "action": "identify", "identifiers": {}},
            400,
            {"errors": [{"reason": "str", "field": "str", "message": "str"}]},
        ),
        (
            "POST",
            "/api/v2/batch",
            {"batch": [{"type": "person", "action": "identify", "identifiers": {}}]},
            207,
            {"errors": [{"batch_index": "int", "reason": "str", "field": "str", "message": "str"}]},
        ),
        ("DELETE", "/api/v1/customers/shape-1", None, 200, {}),
    ],
)
def test_an_answer_of_the_track_api_has_its_documented_shape(sandbox, method, path, body, status, shape):
    key = ("sandbox-site", "sandbox-track-key")
    answer = requests.request(method, sandbox.url + path, json=body, auth=key, timeout=60)
    assert answer.status_code == status, answer.text
    assert mismatches(answer.json() if answer.content.strip() else {}, shape) == []


def test_people_and_objects_that_are_searched_for_have_theirs(shared):
    email = next(person.email for person in shared.workspace.people if person.email)
    found = shared.get("/v1/customers", email=email)
    assert found["results"]
    assert mismatches(found, {"results": [IDENTIFIERS]}) == []
    everybody = {"filter": {"and": [{"attribute": {"field": "cio_id", "operator": "exists"}}]}}
    found = shared.post("/v1/customers", everybody, limit=1000)
    assert mismatches(found, PAGED | {"identifiers": [IDENTIFIERS], "ids": ["str"]}) == []
    ids = {"ids": [person["cio_id"] for person in found["identifiers"][:100]]}
    assert (
        mismatches(shared.post("/v1/customers/attributes", ids, id_type="cio_id"), {"customers": [PERSON]})
        == []
    )
    exists = {"field": "object_id", "operator": "exists", "type_id": "1"}
    body = {"object_type_id": "1", "filter": {"and": [{"object_attribute": exists}]}}
    known = {"object_id": "str", "cio_object_id": "str"}
    assert (
        mismatches(shared.post("/v1/objects", body), PAGED | {"identifiers": [known], "ids": ["str"]}) == []
    )


def test_exports_that_are_asked_for_have_theirs(sandbox):
    everybody = {"and": [{"attribute": {"field": "cio_id", "operator": "exists"}}]}
    for kind, body in (("customers", {"filters": everybody}), ("deliveries", {"campaign_id": 1})):
        made = sandbox.post(f"/v1/exports/{kind}", body)
        assert mismatches(made, {"export": EXPORT}) == []
        id = made["export"]["id"]
        assert mismatches(sandbox.get(f"/v1/exports/{id}"), {"export": EXPORT}) == []
        assert mismatches(sandbox.get(f"/v1/exports/{id}/download"), {"url": "str"}) == []
    assert sandbox.post("/v1/exports/deliveries", {})["errors"][0]["status"] == "400"


def test_an_archived_message_has_its_documented_shape(shared):
    texts = ("id", "body", "from", "reply_to", "recipient", "subject", "bcc", "preheader_text", "url")
    shape = dict.fromkeys((*texts, "request_method"), "str") | {"headers": ["obj"]}
    shape |= {"fake_bcc": "bool", "forgotten": "bool"}
    id = shared.get("/v1/messages", limit=1)["messages"][0]["id"]
    assert mismatches(shared.get(f"/v1/messages/{id}/archived_message"), {"archived_message": shape}) == []


@pytest.mark.parametrize(
    ("found", "shape", "expected"),
    [
        ({"a": 1}, {"a": "int"}, []),
        ({"a": True}, {"a": "int"}, ["answer.a: bool is no int"]),
        ({}, {"a": "int", "~b": "int"}, ["answer.a: missing"]),
        ({"a": 1, "c": 1}, {"a": "int"}, ["answer.c: not documented"]),
        ({"a": [1, None]}, {"a": ["int"]}, ["answer.a[1]: NoneType is no int"]),
        ({"a": None}, {"a": "int?"}, []),
    ],
)
def test_the_check_finds_what_is_wrong(found, shape, expected):
    assert mismatches(found, shape) == expected
