"""The App API of the sandbox: its quirks and limits, as the vendor's documents and others' logs have them."""

from __future__ import annotations

import pytest
import requests

from tap_customerio.sandbox import Settings
from tap_customerio.sandbox.faults import Bucket, Stats

NOW = 1_760_000_000  # the sandbox's time in tests

DAY = 86_400
KEY = {"Authorization": "Bearer sandbox-app-key"}


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic abc"}])
def test_every_bad_key_gets_the_same_401(shared, header):
    answer = requests.get(f"{shared.url}/v1/segments", headers=header)
    assert (answer.status_code, answer.json()) == (401, {"meta": {"error": "Unauthorized request"}})


def test_a_key_of_the_other_region_is_a_wrong_key(shared):
    answer = requests.get(f"{shared.url}/v1/segments", headers=KEY | {"Host": "api-eu.customer.io"})
    assert answer.status_code == 401
    assert requests.get(f"{shared.url}/v1/segments", headers=KEY | {"Host": "api.customer.io"}).ok


def test_a_known_route_answers_404_in_json_and_an_unknown_one_in_html(shared):
    gone = requests.get(f"{shared.url}/v1/segments/999", headers=KEY)
    assert gone.status_code == 404
    assert gone.json()["errors"][0]["status"] == "404"
    assert gone.json()["errors"][0]["detail"].startswith("not found (reference ")
    for wrong in (
        requests.get(f"{shared.url}/v1/nothing", headers=KEY),
        requests.put(f"{shared.url}/v1/segments", headers=KEY),
    ):
        assert wrong.status_code == 404
        assert wrong.headers["Content-Type"].startswith("text/html")


