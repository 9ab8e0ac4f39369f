"""Long reads of the App API go on in the middle where they were interrupted."""

from __future__ import annotations

import pytest

from tap_customerio.streams import trail

NOW = 1_760_000_000  # the sandbox's time in tests


def interrupted(sandbox, stream, after, **config):
    output = sandbox.output(stop_after=after)
    with pytest.raises(KeyboardInterrupt):
        sandbox.run(output, stream, **config)
    return output


def calls(sandbox, path):
    return sum(n for call, n in sandbox.stats()["endpoints"].items() if call == path)


def test_a_scan_of_people_goes_on_at_its_page(many_people):
    many_people.stats()
    whole = many_people.read("people").by("people", "cio_id")
    of_whole = calls(many_people, "POST /v1/customers/attributes")
    first = interrupted(many_people, "people", 1500, max_workers=1)
    of_first = calls(many_people, "POST /v1/customers/attributes")
    rest = many_people.read("people", "completeness", state=first.states[-1])
    of_rest = calls(many_people, "POST /v1/customers/attributes")
    assert first.by("people", "cio_id") | rest.by("people", "cio_id") == whole
    assert len(rest.records["people"]) == len(whole) - 1000
    assert of_first + of_rest <= of_whole + 10  # at most the page that was under way
    assert "scan" not in rest.states[-1]["bookmarks"]["people"]
    said = rest.by("completeness", "subject")["people"]
    assert "where an interrupted run stopped" in said["reason"]
    assert said["difference"] is None  # a part says nothing about the whole
    again = many_people.read("people", state=rest.states[-1])
    assert again.by("people", "cio_id") == whole


def test_a_scan_whose_page_is_refused_begins_anew(many_people):
    state = {"bookmarks": {"people": {"scan": {"start": "nonsense", "at": 1 << 33}}}}
    assert len(many_people.read("people", state=state).by("people", "cio_id")) == 2300


def test_a_scan_that_was_left_long_ago_begins_anew(many_people):
    first = interrupted(many_people, "people", 1500)
    first.states[-1]["bookmarks"]["people"]["scan"]["at"] -= 2 * 86_400
    rest = many_people.read("people", state=first.states[-1])
    assert len(rest.records["people"]) == 2300


def test_a_scan_that_consent_needs_begins_anew(many_people):
    first = interrupted(many_people, "people", 1500)
    rest = many_people.read("people", "consent", state=first.states[-1])
    assert len(rest.records["people"]) == len(rest.records["consent"]) == 2300


def test_a_window_of_deliveries_goes_on_at_its_pages(many_people):
    many_people.stats()
    whole = many_people.read("deliveries", deliveries_start="2025-01-01", max_workers=1)
    of_whole = calls(many_people, "GET /v1/messages")
    found = whole.by("deliveries", "id")
    first = interrupted(many_people, "deliveries", 3500, deliveries_start="2025-01-01", max_workers=1)
    of_first = calls(many_people, "GET /v1/messages")
    assert first.states[-1]["bookmarks"]["deliveries"]["window"]["left"]
    rest = many_people.read(
        "deliveries", deliveries_start="2025-01-01", max_workers=1, state=first.states[-1]
    )
    of_rest = calls(many_people, "GET /v1/messages")
    assert first.by("deliveries", "id") | rest.by("deliveries", "id") == found
    assert len(first.records["deliveries"]) + len(rest.records["deliveries"]) < len(found) + 1000
    assert of_first + of_rest <= of_whole + 3  # the page under way, and what was asked for ahead
    assert rest.states[-1] == whole.states[-1]


def test_a_window_whose_cursor_is_refused_is_read_from_its_beginning(many_people):
    first = interrupted(many_people, "deliveries", 3500, deliveries_start="2025-01-01", max_workers=1)
    left = first.states[-1]["bookmarks"]["deliveries"]["window"]["left"]
    left[:] = [[start, end, "nonsense"] for start, end, _ in left]
    rest = many_people.read("deliveries", deliveries_start="2025-01-01", state=first.states[-1])
    whole = many_people.read("deliveries", deliveries_start="2025-01-01")
    assert first.by("deliveries", "id") | rest.by("deliveries", "id") == whole.by("deliveries", "id")
    assert "window" not in rest.states[-1]["bookmarks"]["deliveries"]


@pytest.mark.parametrize(
    ("stream", "keys"),
    [("objects", ("cio_object_id",)), ("relationships", ("object_type_id", "cio_object_id", "cio_id"))],
)
def test_a_run_through_objects_goes_on_where_it_stopped(make_sandbox, monkeypatch, stream, keys):
    monkeypatch.setattr(trail, "_TOLD_EVERY", 1)
    sandbox = make_sandbox(400)
    path = f"GET /v1/objects/{{type}}/{{id}}/{'attributes' if stream == 'objects' else 'relationships'}"
    sandbox.stats()
    whole = sandbox.read(stream)
    of_whole = calls(sandbox, path)
    # Few side by side: what is asked for ahead must not be everything that is left.
    first = interrupted(sandbox, stream, len(whole.records[stream]) // 2, max_workers=2)
    of_first = calls(sandbox, path)
    rest = sandbox.read(stream, "completeness", state=first.states[-1])
    of_rest = calls(sandbox, path)
    assert first.by(stream, *keys) | rest.by(stream, *keys) == whole.by(stream, *keys)
    assert 0 < of_first < of_whole
    assert of_rest < of_whole
    assert of_first + of_rest <= of_whole + 5  # those that were under way
    assert "through" not in rest.states[-1]["bookmarks"][stream]
    again = sandbox.read(stream, state=rest.states[-1])
    assert again.by(stream, *keys) == whole.by(stream, *keys)
