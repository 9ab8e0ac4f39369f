"""The profile of a workspace: what it counts, how it looks, what it never shows."""

from __future__ import annotations

import io
import json
import re
import stat
from pathlib import Path
from typing import Any

import orjson
import pytest

from crmlift.errors import ConfigError, InputError
from crmlift.scope import store as storing
from crmlift.scope.build import Options, build_profile
from crmlift.scope.model import Attribute, Profile
from crmlift.scope.render import FILES, render
from crmlift.scope.store import Store
from crmlift.scope.target import MEMORY_MB, ScopeTarget
from crmlift.scope.values import mask, patterns

NOW = 1_800_000_000
DAY = 86_400
COMPANY = {"object_type_id": "1", "object_type_slug": "companies"}


def profile(*records: tuple[str, dict[str, Any]], seen: tuple[str, ...] = (), **options: Any) -> Profile:
    store = Store(memory_mb=MEMORY_MB, seen=seen)
    try:
        for stream, record in records:
            store.add(stream, record)
        store.finish()
        return build_profile(store, Options(now=NOW, **options))
    finally:
        store.close()


def person(
    key: str, *, attributes: dict[str, Any] | None = None, **fields: Any
) -> tuple[str, dict[str, Any]]:
    return "people", {"cio_id": key, "attributes": attributes or {}, **fields}


def attributes(*bags: dict[str, Any], **options: Any) -> dict[str, Attribute]:
    found = profile(*(person(f"p{n}", attributes=bag) for n, bag in enumerate(bags)), **options)
    return {attribute.name: attribute for attribute in found.attributes}


def event(key: str, name: str, data: dict[str, Any], **fields: Any) -> tuple[str, dict[str, Any]]:
    record = {"id": key, "type": "event", "name": name, "timestamp": NOW - DAY, "cio_id": "p1", "data": data}
    return "activities", record | fields


# Attributes


def test_types_and_mixed_types_are_counted():
    found = attributes({"score": 1, "ok": True, "sum": 1.5}, {"score": "n/a", "sum": 2}, {"score": None})
    assert found["score"].types == {"integer": 1, "string": 1, "null": 1}
    assert found["score"].mixed
    assert found["ok"].types == {"boolean": 1}
    assert not found["sum"].mixed, "whole and broken numbers are numbers"


def test_absent_null_and_blank_values_are_empty():
    found = attributes({"a": "x", "b": []}, {"a": None, "b": [1]}, {"a": "  ", "b": {}}, {})
    assert (found["a"].filled, found["a"].null_rate) == (1, 0.75)
    assert (found["b"].filled, found["b"].null_rate) == (1, 0.75)


def test_longest_counts_characters():
    assert attributes({"a": "süß"}, {"a": "x"})["a"].longest == 3


def test_nested_objects_and_arrays_are_walked_and_an_element_counts_once_per_record():
    found = attributes(
        {"items": [{"sku": "a"}, {"sku": "b"}], "plan": {"mrr": 3}}, {"items": [{"qty": 1}]}, {}
    )
    assert found.keys() == {"items", "items[]", "items[].sku", "items[].qty", "plan", "plan.mrr"}
    assert (found["items"].types, found["plan"].types) == ({"array": 2}, {"object": 1})
    assert (found["items[].sku"].filled, found["items[].sku"].types) == (1, {"string": 2})


@pytest.mark.parametrize("names", [["a b", 'say "x"', "c.d"], [f"list_{n}" for n in range(12)]])
def test_arrays_under_any_name_and_any_number_of_them_count_once_per_record(names):
    found = attributes({name: [1, 2] for name in names}, {name: [None, ""] for name in names}, {})
    arrays = {name: a for name, a in found.items() if name.endswith("[]")}
    assert len(arrays) == len(names)
    assert {(a.filled, a.total) for a in arrays.values()} == {(1, 3)}


def test_keys_that_are_ids_or_addresses_become_one_attribute():
    found = attributes({"prices": {"10023": 1, "10024": 2}, "by": {"person@example.com": 3}})
    assert found.keys() == {"prices", "prices.*", "by", "by.*"}
    assert found["prices.*"].distinct == 2


