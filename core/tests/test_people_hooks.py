"""Who is left out, held or tagged: the inactive, the anonymous, the deleted; and what hangs on them."""

from __future__ import annotations

from typing import Any

import pytest
from records import event, member, person, segment

from crmlift.errors import ConfigError
from crmlift.hooks.anonymous import Anonymous
from crmlift.hooks.inactive import Inactive
from crmlift.hooks.manager import Hooks
from crmlift.testing.hooks import batch_of

NOW = "2026-06-01T00:00:00Z"
LONG_AGO, LATELY = 1_600_000_000, 1_780_000_000
OPTIONS = f"days: 365, as_of: '{NOW}'"


def hook(bench: Any, name: str, options: str) -> None:
    bench.mapping = bench.mapping.replace(
        "  dedupe: {stream: people, by: [email]}\n",
        "  dedupe: {stream: people, by: [email]}\n  " + name + ": {" + options + "}\n",
    )


def seen(key: str, moment: int | None, **more: Any) -> tuple[str, dict[str, Any]]:
    return person(key, attributes={"last_seen_at": moment}, **more)


def letters(bench: Any) -> list[tuple[str, str, str]]:
    with bench.open_ledger() as ledger:
        return [(letter.source, letter.fate, letter.code) for letter in ledger.letters.all()]


@pytest.mark.parametrize(
    ("record", "options", "inactive"),
    [
        ({"attributes": {"last_seen_at": LONG_AGO}}, {}, True),
        ({"attributes": {"last_seen_at": LATELY}}, {}, False),
        ({"attributes": {"last_seen_at": "2026-05-01"}}, {}, False),
        ({"attributes": {"last_seen_at": "not a date"}}, {}, False),
        ({"attributes": {}}, {"no_sign": "inactive"}, True),
        ({"attributes": {"last_seen_at": LONG_AGO}, "devices": [{"last_used": LATELY}]}, {}, False),
        ({"attributes": {"login": LONG_AGO}}, {"seen_from": "attributes.login"}, True),
    ],
)
def test_signs_of_life(record, options, inactive):
    batch = batch_of("people", {"cio_id": "1"} | record, last=True)
    Inactive(days=365, as_of=NOW, **options).crmlift_prepare(batch)
    assert batch.items[0].record["activity"]["inactive"] is inactive


def test_the_inactive_are_archived_by_a_field_that_the_mapping_reads(bench):
    hook(bench, "inactive", OPTIONS + ", then: archive")
    bench.mapping = bench.mapping.replace(
        "        plan:", "        active: {expr: not activity.archived}\n        plan:"
    )
    bench.run(seen("p1", LONG_AGO), seen("p2", LATELY), seen("p3", None))
    assert [bench.person(key)["active"] for key in ("p1", "p2", "p3")] == [False, True, True]
    assert bench.counts.streams["people"] == {"read": 3, "inactive": 1, "no_sign_of_life": 1, "held": 0}


def test_the_inactive_are_left_out_with_what_hangs_on_them(bench):
    hook(bench, "inactive", OPTIONS + ", then: exclude, wait: false")
    facts = [event("e1", "p1"), event("e2", "p2"), segment(1), member(1, "p1")]
    bench.run(seen("p1", LONG_AGO), seen("p2", LATELY), *facts)
    assert set(bench.crm.keys["person"]) == {"p2"}
    assert set(bench.crm.keys["event"]) == {"e2"}
    assert bench.counts.streams["people"] == {"read": 2, "inactive": 1, "excluded": 1}
    assert bench.counts.streams["activities"] == {"read": 2, "excluded": 1}
    assert bench.counts.streams["segment_memberships"] == {"read": 1, "excluded": 1}
    assert letters(bench) == [("p1", "excluded", "inactive")]
    assert bench.run(seen("p1", LATELY), event("e3", "p1"))["event"] == {"created": 1}
    assert letters(bench) == []


def test_an_event_that_is_read_later_is_a_sign_of_life(bench):
    hook(bench, "inactive", OPTIONS + ", then: exclude, look_at_events: true")
    # A stream that only hooks read stands in the mapping without rules.
    bench.mapping = bench.mapping.replace("skip: {deliveries: not part of this load}", "  deliveries: []")
    click = {"id": "d", "cio_id": "p2", "type": "email", "metrics": {"clicked": LATELY}}
    acted = ("activities", event("e1", "p1", LATELY)[1] | {"type": "event"})
    bench.run(seen("p1", LONG_AGO), seen("p2", LONG_AGO), seen("p3", LONG_AGO), acted, ("deliveries", click))
    assert set(bench.crm.keys["person"]) == {"p1", "p2"}
    assert set(bench.crm.keys["event"]) == {"e1"}
    assert bench.counts.streams["people"]["excluded"] == 1
    assert letters(bench) == [("p3", "excluded", "inactive")]


