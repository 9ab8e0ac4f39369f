"""What a run says about what it has read, and that one refusal hides nothing else."""

from __future__ import annotations

import json

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from tap_customerio.errors import NoRoute, Unauthorized
from tap_customerio.sandbox.server import Server
from tap_customerio.streams import STREAMS

NOW = 1_760_000_000  # the sandbox's time in tests
DAY = 86_400


def by_content(records):
    """Lists that are read side by side come in no fixed order."""
    return sorted(map(json.dumps, records))


def about(output):
    return output.by("completeness", "subject")


def test_every_stream_has_a_line_with_what_was_read(everything):
    said = about(everything)
    for stream in STREAMS:
        if stream.name != "completeness":
            assert said[stream.name]["read"] == len(everything.records[stream.name])
            assert said[stream.name]["status"] == "complete", said[stream.name]


def test_what_no_stream_can_give_is_named(shared):
    said = about(shared.read("completeness", service_account_token=None))
    missing = {subject for subject, line in said.items() if line["status"] == "not_available"}
    assert missing >= {"journey_graphs", "archived_segments", "older_activities"}
    assert all(said[subject]["reason"] for subject in missing)


def test_what_only_files_give_is_missing_without_them(sandbox, everything):
    of_files = {"suppressed_people", "message_bodies", "people_in_journeys"}
    assert not of_files & about(everything).keys()  # there are files
    assert of_files < about(sandbox.read("completeness")).keys()


def test_counts_stand_beside_the_workspaces_own(shared, everything):
    said = about(everything)
    for stream in ("people", "objects", "object_types", "segment_memberships"):
        assert said[stream]["expected"] == said[stream]["read"] > 0
        assert said[stream]["difference"] == 0
    assert said["people"]["expected_from"] == "workspaces"
    assert said["segment_memberships"]["expected_from"] == "segments/customer_count"
    assert said["segment_memberships"]["details"] is None
    assert said["deliveries"]["expected"] is None


def test_horizons_say_how_far_back_it_goes(shared, everything):
    said = about(everything)
    assert said["activities"]["horizon"] == min(event.timestamp for event in shared.workspace.events)
    assert "30 days" in said["activities"]["reason"]
    assert said["deliveries"]["horizon"] == 1_325_376_000  # 2012-01-01, the setting's default
    assert said["people"]["horizon"] is None


def test_streams_that_were_not_selected_are_named_and_cost_nothing(sandbox):
    sandbox.stats()
    output = sandbox.read("snippets", "completeness")
    said = about(output)
    assert said["people"]["status"] == "not_selected"
    assert (said["snippets"]["status"], said["snippets"]["read"]) == ("complete", 10)
    assert sandbox.stats()["endpoints"] == {"GET /v1/snippets": 1, "GET /v1/workspaces": 1}


def test_people_who_went_while_they_were_read_show_in_the_count(sandbox):
    before = len(sandbox.workspace.people)
    sandbox.fault("vanish")
    said = about(sandbox.read("people", "completeness"))["people"]
    assert (said["read"], said["expected"], said["difference"]) == (before, before - 1, 0)


def test_a_segment_whose_count_differs_is_named(sandbox):
    sandbox.fault("status", status=404, count=1, path="/v1/segments/12/membership")
    said = about(sandbox.read("segments", "segment_memberships", "completeness"))["segment_memberships"]
    size = len(sandbox.workspace.members[12])
    assert said["details"] == {"12": {"read": 0, "expected": size}}
    assert (said["status"], said["skipped"], said["difference"]) == ("partial", 1, -size)


@pytest.mark.parametrize("closed", ["/v1/customers", "/v1/segments", "/v1/campaigns"])
def test_a_family_that_is_closed_leaves_all_others_readable(make_sandbox, closed):
    whole = make_sandbox(people=12)
    wanted = [stream.name for stream in STREAMS]
    everything = whole.read(*wanted)
    whole.settings.forbidden = closed
    output = whole.read(*wanted)
    said = about(output)
    touched = {subject for subject, line in said.items() if "403" in (line["reason"] or "")}
    assert touched
    for stream in wanted:
        if stream not in touched | {"completeness"}:
            assert by_content(output.records[stream]) == by_content(everything.records[stream])
    assert {stream for stream in wanted if said.get(stream, {}).get("status") == "unreadable"} <= touched


def test_a_refusal_is_reported_and_warned_of(sandbox, caplog):
    sandbox.settings.forbidden = "/v1/newsletters"
    said = about(sandbox.read("newsletters", "newsletter_contents", "snippets", "completeness"))
    for stream in ("newsletters", "newsletter_contents"):
        assert (said[stream]["status"], said[stream]["read"]) == ("unreadable", 0)
        assert "HTTP 403" in said[stream]["reason"]
        assert f"{stream} could not be read to its end" in caplog.text
    assert said["snippets"]["status"] == "complete"