def test_the_rate_limit_answers_429_with_retry_after(make_sandbox):
    sandbox = make_sandbox(rate_limit=True, rate=1)
    answers = [requests.get(f"{sandbox.url}/v1/segments", headers=KEY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["Retry-After"] == "1"
    assert answers[1].json()["errors"][0]["detail"].startswith("rate limited to 1 requests per 1s")


def test_the_bucket_refills_evenly():
    bucket = Bucket()
    taken = [bucket.take(10, now) for now in [5.0] * 12 + [5.05, 5.15, 5.16, 99.0]]
    assert taken == [True] * 10 + [False, False, False, True, False, True]


def test_stats_know_the_busiest_second():
    stats = Stats()
    for moment in (1.0, 1.1, 1.9, 2.0, 2.05, 2.95):
        stats.arrived(moment)
    assert stats.report()["most_per_second"] == 4


def search(sandbox, filter, **query):
    return sandbox.post("/v1/customers", {"filter": filter}, **query)


def leaf(field, value=None):
    test = {"field": field, "operator": "exists" if value is None else "eq"}
    return {"attribute": test | ({} if value is None else {"value": value})}


def test_the_filter_grammar(shared):
    people = shared.workspace.people

    def count(filter):
        return len(search(shared, filter, limit=1000)["identifiers"])

    everyone = len(people)
    pro = sum(p.attributes["plan"] == "pro" for p in people)
    mixed = sum(p.attributes["lead_score"] == "n/a" for p in people)
    assert count({"and": [leaf("cio_id")]}) == everyone
    assert count(leaf("id")) == everyone - 6
    assert count(leaf("plan", "pro")) == pro > 0
    assert count({"not": leaf("plan", "pro")}) == everyone - pro
    assert count({"or": [leaf("plan", "pro"), leaf("plan", "free")]}) > pro
    assert count(leaf("lead_score", "n/a")) == mixed
    assert count(leaf("lead_score", "100")) == sum(p.attributes["lead_score"] == 100 for p in people)
    assert count(leaf("unsubscribed", "true")) == sum(p.attributes["unsubscribed"] for p in people)
    assert count(leaf("Plan")) == sum("Plan" in p.attributes for p in people) > 0
    assert count({"segment": {"id": 5}}) == pro


@pytest.mark.parametrize(
    "filter",
    [
        {},
        {"and": []},
        {"and": [leaf("id")], "or": [leaf("id")]},
        {"not": [leaf("id")]},
        {"attribute": {"field": "plan", "operator": "contains", "value": "p"}},
        {"attribute": {"field": "score", "operator": "eq", "value": 5}},
        {"segment": {"id": 99}},
    ],
)
def test_what_the_grammar_does_not_have_is_a_400(shared, filter):
    assert search(shared, filter)["errors"][0]["status"] == "400"


def test_ids_are_empty_text_where_there_is_none(shared):
    found = search(shared, leaf("cio_id"), limit=1000)
    assert found["ids"].count("") == 6
    assert [person["id"] or "" for person in found["identifiers"]] == found["ids"]
    assert found["next"] == ""


def test_cursors_are_opaque_and_need_encoding(shared):
    first = search(shared, leaf("cio_id"), limit=1)
    assert first["next"].endswith("=")
    second = search(shared, leaf("cio_id"), limit=1, start=first["next"])
    assert second["identifiers"] != first["identifiers"]
    assert search(shared, leaf("cio_id"), start="nonsense")["errors"][0]["status"] == "400"


def test_bulk_attributes_leave_unknown_ids_out(shared):
    path, ids = "/v1/customers/attributes", ["user-000001", "nobody", ""]
    assert [p["id"] for p in shared.post(path, {"ids": ids})["customers"]] == ["user-000001"]
    cio_id = shared.post(path, {"ids": ids})["customers"][0]["identifiers"]["cio_id"]
    assert len(shared.post(path, {"ids": [cio_id]}, id_type="cio_id")["customers"]) == 1
    assert shared.post(path, {"ids": [f"cio_{cio_id}"]}, id_type="cio_id")["customers"] == []
    assert shared.post(path, {"ids": ["x"] * 101})["errors"][0]["status"] == "400"


def test_objects_are_listed_by_type(shared):
    exists = {"object_attribute": {"field": "object_id", "operator": "exists", "type_id": "1"}}
    found = shared.post("/v1/objects", {"object_type_id": "1", "filter": {"and": [exists]}}, limit=4)
    assert found["ids"] == ["company-001", "company-002", "company-003", "company-004"]
    assert found["next"]
    assert shared.post("/v1/objects", {"object_type_id": "9", "filter": exists})["errors"]


def test_activities_come_newest_first_and_only_of_the_last_month(make_sandbox):
    sandbox = make_sandbox(people=20)
    pages, query = [], {"limit": 100, "type": "event"}
    while True:
        page = sandbox.get("/v1/activities", **query)
        pages += page["activities"]
        if not page["next"]:
            break
        query["start"] = page["next"]
    moments = [activity["timestamp"] for activity in pages]
    assert moments == sorted(moments, reverse=True)
    assert len(pages) == sum(event.kind == "event" for event in sandbox.workspace.events) > 100
    sandbox.settings.clock = NOW + 20 * DAY
    assert len(sandbox.get("/v1/activities", limit=100)["activities"]) <= len(pages)
    sandbox.settings.clock = NOW + 31 * DAY
    assert sandbox.get("/v1/activities", limit=100, type="event")["activities"] == []


def test_a_cio_id_carries_a_prefix_among_activities(shared):
    cio_id = shared.get("/v1/customers/user-000001/attributes")["customer"]["identifiers"]["cio_id"]
    mine = shared.get("/v1/activities", customer_id=f"cio_{cio_id}")["activities"]
    assert mine
    assert {activity["customer_id"] for activity in mine} == {"user-000001"}
    assert mine == shared.get("/v1/activities", customer_id="user-000001")["activities"]


def test_messages_are_cut_to_half_a_year_with_both_bounds_inside(shared):
    written = shared.workspace.config["deliveries"]
    assert {"newsletter_id", "campaign_id", "broadcast_id", "transactional_message_id"} <= {
        key for delivery in written for key in delivery
    }

    def ids(**query):
        return {m["id"] for m in shared.get("/v1/messages", limit=1000, **query)["messages"]}

    def between(start, end):
        return {d["id"] for d in written if start <= d["created"] <= end}

    assert ids() == between(NOW - 182 * DAY, NOW)
    assert ids(start_ts=0, end_ts=NOW) == between(NOW - 182 * DAY, NOW)
    one = written[len(written) // 2]["created"]
    assert ids(start_ts=one, end_ts=one) == between(one, one)
    assert ids(start_ts=one, end_ts=one + 10 * DAY) == between(one, one + 10 * DAY)


def test_messages_can_be_asked_for_by_what_sent_them(shared):
    recent = [d for d in shared.workspace.config["deliveries"] if d["created"] >= NOW - 182 * DAY]
    for name in ("campaign_id", "newsletter_id"):
        value = next(d[name] for d in recent if name in d)
        found = shared.get("/v1/messages", limit=1000, **{name: value})["messages"]
        assert {m["id"] for m in found} == {d["id"] for d in recent if d.get(name) == value}
    opened = shared.get("/v1/messages", limit=1000, metric="opened")["messages"]
    assert {m["id"] for m in opened} == {d["id"] for d in recent if "opened" in d["metrics"]}
    (single,) = [shared.get(f"/v1/messages/{opened[0]['id']}")["message"]]
    assert single == opened[0]


def test_actions_come_ten_a_page_with_ids_as_text(shared):
    first = shared.get("/v1/campaigns/2/actions")
    second = shared.get("/v1/campaigns/2/actions", start=first["next"])
    assert (len(first["actions"]), len(second["actions"]), second["next"]) == (10, 3, "")
    assert first["actions"][0]["id"] == "201"
    assert shared.get("/v1/campaigns/2")["campaign"]["actions"][0]["id"] == 201


def test_newsletters_keep_a_cursor_on_their_last_page(shared):
    last = shared.get("/v1/newsletters", limit=100)
    assert len(last["newsletters"]) == 8
    assert shared.get("/v1/newsletters", start=last["next"]) == {"newsletters": [], "next": ""}


@pytest.mark.parametrize(
    ("path", "key", "count"),
    [
        ("/v1/campaigns", "campaigns", 12),
        ("/v1/broadcasts", "broadcasts", 3),
        ("/v1/broadcasts/51/actions", "actions", 1),
        ("/v1/broadcasts/51/triggers", "triggers", 2),
        ("/v1/transactional", "messages", 4),
        ("/v1/transactional/1/contents", "contents", 1),
        ("/v1/snippets", "snippets", 10),
        ("/v1/collections", "collections", 3),
        ("/v1/subscription_topics", "topics", 3),
        ("/v1/sender_identities", "sender_identities", 2),
        ("/v1/segments", "segments", 15),
        ("/v1/object_types", "types", 4),
        ("/v1/workspaces", "workspaces", 1),
    ],
)
def test_what_people_made_is_listed(shared, path, key, count):
    assert len(shared.get(path)[key]) == count


def test_contents_and_rows(shared):
    newsletter = shared.get("/v1/newsletters/1")["newsletter"]
    contents = shared.get("/v1/newsletters/1/contents")["contents"]
    assert [content["id"] for content in contents] == newsletter["content_ids"]
    assert len(shared.get("/v1/collections/1/content")) == 5
    sizes = shared.get("/v1/workspaces")["workspaces"][0]
    assert (sizes["people"], sizes["objects"]) == (200, len(shared.workspace.objects))


def test_segments_list_without_conditions_and_count(shared):
    assert not any("conditions" in segment for segment in shared.get("/v1/segments")["segments"])
    assert "conditions" in shared.get("/v1/segments/5")["segment"]
    size = sum(p.attributes["plan"] == "pro" for p in shared.workspace.people)
    assert shared.get("/v1/segments/5/customer_count") == {"segment_id": 5, "count": size}


def test_manual_segments_can_be_made_and_removed(sandbox):
    blank = sandbox.post("/v1/segments", {"segment": {"name": ""}})
    assert blank["errors"][0]["source"] == {"pointer": "/data/attributes/name"}
    made = sandbox.post("/v1/segments", {"segment": {"name": "New"}})["segment"]
    assert (made["id"], made["type"]) == (16, "manual")
    assert requests.delete(f"{sandbox.url}/v1/segments/16", headers=KEY).status_code == 204
    assert len(sandbox.get("/v1/segments")["segments"]) == 15


def test_settings_come_from_the_environment(tmp_path):
    settings = Settings.from_environment(
        {
            "CUSTOMERIO_SANDBOX_REGION": "eu",
            "CUSTOMERIO_SANDBOX_RATE_LIMIT": "off",
            "CUSTOMERIO_SANDBOX_RATE": "100",
            "CUSTOMERIO_SANDBOX_CLOCK": "1700000000",
            "CUSTOMERIO_SANDBOX_DB": str(tmp_path / "a.db"),
            "OTHER": "1",
        }
    )
    assert (settings.region, settings.rate_limit, settings.rate, settings.now) == (
        "eu",
        False,
        100,
        1_700_000_000,
    )


def test_a_file_keeps_the_workspace(make_sandbox, tmp_path):
    path = str(tmp_path / "a b.db")
    first = make_sandbox(people=5, db=path).get("/v1/customers/user-000001/attributes")
    again = make_sandbox(people=5, db=path)
    assert again.get("/v1/customers/user-000001/attributes") == first
    assert again.get("/v1/workspaces")["workspaces"][0]["people"] == 5


def test_unknown_faults_and_settings_are_refused(shared):
    for path, body in (
        ("faults", {"kind": "gremlin"}),
        ("config", {"unicorns": []}),
        ("config", {"settings": {"x": 1}}),
    ):
        assert requests.post(f"{shared.url}/_sandbox/{path}", json=body).status_code == 400


def test_metrics_are_refused_without_their_window(shared):
    for path, query in (
        ("/v1/campaigns/1/metrics", {}),
        ("/v1/campaigns/1/metrics", {"version": 2}),
        ("/v1/campaigns/1/metrics", {"version": 2, "start": 5, "end": 5, "res": "days"}),
        ("/v1/campaigns/1/journey_metrics", {"start": 1, "end": NOW}),
        ("/v1/newsletters/1/metrics", {"period": "years"}),
    ):
        assert shared.get(path, **query)["errors"][0]["status"] == "400"
    assert shared.get("/v1/campaigns/99/metrics", version=1)["errors"][0]["status"] == "404"


def test_metrics_of_a_period_are_cut_to_their_longest(shared):
    long = shared.get("/v1/newsletters/1/metrics", period="weeks", steps=500)["metric"]["series"]
    assert {len(counts) for counts in long.values()} <= {12}
    assert long


def test_a_path_can_be_closed_as_for_a_key_of_narrow_scope(sandbox):
    sandbox.settings.forbidden = "/v1/campaigns,/v1/esp"
    statuses = {
        path: requests.get(sandbox.url + path, headers=KEY).status_code
        for path in ("/v1/campaigns", "/v1/campaigns/1", "/v1/esp/suppression/blocks", "/v1/segments")
    }
    assert list(statuses.values()) == [403, 403, 403, 200]


def test_bodies_have_a_daily_quota_that_names_no_time(make_sandbox):
    sandbox = make_sandbox(archived_per_day=2)
    id = sandbox.workspace.config["deliveries"][0]["id"]
    url = f"{sandbox.url}/v1/messages/{id}/archived_message"
    answers = [requests.get(url, headers=KEY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "Retry-After" not in answers[2].headers
    sandbox.settings.clock = NOW + DAY
    assert requests.get(url, headers=KEY).status_code == 200


def test_a_broadcast_can_be_triggered_once_in_ten_seconds(make_sandbox):
    sandbox = make_sandbox(rate_limit=True, rate=1000)
    url = f"{sandbox.url}/v1/campaigns/51/triggers"
    answers = [requests.post(url, json={}, headers=KEY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["Retry-After"] == "10"
    runs = sandbox.get("/v1/broadcasts/51/triggers")["triggers"]
    assert [run["id"] for run in runs] == [1, 2, 3]


def test_hidden_senders_are_listed_alone(shared):
    def ids(**query):
        return [s["id"] for s in shared.get("/v1/sender_identities", **query)["sender_identities"]]

    assert (ids(), ids(hidden="true")) == ([1, 2], [3])


def test_suppressions_end_with_null(shared):
    assert shared.get("/v1/esp/suppression/blocks", offset=500) == {"suppressions": None}
    assert shared.get("/v1/esp/suppression/nonsense")["errors"][0]["status"] == "400"
    emails = [one["email"] for one in shared.get("/v1/esp/suppression/bounces")["suppressions"]]
    assert emails == sorted(emails)


def test_design_studio_has_numbered_pages(shared):
    pages = [shared.get("/v1/design_studio/emails", page=n, limit=3)["emails"] for n in (1, 2, 3)]
    assert [len(page) for page in pages] == [3, 1, 0]
    assert shared.get("/v1/design_studio/emails", updated_after=NOW)["emails"] == []


def test_requests_that_come_before_a_429_is_over_are_counted(sandbox):
    sandbox.fault("status", status=429, retry_after=60)
    sandbox.stats()
    for _ in range(3):
        sandbox.get("/v1/snippets")
    counted = sandbox.stats()
    assert (counted["statuses"], counted["early"]) == ({"200": 2, "429": 1}, 2)
    sandbox.get("/v1/snippets")
    assert sandbox.stats()["early"] == 0  # counts began anew
