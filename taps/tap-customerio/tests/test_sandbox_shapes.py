"""The sandbox's answers have the shapes that the vendor documents for the App API.

Shapes are small tables of their own: a type's name, `?` where null is allowed, a list with the shape of
its elements, `~name` for a field that may be absent. A field that no table names is an error.
"""

from __future__ import annotations

from typing import Any

import pytest

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
WINDOW = {"start": NOW - 90 * 86_400, "end": NOW}

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
    ("/v1/broadcasts", {}, {"broadcasts": [BROADCAST]}),
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
    answer = shared.get(path, **query)
    assert mismatches(answer, shape) == []
    # An empty list would say nothing.
    assert isinstance(shape, list) or all(
        answer[name] for name, part in shape.items() if isinstance(part, list)
    )


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