def test_an_operation_that_does_not_exist_is_one_streams_matter(sandbox):
    async def topics(_request):
        return JSONResponse({"topics": [{"id": 1, "name": "News"}]})

    with Server(Starlette(routes=[Route("/v1/subscription_topics", topics)])) as other:
        streams = ("subscription_topics", "subscription_channels", "snippets", "completeness")
        output = sandbox.read(*streams, api_url=other.url)
    said = about(output)
    assert said["subscription_topics"]["status"] == "complete"
    for stream in ("subscription_channels", "snippets"):
        assert said[stream]["status"] == "unreadable"
        assert "no such route" in said[stream]["reason"]


def test_parents_that_vanish_midway_are_counted(sandbox):
    sandbox.fault("status", status=404, count=2, path="/v1/campaigns/")
    output = sandbox.read("campaigns", "campaign_actions", "completeness")
    said = about(output)["campaign_actions"]
    assert (said["status"], said["skipped"]) == ("partial", 2)
    assert said["reason"] == "2 x GET /v1/campaigns/{id}/actions: HTTP 404: a failure that was asked for"
    assert len({record["campaign_id"] for record in output.records["campaign_actions"]}) == 10


def test_several_workspaces_are_not_guessed_at(sandbox):
    sandbox.writer.configure({"workspaces": [{"id": 2, "name": "Other", "people": 7}]})
    said = about(sandbox.read("people", "completeness"))
    assert said["people"]["expected"] is None
    said = about(sandbox.read("people", "completeness", workspace_id=1))
    assert said["people"]["expected"] == len(sandbox.workspace.people)


def test_a_wrong_key_still_ends_the_run(sandbox):
    with pytest.raises(Unauthorized):
        sandbox.read("snippets", "people", app_api_key="not-the-key")


def test_a_wrong_address_still_ends_the_run(sandbox):
    with pytest.raises(NoRoute):
        sandbox.read("snippets", "people", api_url=f"{sandbox.url}/v1/somewhere")


def test_reasons_never_hold_an_address_or_the_key(sandbox):
    sandbox.settings.forbidden = "/v1/esp,/v1/optouts,/v1/campaigns"
    output = sandbox.read()
    text = repr(output.records["completeness"])
    assert "@" not in text
    assert "sandbox-app-key" not in text


# Deletions


def test_deleted_people_come_as_tombstones_with_their_time(sandbox):
    before = sandbox.read("people").by("people", "cio_id")
    sandbox.writer.track.delete("user-000003")
    after = sandbox.read("people", "activities").by("people", "cio_id")
    (gone,) = [key for key, record in after.items() if record.get("_sdc_deleted_at")]
    assert before[gone]["id"] == "user-000003"
    assert after[gone] == {"cio_id": gone, "_sdc_deleted_at": "2025-10-09T08:53:20Z"}
    assert after.keys() == before.keys()


def test_deletions_are_activities_as_well(sandbox):
    sandbox.writer.track.delete("user-000003")
    found = sandbox.read("activities").records["activities"]
    assert [record["timestamp"] for record in found if record["type"] == "profile_delete"] == [NOW]


def test_a_person_who_is_there_again_is_no_tombstone(sandbox):
    sandbox.writer.track.delete("user-000003")
    sandbox.writer.track.identify("user-000003", first_name="Ada")
    found = sandbox.read("people").by("people", "cio_id")
    assert sum(record.get("id") == "user-000003" for record in found.values()) == 1
    assert sum(bool(record.get("_sdc_deleted_at")) for record in found.values()) == 1


def test_a_merge_is_an_activity_and_its_loser_a_tombstone(sandbox):
    merge = {
        "type": "person",
        "action": "merge",
        "primary": {"id": "user-000001"},
        "secondary": {"id": "user-000002"},
    }
    sandbox.writer.batch([merge])
    output = sandbox.read("people", "activities")
    kinds = {record["type"] for record in output.records["activities"]}
    assert kinds >= {"profile_merge", "profile_delete"}
    assert sum(bool(record.get("_sdc_deleted_at")) for record in output.records["people"]) == 1


def test_people_are_whole_though_activities_are_closed(sandbox):
    sandbox.settings.forbidden = "/v1/activities"
    output = sandbox.read("people", "completeness")
    assert len(output.records["people"]) == len(sandbox.workspace.people)
    assert "deletions could not be read" in about(output)["people"]["reason"]
