"""What else the UI API gives: rules, suppressions, catalogues, templates; and the run without a token."""

from __future__ import annotations

import pytest

from tap_customerio.errors import NotReadOnly, Refused, Unauthorized
from tap_customerio.streams.ui_api import STREAMS as UI_STREAMS
from tap_customerio.ui_api.client import rows

UI_NAMES = [stream.name for stream in UI_STREAMS]


def test_without_a_token_the_rest_is_whole_and_the_report_says_what_is_missing(sandbox):
    sandbox.stats()
    output = sandbox.read(service_account_token=None)
    assert not any("/ui/" in endpoint for endpoint in sandbox.stats()["endpoints"])
    said = output.by("completeness", "subject")
    for name in ("campaigns", "campaign_actions", "segments", "people"):
        assert said[name]["status"] == "complete"
        assert said[name]["read"] > 0
    missing = {
        subject
        for subject, line in said.items()
        if line["status"] == "not_available" and "; set service_account_token" in line["reason"]
    }
    assert missing == {
        "journey_graphs", "people_in_journeys", "suppressed_people", "archived_segments",
        "attribute_and_event_catalogue", "layouts_tags_domains",
    }  # fmt: skip
    for name in UI_NAMES:
        assert not output.records[name]
        assert (said[name]["status"], said[name]["reason"]) == (
            "not_available",
            "set service_account_token to read it through the UI API",
        )


def test_what_was_read_is_no_longer_missing(everything):
    said = everything.by("completeness", "subject")
    assert not said.keys() & {
        "journey_graphs",
        "people_in_journeys",
        "suppressed_people",
        "archived_segments",
    }
    assert said["forms_and_users"]["status"] == "not_available"
    assert all(said[name]["status"] == "complete" for name in UI_NAMES)


def test_what_was_not_selected_is_still_missing_and_says_how_to_come_by_it(sandbox):
    said = sandbox.read("journeys", "completeness").by("completeness", "subject")
    assert said["journey_graphs"]["reason"].endswith(
        "; select journey_actions, journey_edges to read it through the UI API"
    )


def test_what_was_refused_is_still_missing_and_hides_nothing_else(sandbox):
    sandbox.settings.forbidden = "/ui/v1/environments/1/segments"
    output = sandbox.read("segments", "segment_rules", "tags", "completeness")
    said = output.by("completeness", "subject")
    assert said["segment_rules"]["status"] == "unreadable"
    assert "HTTP 403" in said["archived_segments"]["reason"]
    assert said["tags"]["status"] == said["segments"]["status"] == "complete"


def test_a_path_that_is_not_there_fails_its_stream_with_the_path(sandbox, monkeypatch):
    monkeypatch.setattr("tap_customerio.streams.ui_api.setup.Layouts.path", "/no_layouts")
    said = sandbox.read("layouts", "tags", "completeness").by("completeness", "subject")
    assert said["layouts"]["status"] == "unreadable"
    assert "/no_layouts: the answer is no JSON" in said["layouts"]["reason"]
    assert said["tags"]["status"] == "complete"


@pytest.mark.parametrize(
    ("settings", "config", "error"),
    [
        ({"grant_read_only": False}, {}, NotReadOnly),
        ({}, {"service_account_token": "not-the-token"}, Unauthorized),
        ({}, {"environment_id": 77}, Refused),
    ],
)
def test_a_token_that_does_not_do_ends_the_run_before_anything_is_read(make_sandbox, settings, config, error):
    sandbox = make_sandbox(**settings)
    output = sandbox.output()
    with pytest.raises(error):
        sandbox.run(output, **config)
    assert not output.records


def test_no_request_of_the_ui_api_is_anything_but_get(shared):
    shared.stats()
    shared.read(*UI_NAMES)
    methods = [name for name in shared.stats()["endpoints"] if not name.startswith("GET ")]
    assert methods == ["POST /ui/v1/service_accounts/oauth/token"]


def test_ids_are_text(everything):
    for stream in UI_STREAMS:
        for record in everything.records[stream.name]:
            assert all(isinstance(record[key], str) and record[key] for key in stream.primary_keys), (
                stream.name
            )


