from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmlift.destination import Create, Field, FieldType, Update
from crmlift.errors import BatchRefused
from target_odoo.destination import OdooDestination

NOON = datetime(2024, 2, 29, 12, 0, 1, tzinfo=UTC)
CUSTOM = [
    Field("x_t_text", FieldType.TEXT),
    Field("x_t_html", FieldType.HTML),
    Field("x_t_integer", FieldType.INTEGER),
    Field("x_t_number", FieldType.NUMBER),
    Field("x_t_boolean", FieldType.BOOLEAN),
    Field("x_t_date", FieldType.DATE),
    Field("x_t_datetime", FieldType.DATETIME),
    Field("x_t_json", FieldType.JSON),
    Field("x_t_choice", FieldType.CHOICE, choices=("free", "pro")),
    Field("x_t_link", FieldType.LINK, links_to="company"),
    Field("x_t_links", FieldType.LINKS, links_to="tag"),
]
TABLE: list[tuple[str, Any, Any]] = [
    ("x_t_text", "שלום 🙂\nline two", "שלום 🙂\nline two"),
    ("x_t_text", "  spaces stay  ", "  spaces stay  "),
    ("x_t_text", "nul \0 and half a pair \ud83d go", "nul  and half a pair  go"),
    ("x_t_text", "", None),
    ("x_t_text", "0", "0"),
    ("x_t_text", 12, "12"),
    ("x_t_text", True, "true"),
    ("x_t_text", {"a": ["é"]}, '{"a": ["é"]}'),
    ("x_t_text", 'quotes "and" , commas; %s %(field)s', 'quotes "and" , commas; %s %(field)s'),
    ("x_t_html", "plain & 1 < 2", "<span>plain &amp; 1 &lt; 2</span>"),
    ("x_t_html", "<p>a <b>b</b></p>", "<p>a <b>b</b></p>"),
    ("x_t_integer", 2**31 - 1, 2**31 - 1),
    ("x_t_integer", -(2**31), -(2**31)),
    ("x_t_integer", 0, 0),
    ("x_t_integer", 3.9, 3),
    ("x_t_number", 0.1, 0.1),
    ("x_t_number", 1e300, 1e300),
    ("x_t_number", -7, -7.0),
    ("x_t_boolean", True, True),
    ("x_t_boolean", False, False),
    ("x_t_boolean", "false", False),
    ("x_t_date", date(1900, 1, 1), date(1900, 1, 1)),
    ("x_t_date", NOON, date(2024, 2, 29)),
    ("x_t_datetime", NOON.replace(microsecond=999_999), NOON),
    ("x_t_datetime", NOON.astimezone(timezone(timedelta(hours=5, minutes=30))), NOON),
    ("x_t_datetime", date(2024, 2, 29), datetime(2024, 2, 29, tzinfo=UTC)),
    ("x_t_json", {"a": [1, 2.5, None, True, "é\0"], "b": {}}, {"a": [1, 2.5, None, True, "é"], "b": {}}),
    ("x_t_json", [], None),
    ("x_t_json", "text", "text"),
    ("x_t_json", 2**60, 2**60),
    ("x_t_json", [1e22, 58081100168036410.0, 0.1, -0.0], [10**22, 58081100168036410, 0.1, 0]),
    ("x_t_choice", "pro", "pro"),
    ("website", "kid.example.com:8080/a", "http://kid.example.com:8080/a"),
    ("website", "mailto:ann@example.com", "mailto:ann@example.com"),
    ("country_id", "de", "DE"),
    ("country_id", "Atlantis", None),
    ("lang", "en-GB", "en_US"),
    ("lang", "tlh", None),
    ("tz", "Asia/Kolkata", "Asia/Kolkata"),
    ("tz", "Mars/Base", None),
    ("active", False, False),
]


@pytest.fixture
def typed(crm: OdooDestination) -> OdooDestination:
    crm.provision("person", CUSTOM)
    return crm


def test_every_value_reads_back_as_expected_after_create_and_after_update(typed: OdooDestination) -> None:
    created = typed.create(
        "person", [Create(str(n), {"name": "x", name: value}) for n, (name, value, _) in enumerate(TABLE)]
    )
    empty = typed.create("person", [Create(f"u{n}", {"name": "x"}) for n in range(len(TABLE))])
    typed.update(
        "person",
        [
            Update(outcome.key, outcome.id or "", {name: value})
            for outcome, (name, value, _) in zip(empty, TABLE, strict=True)
        ],
    )
    for outcomes in (created, empty):
        found = typed.read("person", [o.id or "" for o in outcomes], sorted({name for name, _, _ in TABLE}))
        held = [found[o.id or ""][name] for o, (name, _, _) in zip(outcomes, TABLE, strict=True)]
        assert held == [want for _, _, want in TABLE]
    assert [typed.expected("person", {name: value})[name] for name, value, _ in TABLE] == [
        w for _, _, w in TABLE
    ]


