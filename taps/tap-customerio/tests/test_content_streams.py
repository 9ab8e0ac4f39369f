"""What people made in the workspace, record by record, against what was written into the sandbox."""

from __future__ import annotations

import pytest

from tap_customerio import redact
from tap_customerio.streams.campaigns import CampaignActions

NOW = 1_760_000_000  # the sandbox's time in tests


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        ("campaigns", "campaigns"),
        ("newsletters", "newsletters"),
        ("broadcasts", "broadcasts"),
        ("transactional_messages", "transactional"),
        ("collections", "collections"),
        ("subscription_topics", "subscription_topics"),
        ("sender_identities", "sender_identities"),
        ("exports", "exports"),
        ("design_studio_emails", "design_studio_emails"),
        ("design_studio_components", "design_studio_components"),
        ("design_studio_folders", "design_studio_folders"),
    ],
)
def test_lists_arrive_field_by_field(shared, everything, stream, kind):
    found = everything.by(stream, "id")
    written = {one["id"]: one for one in shared.workspace.config[kind]}
    assert found.keys() == written.keys()
    for id, one in written.items():
        assert {name: found[id][name] for name in one} == one


def test_snippets_are_known_by_name(shared, everything):
    written = {one["name"]: one for one in shared.workspace.config["snippets"]}
    assert everything.by("snippets", "name") == written


@pytest.mark.parametrize(
    ("stream", "kind", "parent"),
    [
        ("campaign_actions", "campaign_actions", "campaign_id"),
        ("broadcast_actions", "broadcast_actions", "broadcast_id"),
        ("broadcast_triggers", "broadcast_triggers", "broadcast_id"),
        ("newsletter_contents", "newsletter_contents", "newsletter_id"),
        ("transactional_contents", "transactional_contents", "transactional_message_id"),
    ],
)
def test_children_arrive_with_their_parent(shared, everything, stream, kind, parent):
    found = {(record[parent], record["id"]): record for record in everything.records[stream]}
    written = {
        (int(of), one["id"]): one
        for of, children in shared.workspace.config[kind].items()
        for one in children
    }
    assert found.keys() == written.keys()
    for key, one in written.items():
        kept = {name: value for name, value in one.items() if name not in {"url", "headers"}}
        assert {name: found[key][name] for name in kept if name in found[key]} == {
            name: value for name, value in kept.items() if name in found[key]
        }


def test_actions_keep_languages_apart_and_their_ids_are_numbers(everything):
    found = everything.by("campaign_actions", "campaign_id", "id", "language")
    variants = [key for key in found if found[key]["multi_language_branch_action_id"] == 199]
    assert variants == [(1, 101, "en"), (1, 198, "de")]
    assert found[1, 198, "de"]["subject"] == "Willkommen"
    assert CampaignActions.primary_keys == ("campaign_id", "id", "language")


def test_rows_of_collections_keep_their_order(shared, everything):
    found = everything.by("collection_rows", "collection_id", "position")
    for id, rows in shared.workspace.config["collection_content"].items():
        assert [found[int(id), place]["row"] for place in range(len(rows))] == rows


def test_channels_are_kept_whole_whatever_their_form(shared, everything):
    found = everything.by("subscription_channels", "id")
    assert found.keys() == {"email", "sms"}
    assert found["sms"]["details"] == shared.workspace.config["subscription_channels"][1]


def test_errors_of_broadcasts_are_followed_over_pages(shared, everything):
    found = everything.by("broadcast_errors", "broadcast_id", "trigger_id", "position")
    written = shared.workspace.config["broadcast_errors"]["51:1"]
    assert [found[51, 1, place]["error"] for place in range(12)] == written
    assert len(found) == 12


def test_test_groups_arrive(everything):
    found = everything.by("newsletter_test_groups", "newsletter_id", "id")
    assert {key: record["content_ids"] for key, record in found.items()} == {(1, "1"): [11], (1, "2"): [12]}


def test_runs_of_broadcasts_have_their_status(everything):
    runs = everything.by("broadcast_triggers", "broadcast_id", "id")
    found = everything.by("broadcast_trigger_status", "broadcast_id", "id")
    assert found.keys() == runs.keys()
    assert all(one["recipients_count"] == 10 and one["data_file_processed"] for one in found.values())
    assert found[51, 1]["data_file_error_count"] == 12
    assert found[51, 1]["created_at"] == runs[51, 1]["created_at"]