def test_a_name_that_only_begins_like_an_id_is_a_name_of_its_own():
    names = {
        "2024_plan": 1,
        "100%": 2,
        "1234567890ab": 3,
        "acc8eedfacc8eedfacc8_x": 4,
    }
    found = attributes(names, {"a": {"2023_plan": 5}, "by": {"deadbeefdeadbeefdeadbeef": 1, "100": 2}})
    assert set(found) == {*names, "a", "a.2023_plan", "by", "by.*"}


def test_a_key_with_a_dot_or_a_quote_stays_one_key():
    found = attributes({"a.b": 1, 'say "x"': 2, "a": {"b": 3}, "with space": 4})
    assert found['"a.b"'].filled == found["a.b"].filled == 1
    assert "with space" in found
    assert len(found) == 5


def test_names_that_differ_by_case_are_told():
    found = attributes({"plan": "a"}, {"Plan": "b"}, {"other": 1})
    assert found["plan"].differs_by_case == ["Plan"]
    assert found["Plan"].differs_by_case == ["plan"]
    assert found["other"].differs_by_case == []


def test_distinct_values_are_exact_up_to_the_sketch_and_estimated_above():
    bags = [{"few": n % 7, "many": f"value {n}"} for n in range(20_000)]
    found = attributes(*bags)
    assert (found["few"].distinct, found["few"].distinct_exact) == (7, True)
    assert not found["many"].distinct_exact
    assert found["many"].distinct == pytest.approx(20_000, rel=0.1)


def test_chunks_and_compaction_change_no_number(monkeypatch: pytest.MonkeyPatch):
    bags = [{"a": n % 5, "b": f"v{n % 900}", "c": [n, {"d": "x" * (n % 9)}]} for n in range(3000)]
    whole = attributes(*bags)
    monkeypatch.setattr(storing, "CHUNK_RECORDS", 170)
    monkeypatch.setattr(storing, "SKETCH_ROWS", 500)
    assert attributes(*bags) == whole


def test_too_many_attributes_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(storing, "MOST_ATTRIBUTES", 3)
    found = profile(person("p", attributes={f"name_{n}x": 1 for n in range(10)}))
    assert (len(found.attributes), found.attributes_left_out) == (3, 7)