@pytest.mark.parametrize("order", [("p1", "p2"), ("p2", "p1")])
def test_a_twin_that_is_alive_keeps_both(bench, order):
    hook(bench, "inactive", OPTIONS + ", then: exclude")
    moments = {"p1": LONG_AGO, "p2": LATELY}
    result = bench.run(*(seen(key, moments[key], email="same@example.com") for key in order))
    assert result["person"] == {"created": 1, "merged": 1}
    assert bench.counts.streams["people"].get("excluded", 0) == 0


@pytest.mark.parametrize(
    ("then", "people", "counted"),
    [
        ("hold", {"p1"}, {"read": 2, "anonymous": 1, "held": 1}),
        ("exclude", {"p1"}, {"read": 2, "anonymous": 1, "excluded": 1}),
        ("mark", {"p1", "p2"}, {"read": 2, "anonymous": 1}),
    ],
)
def test_the_anonymous(bench, then, people, counted):
    hook(bench, "anonymous", f"then: {then}, scope: anonymous")
    bench.mapping = bench.mapping.replace("        plan:", "        city: scope\n        plan:")
    bench.run(person("p1"), person("p2", email=None), event("e1", "p1"))
    assert set(bench.crm.keys["person"]) == people
    assert bench.counts.streams["people"] == counted
    if then == "mark":
        assert bench.person("p2")["city"] == "anonymous"


def test_what_makes_a_person_known_can_be_told():
    batch = batch_of("people", {"cio_id": "1", "phone": "+1"}, {"cio_id": "2"})
    Anonymous(known_by=["email", "phone"]).crmlift_prepare(batch)
    assert [item.key for item in batch] == ["1"]
    assert batch.letters[0].reason == "none of email, phone is known"


def test_an_anonymous_person_comes_in_once_they_are_known(bench):
    hook(bench, "anonymous", "then: hold")
    bench.run(person("p1", email=None))
    assert letters(bench) == [("p1", "held", "anonymous")]
    bench.run(person("p1"))
    assert (set(bench.crm.keys["person"]), letters(bench)) == ({"p1"}, [])


def gone(key: str) -> tuple[str, dict[str, Any]]:
    return "people", {"cio_id": key, "_sdc_deleted_at": "2026-05-01T00:00:00Z"}


def deletion(key: str, at: int, **who: Any) -> tuple[str, dict[str, Any]]:
    return "activities", {"id": f"del-{key}", "type": "profile_delete", "cio_id": key, "timestamp": at} | who


def created(key: str, at: int | None, **more: Any) -> tuple[str, dict[str, Any]]:
    return person(key, attributes={"created_at": at}, **more)


def test_a_deleted_profile_is_reported_and_one_that_was_loaded_is_archived(bench):
    hook(bench, "deleted", "")
    bench.run(person("p1"), gone("p9"))
    assert letters(bench) == [("p9", "excluded", "deleted_profile")]
    assert bench.counts.streams["people"] == {"read": 2, "deleted": 1, "excluded": 1}
    assert bench.run(gone("p1"))["person"] == {"archived": 1}


@pytest.mark.parametrize(
    ("who", "moment", "options", "loaded"),
    [
        ({"person_id": "7"}, None, "", False),
        ({"email": "p2@example.com"}, LATELY + 10, "", False),
        ({"email": "P2@example.com"}, LATELY + 10, "", False),
        ({"email": "p2@example.com"}, LATELY - 10, "", True),
        ({"email": "p2@example.com"}, None, "", True),
        ({"email": "other@example.com"}, LATELY + 10, "", True),
        ({"email": "p2@example.com"}, LATELY + 10, "restore: [p2@example.com]", True),
        ({"person_id": "7"}, None, "restore: ['7']", True),
        ({"person_id": "7"}, None, "restore: [p2]", True),
    ],
)
def test_who_was_created_again_stays_out_unless_listed(bench, who, moment, options, loaded):
    hook(bench, "deleted", options)
    again = created("p2", moment, id="7")
    # The deletion is read after the person: they are taken out at the end of the run.
    bench.run(again, deletion("p1", LATELY, **who))
    active = {key for key in bench.crm.keys["person"] if bench.person(key).get("active", True)}
    assert active == ({"p2"} if loaded else set())
    # From then on they are left out at once.
    bench.run(again, event("e2", "p2"))
    assert bench.counts.streams["people"].get("came_back", 0) == (not loaded)
    assert ("e2" in bench.crm.keys["event"]) is loaded


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("inactive", {"days": 0}, "days: Input should be greater than or equal to 1"),
        ("inactive", {"then": "delete"}, "then: Input should be 'tag', 'archive', 'hold' or 'exclude'"),
        ("anonymous", {"known_by": []}, "known_by: List should have at least 1 item"),
        ("deleted", {"restor": []}, "restor: Extra inputs are not permitted"),
    ],
)
def test_wrong_options_are_named(name, options, message):
    with pytest.raises(ConfigError, match=f"The options of the hook '{name}' are wrong: {message}"):
        Hooks({name: options})
