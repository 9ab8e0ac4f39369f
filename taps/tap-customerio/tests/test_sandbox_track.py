"""The Track API of the sandbox, written to by the vendor's own client."""

from __future__ import annotations

import pytest
import requests
from customerio import CustomerIOException

from tap_customerio.workspace.load import Sandbox

NOW = 1_760_000_000  # the sandbox's time in tests

ADA = {"type": "person", "identifiers": {"id": "ada"}}
HALL = {"type": "object", "identifiers": {"object_type_id": "4", "object_id": "hall"}}


@pytest.fixture
def track(sandbox):
    return sandbox.writer.track


@pytest.fixture
def person(sandbox):
    """Reads one person back by id."""
    return lambda id: sandbox.get(f"/v1/customers/{id}/attributes").get("customer")


def activities(sandbox, id):
    return sandbox.get(f"/v1/customers/{id}/activities", limit=100)["activities"]


def test_identify_adds_and_changes_a_person(track, person, sandbox):
    track.identify("ada", email="ada@example.com", plan="free", tags=["a"], city="Leeds")
    track.identify("ada", plan="pro", city="", age=None)
    found = person("ada")
    assert found["identifiers"]["email"] == "ada@example.com"
    assert found["attributes"] | {"cio_id": ""} == {
        "id": "ada",
        "email": "ada@example.com",
        "cio_id": "",
        "plan": "pro",
        "tags": ["a"],
    }
    assert found["timestamps"]["plan"] == NOW
    changes = [a["data"] for a in activities(sandbox, "ada") if a["type"] == "attribute_change"]
    assert changes[0]["plan"] == {"from": "free", "to": "pro"}


def test_an_identify_that_changes_nothing_leaves_no_trace(track, sandbox):
    track.identify("ada", plan="free")
    track.identify("ada", plan="free")
    assert [a["type"] for a in activities(sandbox, "ada")] == ["profile_create"]


def test_events_pages_and_backfill_become_activities(track, sandbox):
    track.identify("ada")
    track.track("ada", "Order placed", {"amount": 9.5}, id="01ARZ3NDEKTSV4RRFFQ69G5FAV", timestamp=NOW - 5)
    track.track("ada", "Order placed", {"amount": 1}, id="01ARZ3NDEKTSV4RRFFQ69G5FAV", timestamp=NOW - 5)
    track.pageview("ada", "https://www.example.com/pricing", title="Pricing")
    track.backfill("ada", "Old", NOW - 86_400, source="import")
    track.backfill("ada", "Too old to be listed", NOW - 31 * 86_400)
    track.track_anonymous("nobody-known", "Visit")
    found = [(a["type"], a.get("name") or a.get("url"), a["timestamp"]) for a in activities(sandbox, "ada")]
    assert found == [
        ("page", "https://www.example.com/pricing", NOW),
        ("profile_create", None, NOW),
        ("event", "Order placed", NOW - 5),
        ("event", "Old", NOW - 86_400),
    ]


def test_devices(track, person):
    track.identify("ada")
    track.add_device("ada", "token-1", "ios", last_used=NOW)
    track.add_device("ada", "token-2", "android")
    track.delete_device("ada", "token-1")
    assert [(device["id"], device["platform"]) for device in person("ada")["devices"]] == [
        ("token-2", "android")
    ]


def test_delete_suppress_and_come_back(track, person, sandbox):
    track.identify("ada", plan="free")
    track.delete("ada")
    assert person("ada") is None
    track.identify("ada", plan="pro")
    track.suppress("ada")
    track.identify("ada", plan="pro")
    assert person("ada") is None
    track.unsuppress("ada")
    track.identify("ada", plan="pro")
    assert person("ada")["attributes"]["plan"] == "pro"
    listed = sandbox.get("/v1/activities", type="profile_delete", limit=100)["activities"]
    assert listed == []
    assert len(sandbox.get("/v1/activities", type="profile_delete", deleted="true")["activities"]) == 2


def test_merge_keeps_the_primary_and_all_that_happened(track, person, sandbox):
    track.identify("ada", plan="free")
    track.identify("ada-old", plan="pro", city="Leeds")
    track.track("ada-old", "Visit")
    track.merge_customers("id", "ada", "id", "ada-old")
    assert person("ada-old") is None
    assert person("ada")["attributes"]["plan"] == "free"
    assert person("ada")["attributes"]["city"] == "Leeds"
    assert {"event", "profile_merge"} <= {a["type"] for a in activities(sandbox, "ada")}


def test_people_known_by_email_keep_their_number_when_an_id_comes(track, sandbox):
    track.identify("ada@example.com", first_name="Ada")
    (before,) = sandbox.get("/v1/customers", email="ada@example.com")["results"]
    assert before["id"] is None
    who = {"type": "person", "identifiers": {"email": "ada@example.com"}}
    track.batch([who | {"action": "identify", "attributes": {"id": "ada"}}])
    (after,) = sandbox.get("/v1/customers", email="ada@example.com")["results"]
    assert after == before | {"id": "ada"}
    track.identify(f"cio_{before['cio_id']}", plan="pro")
    assert sandbox.get("/v1/customers/ada/attributes")["customer"]["attributes"]["plan"] == "pro"


