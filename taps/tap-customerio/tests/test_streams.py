"""Every stream, record by record, against what was written into the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tap_customerio.streams import STREAMS
from tap_customerio.streams.base import ChildStream
from tap_customerio.streams.everybody import person
from tap_customerio.workspace import Person

Make = Callable[..., Any]
IDENTITY = {"cio_id", "id", "email"}


def matches(test: dict[str, Any], person: Person) -> bool:
    """The segment grammar, written a second time and simply."""
    ((key, value),) = test.items()
    if key == "and":
        return all(matches(part, person) for part in value)
    if key == "or":
        return any(matches(part, person) for part in value)
    if key == "not":
        return not matches(value, person)
    known = person.attributes | person.identifiers
    if value["operator"] == "exists":
        return known.get(value["field"]) is not None
    found = known.get(value["field"])
    return (
        {True: "true", False: "false"}.get(found, str(found)) == value["value"]
        if found is not None
        else False
    )


def test_streams_come_parents_first(everything):
    assert list(everything.records) == [stream.name for stream in STREAMS]
    place = {name: n for n, name in enumerate(everything.records)}
    first = ["object_types", "objects", "people", "relationships", "segments", "segment_memberships"]
    order = [place[name] for name in [*first, "consent", "campaigns", "activities", "deliveries"]]
    assert order == sorted(order)
    for stream in STREAMS:
        if issubclass(stream, ChildStream):
            assert place[stream.parent.name] < place[stream.name]


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_primary_keys_are_unique_and_present(everything, stream):
    found = everything.by(stream.name, *stream.primary_keys)
    assert found
    assert all(record[key] is not None for record in found.values() for key in stream.primary_keys)


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_every_declared_field_is_always_sent(everything, stream):
    declared = {field.name for field in stream.fields} - {"_sdc_deleted_at"}
    assert all(record.keys() == declared for record in everything.records[stream.name])


def test_people_arrive_with_all_attributes(shared, everything):
    found = {record["id"] or record["email"]: record for record in everything.by("people", "cio_id").values()}
    assert len(found) == len(shared.workspace.people) == 200
    for written in shared.workspace.people:
        record = found[written.identifiers.get("id") or written.email]
        assert record["id"] == written.identifiers.get("id")
        assert record["email"] == written.email
        assert record["phone"] == written.attributes.get("phone")
        assert record["unsubscribed"] is written.attributes["unsubscribed"]
        kept = {name: value for name, value in written.attributes.items() if name != "email"}
        assert {k: v for k, v in record["attributes"].items() if k not in IDENTITY} == kept
        assert record["timestamps"].keys() >= kept.keys()
        assert [device["id"] for device in record["devices"]] == [
            device["token"] for device in written.devices
        ]


def test_the_workspace_holds_what_real_ones_hold(everything):
    people = everything.records["people"]
    emails = [record["email"] for record in people if record["email"]]
    values = [record["attributes"] for record in people]
    assert sum(record["email"] is None for record in people) == 6
    assert sum(record["id"] is None for record in people) == 6
    assert len(emails) - len(set(emails)) == 4
    assert sum("+" in email for email in emails) == 4
    assert {type(value.get("lead_score")) for value in values} >= {int, str}
    assert {type(value.get("signup_date")) for value in values} >= {int, str}
    assert any("Plan" in value and value["Plan"] != value.get("plan") for value in values)
    assert any(isinstance(value.get("subscription"), dict) for value in values)
    assert any("📊" in value.get("bio", "") for value in values)
    assert any("\u0590" <= char <= "\u06ff" for value in values for char in value.get("bio", ""))
    assert max(len(set(value) - IDENTITY | {"email"}) for value in values) == 300


def test_people_take_eleven_requests_per_thousand(shared):
    shared.stats()
    shared.read("people")
    assert shared.stats()["endpoints"] == {
        "POST /v1/customers": 1,
        "POST /v1/customers/attributes": 2,
        "GET /v1/activities": 1,  # deletions; one request for any number of people
        "GET /v1/workspaces": 1,  # the estimate
    }


def test_objects_arrive_with_all_attributes(shared, everything):
    found = {(r["object_type_id"], r["object_id"]): r for r in everything.records["objects"]}
    assert len(found) == len(shared.workspace.objects)
    slugs = {r["id"]: r["slug"] for r in everything.records["object_types"]}
    assert slugs == {"1": "companies", "2": "projects", "3": "subscriptions", "4": "venues"}
    for written in shared.workspace.objects:
        record = found[written.type_id, written.object_id]
        assert record["attributes"] == written.attributes
        assert record["created_at"] == written.attributes["created_at"]
        assert record["object_type_slug"] == slugs[written.type_id]


def test_relationships_arrive_with_their_attributes(shared, everything):
    cio = {record["id"] or record["email"]: record["cio_id"] for record in everything.records["people"]}
    written = {
        (thing.type_id, thing.object_id, cio[who.get("id") or who["email"]]): attributes
        for thing in shared.workspace.objects
        for who, attributes in thing.links
    }
    found = {
        (r["object_type_id"], r["object_id"], r["cio_id"]): r for r in everything.records["relationships"]
    }
    assert {key: record["attributes"] for key, record in found.items()} == written
    objects = {record["cio_object_id"] for record in everything.records["objects"]}
    assert {record["cio_object_id"] for record in found.values()} <= objects


def test_segments_arrive_with_conditions(shared, everything):
    written = [{"conditions": None} | segment for segment in shared.workspace.config["segments"]]
    assert everything.records["segments"] == written


def test_memberships_are_those_of_the_conditions(shared, everything):
    cio = {record["id"] or record["email"]: record["cio_id"] for record in everything.records["people"]}
    expected = set()
    for segment in shared.workspace.config["segments"]:
        for written in shared.workspace.people:
            key = written.identifiers.get("id") or written.identifiers["email"]
            if segment["type"] == "manual":
                inside = key in shared.workspace.members.get(segment["id"], [])
            else:
                inside = matches(segment["conditions"], written)
            if inside:
                expected.add((segment["id"], cio[key]))
    assert set(everything.by("segment_memberships", "segment_id", "cio_id")) == expected
    assert {segment for segment, _ in expected} >= {1, 2, 5, 7, 8, 11, 12, 13, 14}


def test_activities_arrive_with_time_and_data(shared, everything):
    found = everything.by("activities", "id")
    assert found.keys() == {event.id for event in shared.workspace.events}
    for event in shared.workspace.events:
        record = found[event.id]
        assert (record["type"], record["timestamp"], record["data"]) == (
            event.kind,
            event.timestamp,
            event.attributes,
        )
        assert record["name" if event.kind != "page" else "url"] == event.name
        assert record["person_id"] == event.identifiers.get("id")


def test_deliveries_arrive_with_metrics(shared, everything):
    found = everything.by("deliveries", "id")
    written = shared.workspace.config["deliveries"]
    assert len(found) == len(written) == 1200
    for delivery in written:
        record = found[delivery["id"]]
        for name in delivery.keys() - {"customer"}:
            assert record[name] == delivery[name]
        assert record["person_id"] == delivery["customer"].get("id")


def test_a_customer_may_come_wrapped_as_documented(make_sandbox: Make):
    sandbox = make_sandbox()
    plain = sandbox.read("people").records["people"]
    sandbox.settings.wrap_customers = True
    assert sandbox.read("people").records["people"] == plain


def test_values_that_arrive_as_text_are_understood(make_sandbox: Make):
    sandbox = make_sandbox(attribute_values="strings")
    output = sandbox.read("people", "objects")
    assert all(type(record["attributes"]["unsubscribed"]) is str for record in output.records["people"])
    assert {record["unsubscribed"] for record in output.records["people"]} <= {True, False}
    assert all(isinstance(record["created_at"], int) for record in output.records["objects"])


@pytest.mark.parametrize(
    ("identifiers", "expected"),
    [
        ({"cio_id": "a1", "id": "7", "email": "a@example.com"}, ("a1", "7", "a@example.com")),
        ({"cio_id": "a1", "id": "", "email": ""}, ("a1", None, None)),
        ({"cio_id": "a1", "id": None}, ("a1", None, None)),
        ({"cio_id": "a1"}, ("a1", None, None)),
    ],
)
def test_identifiers_come_in_several_forms(identifiers, expected):
    record = person({"identifiers": identifiers, "attributes": {}})
    assert (record["cio_id"], record["id"], record["email"]) == expected
    assert record["unsubscribed"] is None


def test_a_person_who_vanished_in_between_is_left_out(sandbox):
    sandbox.fault("vanish")
    found = sandbox.read("people").by("people", "cio_id").values()
    gone = [record for record in found if record.get("_sdc_deleted_at")]
    assert len(found) == len(sandbox.workspace.people)
    assert [record.keys() for record in gone] == [{"cio_id", "_sdc_deleted_at"}]
    assert gone[0]["_sdc_deleted_at"] == "2025-10-09T08:53:20Z"


def test_an_object_that_vanished_in_between_is_left_out(sandbox):
    sandbox.fault("missing_object", count=2)
    output = sandbox.read("objects", "relationships")
    missing = len(sandbox.workspace.objects) - len(output.records["objects"])
    assert missing == 2
    assert output.records["relationships"]


def test_cursors_are_followed_to_the_end(make_sandbox: Make):
    sandbox = make_sandbox(people=2)
    crowd = [
        {"identifiers": {"email": f"p{n}@example.org"}, "relationship_attributes": {"role": "guest"}}
        for n in range(1201)
    ]
    link = {
        "type": "object",
        "action": "identify",
        "identifiers": {"object_type_id": "4", "object_id": "hall"},
    }
    for start in range(0, 1201, 150):
        sandbox.writer.batch([link | {"cio_relationships": crowd[start : start + 150]}])
    output = sandbox.read("people", "relationships")
    assert len(output.by("people", "cio_id")) == 1203
    hall = [
        r for r in output.by("relationships", "cio_object_id", "cio_id").values() if r["object_id"] == "hall"
    ]
    assert len(hall) == 1201