def test_a_record_beyond_the_limit_is_counted_but_not_looked_into(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(storing, "LONGEST_RECORD", 1000)
    found = profile(person("p1", attributes={"a": "x" * 2000}), person("p2", attributes={"b": 1}))
    assert [(row.stream, row.records) for row in found.streams] == [("people", 2)]
    assert [attribute.name for attribute in found.attributes] == ["b"]


def test_people_of_three_hundred_long_attributes_fit_into_the_default_memory():
    store = Store(memory_mb=MEMORY_MB)
    try:
        for n in range(1200):
            long = {f"trait_{k}": f"{n * 7919 % 1200} {k} " * 12 for k in range(300)}
            store.add(*person(f"p{n}", attributes=long | {"deep": {"list": [{"a": k} for k in range(30)]}}))
        store.finish()
        found = {attribute.name: attribute for attribute in build_profile(store, Options(now=0)).attributes}
    finally:
        store.close()
    assert (found["trait_7"].filled, found["deep.list[].a"].filled) == (1200, 1200)
    assert 1100 < found["trait_7"].distinct < 1300


def test_too_little_memory_says_what_to_do():
    store = Store(memory_mb=10)
    try:
        for n in range(20_000):
            store.add(*person(f"p{n}", attributes={f"a{k}": f"value {n} {k}" for k in range(12)}))
        with pytest.raises(ConfigError, match=r"double its setting 'memory_mb'"):
            store.finish()
    finally:
        store.close()


def test_an_unknown_stream_is_profiled_whole():
    found = profile(("tickets", {"id": 1, "subject": "x"}), ("tickets", {"id": 2}))
    assert {(a.stream, a.name, a.filled) for a in found.attributes} == {
        ("tickets", "id", 2), ("tickets", "subject", 1),
    }  # fmt: skip


def test_free_mail_and_business_domains_are_told_apart():
    addresses = [
        *(f"p{n}@gmail.com" for n in range(6)),
        *(f"p{n}@example.org" for n in range(7)),
        "x@example.net",
    ]
    people = profile(*(person(f"c{n}", email=address) for n, address in enumerate(addresses))).people
    assert people.business_email == 8
    assert [(d.domain, d.people, d.free) for d in people.domains] == [
        ("example.org", 7, False),
        ("gmail.com", 6, True),
        ("xxxxxxx.xxx", 1, False),
    ]


def test_signs_of_fields_are_kept_but_not_the_values():
    found = attributes({"x9": "a@example.com"}, {"x9": "b@example.org"}, {"x9": "c@example.net"})
    assert ("email", "value_certain", 1.0) in [(s.field, s.kind, s.strength) for s in found["x9"].signs]
    assert not any("example" in sign.text for sign in found["x9"].signs)


# Values


@pytest.mark.parametrize(
    ("value", "looks"),
    [
        ("person@example.com", {"email"}), ("https://example.com/a", {"url"}), ("2024-02-29", {"date"}),
        ("29.02.2024", {"date"}), ("2024-02-29T10:00:00Z", {"datetime"}),
        ("1700000000", {"unix_seconds", "number"}), ("-3,5", {"number"}), ("Yes", {"boolean"}),
        ("+49 30 901820", {"phone"}), ("(212) 555-0144", {"phone"}), ("pt-BR", {"language"}),
        ("Europe/Berlin", {"timezone"}), ('{"a": 1}', {"json"}), ("<b>x</b>", {"html"}),
        ("0b3ed0a5-6f3c-4a2f-9a9e-3f1b0d1c2e4f", {"uuid"}), ("Ana", set()),
    ],
)  # fmt: skip
def test_patterns(value, looks):
    assert patterns([value]) == dict.fromkeys(looks, 1.0)


def test_masking_keeps_the_form_only():
    assert mask("Zoë Ünal, +49 30-١٢") == "Xxx Xxxx, +99 99-99"
    assert mask("שלום 👋") == "xxxx x"


def test_nothing_personal_is_in_a_masked_profile_in_any_form():
    bag = {"first_name": "Ottokar", "bio": "אני גר", "phone": "+49 30 901820", "keyed": {"a@example.com": 1}}
    people = [person(f"c{n}", email="Ottokar@Example.com", id=f"ID{n}", attributes=bag) for n in (1, 2)]
    found = profile(*people, event("e1", "bought", {"card": "Ottokar"}))
    for text in (found.model_dump_json(), render(found, "scope.md"), render(found, "scope.html")):
        for secret in ("ttokar", "אני", "901820", "example.com"):
            assert secret not in text
    shown = profile(*people, show_values=True)
    assert "Ottokar" in next(a for a in shown.attributes if a.name == "first_name").examples
    assert shown.duplicates[0].largest[0].value == "ottokar@example.com"


# Events


def test_events_have_properties_with_shares_and_the_tenth_rule():
    often = [event(f"e{n}", "bought", {"sum": n}) for n in range(19)]
    found = profile(*often, event("e20", "bought", {"sum": 1, "coupon": "x"}), event("e21", "left", {}))
    assert [(e.kind, e.name, e.count) for e in found.events] == [
        ("event", "bought", 20),
        ("event", "left", 1),
    ]
    shares = {p.name: (p.share, p.column) for p in found.events[0].properties}
    assert shares == {"sum": (1.0, True), "coupon": (0.05, False)}


def test_volume_is_by_month_and_kind():
    at = 1_704_067_199  # 2023-12-31T23:59:59Z
    found = profile(
        event("e1", "a", {}, timestamp=at), event("e2", "b", {}, timestamp=at + 1),
        event("e3", "b", {}, timestamp=at + 2), ("deliveries", {"id": "d", "type": "email", "created": at}),
    )  # fmt: skip
    assert [(v.month, v.stream, v.kind, v.count) for v in found.volume] == [
        ("2023-12", "activities", "event", 1),
        ("2023-12", "deliveries", "email", 1),
        ("2024-01", "activities", "event", 2),
    ]


# People


def test_people_without_email_and_id_are_counted():
    found = profile(
        person("a", email="a@example.com", id="1"), person("b", id="2", unsubscribed=True),
        person("c", email="c@example.com"), person("d", email="", id=" "),
    ).people  # fmt: skip
    assert (found.total, found.with_email, found.without_email, found.without_id) == (4, 2, 2, 2)
    assert (found.anonymous, found.unsubscribed) == (1, 1)


def test_activity_is_the_latest_sign_of_any_kind():
    old = NOW - 400 * DAY
    device = {"id": "x", "platform": "ios", "last_used": NOW - DAY}
    found = profile(
        person("device", devices=[device]), person("attribute", attributes={"last seen": NOW - DAY}),
        person("iso", attributes={"last seen": "2027-01-01T00:00:00Z"}),
        person("milliseconds", attributes={"last seen": (NOW - DAY) * 1000}),
        person("event"), person("click"), person("old", attributes={"last seen": str(old)}), person("none"),
        event("e", "x", {}, cio_id="event"), event("o", "x", {}, cio_id="old", timestamp=old),
        ("deliveries", {"id": "d", "cio_id": "click", "metrics": {"clicked": NOW - DAY}}),
        ("deliveries", {"id": "m", "cio_id": "none", "metrics": {"opened": NOW - DAY}}),
        seen=("last seen", "it's"),
    ).people  # fmt: skip
    assert (found.active, found.inactive, found.no_sign) == (6, 1, 1)


def test_the_number_of_days_is_a_choice():
    someone = person("a", attributes={"last": NOW - 10 * DAY})
    assert profile(someone, seen=("last",), inactive_days=9).people.inactive == 1
    assert profile(someone, seen=("last",), inactive_days=11).people.active == 1


def test_duplicates_are_grouped_by_email_mailbox_and_id():
    found = profile(
        person("a", email="X@example.com", id="u1"), person("b", email="x@example.com", id="U1"),
        person("c", email="x+news@example.com", id="u3"), person("d", email="y@example.com"), person("e"),
    )  # fmt: skip
    groups = {d.by: [(g.people, g.cio_ids) for g in d.largest] for d in found.duplicates}
    assert groups == {"email": [(2, ["a", "b"])], "mailbox": [(3, ["a", "b", "c"])], "id": [(2, ["a", "b"])]}
    assert [(d.groups, d.people) for d in found.duplicates] == [(1, 2), (1, 3), (1, 2)]


def test_deleted_profiles_and_those_that_came_back():
    gone = {"type": "profile_delete", "timestamp": NOW}
    found = profile(
        person("new", id="u1", email="n@example.com"),
        ("activities", {"id": "1", "cio_id": "old", "person_id": "U1", **gone}),
        ("activities", {"id": "2", "cio_id": "other", "person_id": "u2", **gone}),
        ("people", {"cio_id": "other", "_sdc_deleted_at": "2026-01-01T00:00:00Z"}),
    )
    assert (found.deleted.profiles, found.deleted.came_back) == (2, 1)
    assert found.people.total == 1
    assert [(s.stream, s.records, s.deleted) for s in found.streams] == [
        ("activities", 2, 0),
        ("people", 2, 1),
    ]


# What there is


def test_objects_segments_documents_redactions_devices_and_gaps():
    found = profile(
        ("object_types", {"id": "1", "name": "Companies", "slug": "companies"}),
        ("object_types", {"id": "2", "name": "Venues", "slug": "venues"}),
        ("objects", COMPANY | {"attributes": {"name": "A"}}),
        ("relationships", COMPANY | {"attributes": {"role": "x"}}),
        ("segments", {"id": 3, "name": "S", "type": "dynamic", "conditions": {"and": []}}),
        ("segments", {"id": 12, "name": "T", "type": "manual", "conditions": {}}),
        ("segment_memberships", {"segment_id": 3, "cio_id": "a"}),
        ("campaigns", {"id": 1, "name": "C", "state": "running"}), ("campaigns", {"id": 2, "state": "draft"}),
        ("newsletters", {"id": 1, "sent_at": NOW}),
        ("deliveries", {"id": "1", "type": "email", "forgotten": True}),
        ("deliveries", {"id": "2", "type": "email", "forgotten": False}),
        person("p", devices=[{"platform": "ios", "attributes": {"push_enabled": "true"}}]),
        person("q", devices=[{"platform": "ios"}]),
        ("completeness", {"subject": "layouts", "status": "not_available", "reason": "no endpoint"}),
        ("completeness", {"subject": "people", "status": "complete"}),
    )  # fmt: skip
    assert [(o.id, o.name, o.objects, o.relationships) for o in found.objects] == [
        ("1", "Companies", 1, 1), ("2", "Venues", 0, 0),
    ]  # fmt: skip
    assert [(s.id, s.name, s.rule, s.members) for s in found.segments] == [
        ("3", "S", '{"and":[]}', 1),
        ("12", "T", None, 0),
    ]
    assert [(d.kind, d.number, d.by_state) for d in found.documents] == [
        ("Campaigns", 2, {"draft": 1, "running": 1}), ("Newsletters", 1, {"sent": 1}),
    ]  # fmt: skip
    assert [(r.channel, r.messages, r.redacted) for r in found.redacted] == [("email", 2, 1)]
    assert [(d.platform, d.devices, d.push_enabled) for d in found.devices] == [("ios", 2, 1)]
    assert [(u.subject, u.status, u.reason) for u in found.unread] == [
        ("layouts", "not_available", "no endpoint")
    ]
    assert {(a.stream, a.group, a.name) for a in found.attributes} == {
        ("objects", "companies", "name"), ("relationships", "companies", "role"),
    }  # fmt: skip


# The loader

SCHEMA: dict[str, Any] = {"type": "SCHEMA", "stream": "people", "key_properties": ["cio_id"]}
SCHEMA["schema"] = {"properties": {"cio_id": {"type": "string"}, "attributes": {"type": "object"}}}
RECORD = {"type": "RECORD", "stream": "people", "record": {"cio_id": "a", "attributes": {"plan": "pro"}}}


def listen(folder: Path, *messages: Any, **config: Any) -> None:
    lines = b"\n".join(m if isinstance(m, bytes) else orjson.dumps(m) for m in messages)
    ScopeTarget(config={"output": str(folder), **config}).listen(io.BytesIO(lines))


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(storing.tempfile, "tempdir", str(folder))
    return folder


def test_the_loader_writes_all_forms_for_its_owner_only_and_leaves_nothing_behind(tmp_path, scratch, capsys):
    listen(tmp_path / "out", SCHEMA, RECORD, {"type": "STATE", "value": {"n": 1}})
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
    assert {stat.S_IMODE((tmp_path / "out" / name).stat().st_mode) for name in FILES} == {0o600}
    assert Profile.model_validate_json((tmp_path / "out" / "scope.json").read_bytes()).people.total == 1
    assert list(scratch.iterdir()) == []
    assert capsys.readouterr().out == "", "with a state, the next profile would be of the changes only"


def test_the_loader_writes_an_empty_profile_of_nothing(tmp_path, scratch):
    listen(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "scope.json").read_text())["streams"] == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{broken", "Line 3 of the input: it is not JSON, so the tap's output is broken or was cut off."),
        (
            orjson.dumps({"type": "RECORD", "stream": "pets", "record": {}}),
            "Line 3 of the input: A record of stream 'pets' came before its schema.",
        ),
    ],
)
def test_broken_input_is_named_and_no_half_profile_is_written(tmp_path, scratch, line, message):
    with pytest.raises(InputError) as caught:
        listen(tmp_path / "out", SCHEMA, RECORD, line)
    assert caught.value.message == message
    assert not (tmp_path / "out").exists()
    assert list(scratch.iterdir()) == []


def test_stream_maps_apply(tmp_path, scratch):
    listen(tmp_path / "out", SCHEMA, RECORD, stream_maps={"people": {"__filter__": "cio_id != 'a'"}})
    assert json.loads((tmp_path / "out" / "scope.json").read_text())["people"]["total"] == 0


# Pages


def test_the_page_loads_nothing_and_names_cannot_break_out_of_it():
    nasty = "</td><script>alert(1)</script>|`x`"
    found = profile(person("p", attributes={nasty: nasty}), event("e", nasty, {nasty: 1}), show_values=True)
    page = render(found, "scope.html")
    assert "<script" not in page
    assert not re.search(r"(src|href)=|url\(|@import", page)
    assert '<svg class="chart"' in page
    table = next(
        line for line in render(found, "scope.md").splitlines() if "alert" in line and "string" in line
    )
    assert len(re.findall(r"(?<!\\)\|", table)) == 8