def test_objects_and_relationships_from_both_sides(track, sandbox):
    link = {"identifiers": {"id": "ada"}, "relationship_attributes": {"role": "owner"}}
    track.batch([HALL | {"action": "identify", "attributes": {"name": "Hall"}, "cio_relationships": [link]}])
    mine = sandbox.get("/v1/customers/ada/relationships")["cio_relationships"]
    assert [(r["object_type_id"], r["identifiers"]["object_id"], r["attributes"]) for r in mine] == [
        (4, "hall", {"role": "owner"})
    ]
    gate = {"identifiers": {"object_type_id": "4", "object_id": "gate"}}
    track.batch([ADA | {"action": "add_relationships", "cio_relationships": [gate]}])
    assert len(sandbox.get("/v1/customers/ada/relationships")["cio_relationships"]) == 2
    track.batch([HALL | {"action": "delete_relationships", "cio_relationships": [link]}])
    assert sandbox.get("/v1/objects/4/hall/relationships")["cio_relationships"] == []
    track.batch([HALL | {"action": "delete"}])
    assert sandbox.get("/v1/objects/4/hall/attributes")["errors"][0]["status"] == "404"


def test_a_batch_does_what_is_valid_and_names_the_rest(track, person):
    answer = track.batch(
        [
            ADA | {"action": "identify", "attributes": {"plan": "pro"}},
            ADA | {"action": "dance"},
            {
                "type": "object",
                "action": "identify",
                "identifiers": {"object_type_id": "99", "object_id": "x"},
            },
            {"type": "person", "action": "identify", "identifiers": {}},
            ADA | {"action": "identify", "attributes": {f"a{n}": 1 for n in range(301)}},
            ADA | {"action": "identify", "attributes": {"long": "x" * 40_000}},
        ]
    )
    assert answer.status_code == 207
    errors = answer.json()["errors"]
    assert [error["batch_index"] for error in errors] == [1, 2, 3, 4, 5]
    assert errors[1]["field"] == "identifiers.object_type_id"
    assert all(error.keys() == {"batch_index", "reason", "field", "message"} for error in errors)
    assert person("ada")["attributes"]["plan"] == "pro"


def test_entity_takes_one_operation(sandbox, person):
    url, key = f"{sandbox.url}/api/v2/entity", ("sandbox-site", "sandbox-track-key")
    good = requests.post(url, json=ADA | {"action": "identify", "attributes": {"plan": "pro"}}, auth=key)
    assert (good.status_code, good.json()) == (200, {})
    assert person("ada")["attributes"]["plan"] == "pro"
    bad = requests.post(url, json={"type": "table"}, auth=key)
    assert bad.status_code == 400
    assert bad.json()["errors"][0]["field"] == "type"


def test_too_large_a_batch_is_refused_as_a_whole(track):
    with pytest.raises(CustomerIOException, match=r"^400: .*larger than 500kb"):
        track.batch([ADA | {"action": "identify", "attributes": {"bio": "x" * 900}}] * 600)


def test_manual_segments_take_people_in_and_out(sandbox, track):
    track.identify("ada")
    writer = sandbox.writer
    writer.add_members(15, ["ada", "nobody"])
    found = sandbox.get("/v1/segments/15/membership")
    assert [person["id"] for person in found["identifiers"]] == ["ada"]
    key = ("sandbox-site", "sandbox-track-key")
    requests.post(f"{sandbox.url}/api/v1/segments/15/remove_customers", json={"ids": ["ada"]}, auth=key)
    empty = sandbox.get("/v1/segments/15/membership")
    assert (empty["identifiers"], empty["ids"], empty["next"]) == (None, None, "")
    dynamic = requests.post(f"{sandbox.url}/api/v1/segments/1/add_customers", json={"ids": ["ada"]}, auth=key)
    assert dynamic.status_code == 400


def test_a_wrong_track_key_is_refused(sandbox):
    answer = requests.get(f"{sandbox.url}/api/v1/accounts/region", auth=("sandbox-site", "other"))
    assert answer.status_code == 401
    assert answer.json() == {"meta": {"error": "Unauthorized request"}}
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    right = requests.get(f"{sandbox.url}/api/v1/accounts/region", auth=("sandbox-site", "sandbox-track-key"))
    assert right.json()["region"] == "us"


def test_a_malformed_body_is_a_400(sandbox):
    answer = requests.put(
        f"{sandbox.url}/api/v1/customers/ada", data="{oops", auth=("sandbox-site", "sandbox-track-key")
    )
    assert (answer.status_code, answer.json()) == (400, {"meta": {"errors": ["the body is no JSON object"]}})


def test_only_a_sandbox_is_written_to(sandbox):
    with pytest.raises(ValueError, match="is no sandbox"):
        Sandbox(f"{sandbox.url}/elsewhere")