@pytest.mark.parametrize(
    ("stream", "keys", "ids"),
    [
        ("campaign_action_metrics", ("campaign_id", "action_id"), ("campaign_id", "action_id")),
        ("broadcast_action_metrics", ("broadcast_id", "action_id"), ("broadcast_id", "action_id")),
        ("newsletter_content_metrics", ("newsletter_id", "content_id"), ("newsletter_id", "content_id")),
    ],
)
def test_metrics_of_single_messages_sum_up_to_their_deliveries(shared, everything, stream, keys, ids):
    found = everything.by(stream, *keys)
    sums = dict.fromkeys(found, 0)
    first = NOW - 420 * 86_400 if keys[0] == "campaign_id" else 0
    for delivery in shared.workspace.config["deliveries"]:
        key = tuple(delivery.get(id) for id in ids)
        if key in sums and delivery["metrics"].get("sent", -1) >= first:
            sums[key] += 1
    assert sum(sums.values()) > 0
    assert {key: sum(record["series"].get("sent", [])) for key, record in found.items()} == sums


@pytest.mark.parametrize(
    ("stream", "kind", "keys"),
    [
        ("campaign_link_metrics", "campaigns", ("campaign_id", "link_id")),
        ("campaign_action_link_metrics", "campaigns", ("campaign_id", "action_id", "link_id")),
        ("broadcast_link_metrics", "broadcasts", ("broadcast_id", "link_id")),
        ("broadcast_action_link_metrics", "broadcasts", ("broadcast_id", "action_id", "link_id")),
        ("newsletter_link_metrics", "newsletters", ("newsletter_id", "link_id")),
        ("newsletter_content_link_metrics", "newsletters", ("newsletter_id", "content_id", "link_id")),
        ("transactional_link_metrics", "transactional", ("transactional_message_id", "link_id")),
    ],
)
def test_clicks_on_links_arrive(shared, everything, stream, kind, keys):
    written = {
        (int(parent.split(":")[1]), *([link["part"]] if len(keys) == 3 else []), link["id"]): link
        for parent, links in shared.workspace.config["links"].items()
        for link in links
        if parent.startswith(f"{kind}:")
    }
    found = everything.by(stream, *keys)
    assert found.keys() == written.keys()
    for key, link in written.items():
        assert found[key]["href"] == link["link"]["href"]
        assert found[key]["series"] == link["metric"]["series"]


@pytest.mark.parametrize(
    ("stream", "key", "field", "metric"),
    [
        ("campaign_metrics", "campaign_id", "campaign_id", "sent"),
        ("journey_metrics", "campaign_id", "campaign_id", "messaged"),
        ("broadcast_metrics", "broadcast_id", "broadcast_id", "sent"),
        ("newsletter_metrics", "newsletter_id", "newsletter_id", "sent"),
        ("transactional_metrics", "transactional_message_id", "transactional_message_id", "sent"),
    ],
)
def test_metrics_sum_up_to_the_deliveries(shared, everything, stream, key, field, metric):
    found = everything.by(stream, key)
    sums = dict.fromkeys(found, 0)
    # The window of a campaign begins when it was made; a few deliveries are older.
    first = NOW - 420 * 86_400 if key == "campaign_id" else 0
    for delivery in shared.workspace.config["deliveries"]:
        if delivery.get(field) in sums and delivery["metrics"].get("sent", -1) >= first:
            sums[delivery[field]] += 1
    assert sum(sums.values()) > 0
    assert {id: sum(record["series"].get(metric, [])) for id, record in found.items()} == sums


