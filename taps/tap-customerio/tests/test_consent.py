"""What people agreed to: raw streams and the joined one, against what was written into the sandbox."""

from __future__ import annotations

import json

import pytest

from tap_customerio.streams.consent import preferences

RAW = ("subscription_preferences", "optouts", "esp_suppressions")
TOPICS = {"topic_1": True, "topic_2": True, "topic_3": True}


def name_of(record):
    return record.get("person_id") or record.get("id") or record["email"]


def written_preferences(person):
    return json.loads(person.attributes.get("cio_subscription_preferences", "{}"))


def test_preferences_are_decoded_by_topic_and_channel(shared, everything):
    found = {
        (name_of(record), record["kind"], record["name"]): record["subscribed"]
        for record in everything.by("subscription_preferences", "cio_id", "kind", "name").values()
    }
    expected = {
        (person.identifiers.get("id") or person.email, kind, name): subscribed
        for person in shared.workspace.people
        for kind in ("topic", "channel")
        for name, subscribed in written_preferences(person).get(f"{kind}s", {}).items()
    }
    assert found == expected
    assert {kind for _, kind, _ in found} == {"topic", "channel"}


def test_optouts_arrive_by_channel_and_sender(shared, everything):
    cio = {record["id"] or record["email"]: record["cio_id"] for record in everything.records["people"]}
    expected = {
        (cio[person["customer"].get("id") or person["customer"]["email"]], optout["channel"], optout["from"])
        for person in shared.workspace.config["optouts"]
        for optout in person["optouts"]
    }
    assert everything.by("optouts", "cio_id", "channel", "from").keys() == expected
    assert len(expected) > 5


def test_suppressions_of_all_four_kinds_arrive(shared, everything):
    written = {
        (kind, one["email"]): one
        for kind, addresses in shared.workspace.config["esp_suppressions"].items()
        for one in addresses
    }
    found = everything.by("esp_suppressions", "kind", "email")
    assert found.keys() == written.keys()
    assert {kind for kind, _ in found} == {"bounces", "blocks", "spam_reports", "invalid_emails"}
    for key, record in found.items():
        assert (record["created"], record["reason"]) == (written[key]["created"], written[key]["reason"])


def test_suppressions_are_read_by_sending_domain(shared, everything):
    domains = ["mail.example.com", "unknown.example.com"]
    found = shared.read("esp_suppressions", sending_domains=domains).records["esp_suppressions"]
    written = [
        one["email"]
        for addresses in shared.workspace.config["esp_suppressions"].values()
        for one in addresses
        if one["domain"] == "mail.example.com"
    ]
    assert sorted(record["email"] for record in found) == sorted(written)
    assert {record["domain"] for record in found} == {"mail.example.com"}


def test_suppressions_are_paged_by_offset(sandbox):
    many = [
        {"domain": "d.example.com", "email": f"p{n:04}@example.org", "created": 1, "reason": "", "status": ""}
        for n in range(2100)
    ]
    sandbox.writer.configure({"esp_suppressions": {"blocks": many}})
    sandbox.stats()
    found = sandbox.read("esp_suppressions").by("esp_suppressions", "kind", "domain", "email")
    assert sum(kind == "blocks" for kind, _, _ in found) >= 2100
    assert sandbox.stats()["requests"] == 3 + 3


def test_consent_joins_everything_by_person(shared, everything):
    people = {name_of(record): record for record in everything.records["people"]}
    joined = everything.by("consent", "cio_id")
    assert joined.keys() == {record["cio_id"] for record in people.values()}
    suppressed = {
        one["email"]: kind
        for kind, addresses in shared.workspace.config["esp_suppressions"].items()
        for one in addresses
    }
    optouts = {
        one["customer"].get("id") or one["customer"].get("email"): one["optouts"]
        for one in shared.workspace.config["optouts"]
    }
    for person in shared.workspace.people:
        name = person.identifiers.get("id") or person.email
        record = joined[people[name]["cio_id"]]
        chosen = written_preferences(person)
        assert record["unsubscribed"] is person.attributes["unsubscribed"]
        assert record["phone"] == people[name]["phone"]
        assert record["topics"] == TOPICS | chosen.get("topics", {})
        assert record["channels"] == chosen.get("channels", {})
        assert record["optouts"] == optouts.get(name, [])
        kind = suppressed.get((person.email or "").lower())
        assert [one["kind"] for one in record["suppressions"]] == ([kind] if kind else [])
    assert sum(bool(record["suppressions"]) for record in joined.values()) > 3


def test_consent_costs_no_request_beside_people_and_the_raw_streams(shared):
    shared.stats()
    shared.read("people", "subscription_topics", *RAW)
    without = shared.stats()["requests"]
    shared.read("people", "subscription_topics", *RAW, "consent")
    assert shared.stats()["requests"] == without


def test_consent_is_the_same_when_it_is_read_alone(shared, everything):
    assert shared.read("consent").records["consent"] == everything.records["consent"]


def test_a_part_that_is_closed_is_null_and_not_empty(sandbox):
    sandbox.settings.forbidden = "/v1/esp"
    output = sandbox.read("people", "optouts", "esp_suppressions", "consent", "completeness")
    assert len(output.records["consent"]) == len(sandbox.workspace.people)
    assert {record["suppressions"] for record in output.records["consent"]} == {None}
    assert all(record["optouts"] is not None for record in output.records["consent"])
    said = output.by("completeness", "subject")
    assert said["esp_suppressions"]["status"] == "unreadable"
    assert said["consent"]["status"] == "partial"
    assert "suppressions could not be read" in said["consent"]["reason"]


def test_preferences_can_be_asked_for_person_by_person(sandbox):
    sandbox.stats()
    output = sandbox.read("people", "subscription_preferences", preferences_per_person=True)
    people = len(sandbox.workspace.people)
    endpoints = sandbox.stats()["endpoints"]
    assert endpoints["GET /v1/customers/{id}/subscription_preferences"] == people
    topics = [r for r in output.records["subscription_preferences"] if r["kind"] == "topic"]
    assert len(topics) == 3 * people
    chosen = {name_of(r): r["subscribed"] for r in topics if r["name"] == "topic_2"}
    for person in sandbox.workspace.people:
        expected = written_preferences(person).get("topics", {}).get("topic_2", True)
        assert chosen[person.identifiers.get("id") or person.email] is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, {"topics": {}, "channels": {}}),
        ("", {"topics": {}, "channels": {}}),
        ('{"topics":{"topic_1":"false"}}', {"topics": {"topic_1": False}, "channels": {}}),
        ({"channels": {"sms": True}}, {"topics": {}, "channels": {"sms": True}}),
        ('{"topics":{"topic_1":"perhaps"}}', {"topics": {}, "channels": {}}),
        ('{"topics":', None),
        ("[1]", None),
        ('{"topics":[1]}', None),
    ],
)
def test_preferences_come_in_several_forms(value, expected):
    assert preferences(value) == expected


def test_preferences_that_cannot_be_understood_are_counted(sandbox):
    sandbox.writer.track.identify("user-000001", cio_subscription_preferences="{broken")
    output = sandbox.read("subscription_preferences", "consent", "completeness")
    said = output.by("completeness", "subject")
    assert (said["consent"]["status"], said["consent"]["skipped"]) == ("partial", 1)
    assert "cannot be understood" in said["subscription_preferences"]["reason"]
    unknown = [record for record in output.records["consent"] if record["topics"] is None]
    assert [record["person_id"] for record in unknown] == ["user-000001"]