def test_rules_of_segments_are_trees_in_either_form(everything):
    found = everything.by("segment_rules", "id")
    either = found["4"]["conditions"]["or"]
    visits, change = either[0]["and"]
    assert (visits["within"], visits["times"]) == (30 * 86_400, 3)
    assert change["event"]["type"] == "attribute_change"
    assert found["5"]["conditions"] == {
        "and": [{"attribute": {"field": "plan", "operator": "eq", "value": "pro"}}]
    }
    assert isinstance(found["5"]["raw"]["conditions"], str)
    assert (found["12"]["type"], found["12"]["conditions"]) == ("static", None)
    assert found["8"]["usage"] == {"campaigns": [3, 7]}
    assert found["1"]["usage"] == {}


def test_archived_segments_come_with_the_others(everything):
    found = everything.by("segment_rules", "id")
    assert [id for id, record in found.items() if record["archived"]] == ["16"]
    assert len(found) == len(everything.records["segments"]) + 1


def test_suppressions_of_all_kinds(shared, everything):
    found = everything.by("suppressions", "kind", "address")
    written = {
        (kind, row["email"]): row
        for kind, found in shared.workspace.config["ui_api"]["suppressions"].items()
        for row in found
    }
    assert {key: record["raw"] for key, record in found.items()} == written
    assert found["bounced", "bounced-1@example.com"]["reason"] == "bounced 1"


def test_one_kind_of_suppressions_that_is_gone_leaves_the_others(sandbox):
    sandbox.fault("status", status=404, count=2, path="/ui/v1/environments/1/suppression/manual")
    output = sandbox.read("suppressions", "completeness")
    assert {record["kind"] for record in output.records["suppressions"]} == {
        "bounced",
        "unsubscribed",
        "complained",
    }
    said = output.by("completeness", "subject")["suppressions"]
    assert (said["status"], said["skipped"]) == ("partial", 1)


@pytest.mark.parametrize(
    "row", [{"identifier": "x@example.com"}, {"address": "x@example.com", "id": 5}, "x@example.com"]
)
def test_suppressions_are_known_by_whatever_names_an_address(sandbox, row):
    sandbox.writer.configure(
        {"ui_api": {"suppressions": {"complained": [row] if isinstance(row, dict) else []}}}
    )
    found = {record["address"] for record in sandbox.read("suppressions").records["suppressions"]}
    assert ("x@example.com" in found) is isinstance(row, dict)


def test_attributes_come_with_what_uses_them(everything):
    found = {record["name"]: record for record in everything.records["attribute_catalogue"]}
    assert found["plan"]["segments"] == [5, 6]
    assert found["last_name"]["privacy_level"] == "1"
    assert found["first_name"]["description"] == "The first name."


def test_events_are_known_by_name(everything):
    assert everything.by("event_catalogue", "name").keys() == {
        "order_placed",
        "Ticket Opened",
        "événement retiré",
    }


def test_templates_have_their_bodies_and_no_credentials(shared, everything):
    found = everything.by("templates", "id")
    for action in everything.records["journey_actions"]:
        if action["template_id"]:
            assert found[action["template_id"]]["body"]
    hooks = [record["raw"] for record in found.values() if "url" in record["raw"]]
    assert hooks
    assert "secret-word" in repr(shared.workspace.config["ui_api"]["templates"])
    for stream in UI_NAMES:
        assert "secret-word" not in repr(everything.records[stream])


def test_values_of_another_type_than_expected_are_left_to_raw(sandbox):
    odd = {"id": 9, "name": {"en": "Odd"}, "body": 5, "created": "2025-01-02T03:04:05Z", "updated": "soon"}
    sandbox.writer.configure({"ui_api": {"layouts": [odd]}})
    record = sandbox.read("layouts").by("layouts", "id")["9"]
    assert (record["name"], record["body"], record["created"], record["updated"]) == (
        None,
        "5",
        1735787045,
        None,
    )
    assert record["raw"] == odd


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"tags": [1]}, [1]),
        ({"tags": None}, []),
        ({"data": [1]}, [1]),
        ([1], [1]),
        (None, []),
        ("text", []),
    ],
)
def test_lists_are_found_in_any_envelope(answer, expected):
    assert rows(answer, "tags") == expected