def test_webhooks_come_without_credentials(everything):
    (webhook,) = everything.records["reporting_webhooks"]
    assert webhook["endpoint"] == "https://hooks.example.com/v1/customerio/[redacted]"
    (action,) = [r for r in everything.records["campaign_actions"] if r["type"] == "webhook"]
    assert action["url"] == "https://hooks.example.org/orders"
    assert action["headers"] == '{"Content-Type": "application/json", "X-Api-Key": "[redacted]"}'
    assert "secret-word" not in repr(everything.records)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (None, None),
        ("", ""),
        ("https://user:word@example.com:8443/v2/in#part", "https://example.com:8443/v2/in"),
        (
            "https://example.com/services/T00/B00/XyZ",
            "https://example.com/services/[redacted]/[redacted]/[redacted]",
        ),
        ("https://example.com:port/x", "[redacted]"),
    ],
)
def test_addresses_lose_what_may_be_secret(url, expected):
    assert redact.address(url) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ([], []),
        ([{"name": "X-Key", "value": "word"}], [{"name": "X-Key", "value": "[redacted]"}]),
        ({"Accept": "*/*", "Cookie": "word"}, {"Accept": "*/*", "Cookie": "[redacted]"}),
        ("{broken", "[redacted]"),
        ("X-Key: word", "[redacted]"),
    ],
)
def test_headers_lose_what_may_be_secret(value, expected):
    assert redact.headers(value) == expected


def test_a_list_that_many_need_is_asked_for_once(shared):
    shared.stats()
    shared.read(
        "campaigns", "campaign_actions", "campaign_metrics", "journey_metrics", "segments", "completeness"
    )
    endpoints = shared.stats()["endpoints"]
    assert endpoints["GET /v1/campaigns"] == 1
    assert endpoints["GET /v1/segments"] == 1


def test_objects_are_scanned_once_for_objects_and_relationships(shared):
    shared.stats()
    shared.read("object_types", "objects", "relationships")
    endpoints = shared.stats()["endpoints"]
    assert (endpoints["GET /v1/object_types"], endpoints["POST /v1/objects"]) == (1, 4)


# Bodies as sent


def test_bodies_are_read_for_one_delivery_of_each_template(shared):
    output = shared.read("archived_messages", archived_messages_sample=100)
    found = output.by("archived_messages", "id")
    made_from = [
        tuple(
            record[name] for name in ("action_id", "newsletter_id", "content_id", "transactional_message_id")
        )
        for record in found.values()
    ]
    assert len(set(made_from)) == len(made_from) > 20
    for record in found.values():
        assert (record["body"] is None) is record["forgotten"]
        assert record["forgotten"] or record["subject"] in record["body"] or not record["subject"]


def test_a_forgotten_body_is_flagged_and_costs_nothing(sandbox):
    last = {"id": "gone", "created": NOW, "type": "email", "forgotten": True, "transactional_message_id": 4}
    sandbox.writer.configure({"deliveries": [last]})
    sandbox.stats()
    (record,) = sandbox.read("archived_messages", archived_messages_sample=1).records["archived_messages"]
    assert (record["id"], record["forgotten"], record["body"]) == ("gone", True, None)
    assert sandbox.stats()["endpoints"] == {"GET /v1/messages": 1}


def test_two_runs_a_day_share_the_days_budget(sandbox, monkeypatch):
    monkeypatch.setattr("tap_customerio.streams.archived._PER_DAY", 4)
    path = "GET /v1/messages/{id}/archived_message"
    first = sandbox.read("archived_messages", archived_messages_sample=3)
    sandbox.stats()
    second = sandbox.read(
        "archived_messages", "completeness", state=first.states[-1], archived_messages_sample=3
    )
    assert sandbox.stats()["endpoints"][path] == 1
    assert second.by("completeness", "subject")["archived_messages"]["status"] == "partial"


def test_a_daily_quota_that_is_used_up_ends_the_sample_and_not_the_run(make_sandbox):
    sandbox = make_sandbox(people=20, archived_per_day=2)
    sandbox.stats()
    output = sandbox.read("archived_messages", "completeness", archived_messages_sample=50)
    with_body = [record for record in output.records["archived_messages"] if record["body"]]
    assert len(with_body) == 2
    assert sandbox.stats()["statuses"]["429"] == 1
    said = output.by("completeness", "subject")["archived_messages"]
    assert said["status"] == "partial"
    assert "the daily quota is used up" in said["reason"]


def test_no_body_is_read_unless_asked_for(shared):
    shared.stats()
    output = shared.read("archived_messages", "completeness")
    assert not output.records["archived_messages"]
    assert not any("archived" in endpoint for endpoint in shared.stats()["endpoints"])
    reason = output.by("completeness", "subject")["archived_messages"]["reason"]
    assert "archived_messages_sample is 0" in reason