def test_links_read_back_as_ids(typed: OdooDestination) -> None:
    company = typed.create("company", [Create("c", {"name": "Acme"})])[0].id
    tags = sorted(
        (o.id or "" for o in typed.create("tag", [Create("1", {"name": "a"}), Create("2", {"name": "b"})])),
        key=int,
    )
    values = {"name": "x", "x_t_link": company, "x_t_links": list(reversed(tags))}
    person = typed.create("person", [Create("p", values)])[0].id or ""
    want = {"x_t_link": company, "x_t_links": tags}
    assert typed.read("person", [person], list(want)) == {person: want}
    typed.update("person", [Update("p", person, dict.fromkeys(want))])
    assert typed.read("person", [person], list(want)) == {person: dict.fromkeys(want)}


@pytest.mark.parametrize(
    ("country", "state", "want"),
    [
        ("US", "California", "US-CA"),
        ("US", "ca", "US-CA"),
        ("IT", "CA", "IT-CA"),
        ("US", "US-CA", "US-CA"),
        (None, "California", "US-CA"),
        (None, "CA", None),
        ("DE", "California", None),
    ],
)
def test_states_are_found_within_their_country(
    crm: OdooDestination, country: str | None, state: str, want: str | None
) -> None:
    values = {"country_id": country, "state_id": state} if country else {"state_id": state}
    assert crm.expected("person", values)["state_id"] == want
    person = crm.create("person", [Create("p", {"name": "x", **values})])[0].id or ""
    assert crm.read("person", [person], ["state_id"]) == {person: {"state_id": want}}


def test_cleared_fields_read_back_as_empty(typed: OdooDestination) -> None:
    full = {
        "name": "x",
        "city": "Ghent",
        "x_t_json": {"a": 1},
        "x_t_datetime": NOON,
        "country_id": "BE",
        "tz": "UTC",
    }
    person = typed.create("person", [Create("p", full)])[0].id or ""
    names = [name for name in full if name != "name"]
    typed.update("person", [Update("p", person, dict.fromkeys(names))])
    assert typed.read("person", [person], names) == {person: dict.fromkeys(names)}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("x_t_integer", 2**31, "integer_out_of_range"),
        ("x_t_integer", "many", "wrong_type"),
        ("x_t_number", math.inf, "number_not_finite"),
        ("x_t_choice", "gold", "not_a_choice"),
        ("x_t_json", {"a": math.nan}, "not_json"),
        ("x_t_date", "yesterday", "wrong_type"),
        ("x_t_datetime", datetime(999, 1, 1, tzinfo=UTC), "year_out_of_range"),
    ],
)
def test_what_odoo_is_known_to_refuse_costs_no_call(
    sandbox_crm: OdooDestination, name: str, value: Any, code: str
) -> None:
    sandbox_crm.provision("person", CUSTOM)
    before = sum(sandbox_crm.client.http.calls.values())
    with pytest.raises(BatchRefused) as caught:
        sandbox_crm.update("person", [Update("a", "1", {"name": "x"}), Update("b", "2", {name: value})])
    assert {n: (r.code, r.field) for n, r in caught.value.rows.items()} == {1: (code, name)}
    assert sum(sandbox_crm.client.http.calls.values()) - before <= 1


TEXT = st.text(st.characters(codec=None), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ROW = st.fixed_dictionaries(
    {
        "x_t_text": TEXT,
        "x_t_json": JSON,
        "x_t_number": st.floats(allow_nan=False, allow_infinity=False),
        "x_t_datetime": st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
        "website": st.sampled_from(["a.example.com", "http://b.example.com", ""]),
    }
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=10))
def test_any_value_reads_back_as_expected(typed: OdooDestination, rows: list[dict[str, Any]]) -> None:
    outcomes = typed.create("person", [Create(str(n), {"name": "x", **row}) for n, row in enumerate(rows)])
    found = typed.read("person", [o.id or "" for o in outcomes], list(rows[0]))
    for outcome, row in zip(outcomes, rows, strict=True):
        want = typed.expected("person", row)
        assert found[outcome.id or ""] == want
        assert typed.expected("person", want) == want
