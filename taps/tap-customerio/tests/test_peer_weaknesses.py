"""What other readers of Customer.io were seen to get wrong, each shown not to happen here."""

from __future__ import annotations

import pytest
import requests

from tap_customerio.budget import Budget
from tap_customerio.client import Call, Client

NOW = 1_760_000_000  # the sandbox's time in tests
DAY = 86_400


def test_people_known_by_email_only_are_not_lost(shared, everything):
    by_email_only = {
        person.identifiers["email"] for person in shared.workspace.people if "id" not in person.identifiers
    }
    assert len(by_email_only) == 6
    for stream, key in (("people", "id"), ("consent", "person_id")):
        found = {record["email"] for record in everything.records[stream] if record[key] is None}
        assert found >= by_email_only


def test_custom_attributes_are_not_dropped(shared, everything):
    found = {record["id"] or record["email"]: record["attributes"] for record in everything.records["people"]}
    names = {name for person in shared.workspace.people for name in person.attributes}
    assert len(names) > 300
    assert {name for attributes in found.values() for name in attributes} >= names
    for person in shared.workspace.people:
        kept = found[person.identifiers.get("id") or person.email]
        assert {name: kept[name] for name in person.attributes} == person.attributes


def test_deliveries_older_than_half_a_year_are_not_cut_off(shared, everything):
    # The API answers an unbounded or too long request with the latest half year, and says nothing.
    plain = shared.get("/v1/messages", limit=1000, start_ts=0, end_ts=NOW)
    assert plain["next"] or len(plain["messages"]) < 1200
    older = [record for record in everything.records["deliveries"] if record["created"] < NOW - 183 * DAY]
    written = [d for d in shared.workspace.config["deliveries"] if d["created"] < NOW - 183 * DAY]
    assert len(older) == len(written) > 300
    assert min(record["created"] for record in older) < NOW - 400 * DAY


@pytest.mark.parametrize("stream", ["newsletters", "sender_identities"])
def test_a_cursor_after_the_last_page_ends_the_list(shared, everything, stream):
    last = shared.get(f"/v1/{stream}", limit=100)
    assert last["next"]
    assert shared.get(f"/v1/{stream}", start=last["next"]) == {stream: [], "next": ""}
    assert len(everything.records[stream]) == len(shared.workspace.config[stream])


def test_actions_are_not_cut_at_ten(shared, everything):
    written = shared.workspace.config["campaign_actions"]["2"]
    found = [record for record in everything.records["campaign_actions"] if record["campaign_id"] == 2]
    assert len(shared.get("/v1/campaigns/2/actions")["actions"]) == 10
    assert sorted(record["id"] for record in found) == sorted(action["id"] for action in written)
    assert len(found) == 13


def test_actions_are_read_although_their_campaign_did_not_change(sandbox):
    # A campaign's `updated` does not move with its actions, so it must not decide whether to read them.
    before = sandbox.read("campaigns", "campaign_actions")
    action = sandbox.workspace.config["campaign_actions"]["4"][0] | {"subject": "New words"}
    sandbox.writer.configure({"campaign_actions": {"4": [action]}})
    after = sandbox.read("campaigns", "campaign_actions", state=before.states[-1])
    assert after.records["campaigns"] == before.records["campaigns"]
    changed = {record["id"]: record for record in after.records["campaign_actions"]}[action["id"]]
    assert changed["subject"] == "New words"


def test_metrics_that_come_late_are_not_lost(sandbox):
    first = sandbox.read("deliveries")
    known = first.by("deliveries", "id")
    late = max(
        (record for record in known.values() if record["created"] < NOW - 20 * DAY),
        key=lambda record: record["created"],
    )
    sandbox.writer.configure({"delivery_metrics": {late["id"]: {"clicked": NOW, "converted": NOW}}})
    again = sandbox.read("deliveries", state=first.states[-1], deliveries_reread_days=60).by(
        "deliveries", "id"
    )
    assert again[late["id"]]["metrics"] == late["metrics"] | {"clicked": NOW, "converted": NOW}


def test_a_person_is_never_asked_for_by_a_bare_cio_id(sandbox):
    cio_id = sandbox.read("people").records["people"][0]["cio_id"]
    path = f"/v1/customers/{cio_id}/subscription_preferences"
    assert sandbox.get(path)["errors"][0]["status"] == "404"  # taken for the workspace's own id
    output = sandbox.read("subscription_preferences", "completeness", preferences_per_person=True)
    topics = {r["cio_id"] for r in output.records["subscription_preferences"] if r["kind"] == "topic"}
    assert len(topics) == len(sandbox.workspace.people)
    assert output.by("completeness", "subject")["subscription_preferences"]["skipped"] == 0


def test_accounts_in_the_eu_work(make_sandbox):
    sandbox = make_sandbox(people=5, region="eu")
    key = {"Authorization": "Bearer sandbox-app-key"}
    other = requests.get(f"{sandbox.url}/v1/segments", headers=key | {"Host": "api.customer.io"})
    assert other.status_code == 401
    assert requests.get(f"{sandbox.url}/v1/segments", headers=key | {"Host": "api-eu.customer.io"}).ok
    assert Client("test-key", region="eu").api_url == "https://api-eu.customer.io"
    assert len(sandbox.read("people", region="eu").records["people"]) == 5


def test_one_streams_403_hides_no_other(sandbox):
    sandbox.settings.forbidden = "/v1/object_types"  # the first stream that is read after the workspace
    output = sandbox.read()
    said = output.by("completeness", "subject")
    closed = {subject for subject, line in said.items() if line["status"] == "unreadable"}
    assert closed == {"object_types", "objects", "relationships"}
    assert "HTTP 403" in said["objects"]["reason"]
    assert len(output.records["people"]) == len(sandbox.workspace.people)
    assert len(output.records["deliveries"]) == len(sandbox.workspace.config["deliveries"])


def test_retry_after_is_obeyed_by_everybody(sandbox):
    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

        def sleep(self, seconds):
            self.now += seconds

    clock = Clock()
    client = Client(
        "sandbox-app-key", api_url=sandbox.url, budget=Budget(1000, clock, clock.sleep), workers=4
    )
    sandbox.fault("status", status=429, retry_after=45, count=1)
    sandbox.stats()
    calls = [Call("/v1/segments/{id}", {"id": n}) for n in range(1, 13)]
    assert len(list(client.map(client.call, calls))) == 12
    assert clock.now >= 45
    assert sandbox.stats()["statuses"] == {"200": 12, "429": 1}
