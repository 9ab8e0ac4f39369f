from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlift.destination import Create, Field, FieldType
from target_salesforce import keys
from target_salesforce.soql import begins, lists, quoted
from target_salesforce.values import Column, Unfit, cell, change, decode, encode, expected

if TYPE_CHECKING:
    from target_salesforce.destination import SalesforceDestination


def column(kind: FieldType, type_: str = "string", **more: Any) -> Column:
    of_field = {name: more.pop(name) for name in ("max_length", "choices", "name") if name in more}
    return Column(Field(of_field.pop("name", "x"), kind, **of_field), type_, **more)


def held(one: Column, value: Any) -> Any:
    return expected({one.name: one}, {one.name: value})[one.name]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("  a\n b ", "a\n b"),
        ("", None),
        ("#N/A", None),
        ("a\x00b\ud800", "ab"),
        (True, "true"),
        (3, "3"),
        ({"b": [1], "a": "é"}, '{"a":"é","b":[1]}'),
    ],
)
def test_text_as_salesforce_holds_it(value: Any, kept: Any) -> None:
    assert held(column(FieldType.TEXT), value) == kept


def test_long_text_is_cut_by_what_salesforce_counts() -> None:
    short = column(FieldType.TEXT, max_length=10)
    assert held(short, "x" * 11) == "x" * 10
    assert held(short, "👋" * 6) == "👋" * 5
    assert held(short, "abcdefghi👋") == "abcdefghi"
    assert change(short) == "cut after 10 characters, and no blanks at the ends"


def test_long_json_is_cut_with_a_digest_of_the_whole() -> None:
    wide = column(FieldType.TEXT, "textarea", max_length=131_072)
    one, two = held(wide, {"a": "x" * 40_000}), held(wide, {"a": "x" * 40_001})
    assert len(one) == len(two) == 32_000
    assert one != two
    assert one.rpartition("sha256:")[2].isalnum()


@given(st.text())
def test_what_is_expected_once_stays_as_it_is(text: str) -> None:
    one = column(FieldType.TEXT, max_length=20)
    assert held(one, held(one, text)) == held(one, text)


def test_numbers_are_rounded_half_up_to_the_fields_digits() -> None:
    money = column(FieldType.NUMBER, "currency", scale=2)
    whole = column(FieldType.INTEGER, "double", scale=0)
    assert held(money, 2.675) == 2.68
    assert held(whole, 2.5) == 3
    assert type(held(whole, 7.0)) is int
    with pytest.raises(Unfit):
        encode(column(FieldType.INTEGER, "int", precision=8), 10**8)


def test_choices_take_any_case_and_restricted_ones_nothing_else() -> None:
    free = column(FieldType.CHOICE, "picklist", choices=("Hot", "Cold"))
    strict = column(FieldType.CHOICE, "picklist", choices=("Hot", "Cold"), restricted=True)
    assert (held(free, "hot"), held(free, "Tepid")) == ("Hot", "Tepid")
    assert (held(strict, "hot"), held(strict, "Tepid")) == ("Hot", None)


def test_times_are_utc_to_the_second() -> None:
    at = column(FieldType.DATETIME, "datetime")
    moment = datetime(2026, 3, 1, 10, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    assert held(at, moment) == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert encode(at, held(at, moment)) == "2026-03-01T08:00:00Z"
    assert decode(at, "2026-03-01T08:00:00.000+0000") == held(at, moment)
    assert held(column(FieldType.DATE, "date"), moment) == date(2026, 3, 1)


def test_the_cells_of_a_job_tell_nothing_from_null() -> None:
    assert [cell(value) for value in (None, True, False, 7, 2.5, "a,b")] == [
        "#N/A", "true", "false", "7", "2.5", "a,b",
    ]  # fmt: skip


@given(st.text())
def test_keys_come_back_and_have_no_blanks_at_their_ends(key: str) -> None:
    spelled = keys.encode(key)
    assert spelled == spelled.strip()
    if key.isprintable():
        assert keys.decode(spelled) == key
    assert keys.from_developer_key(keys.developer_key(key)) == key
    assert keys.developer_key(key).isascii()


@given(st.text())
def test_literals_end_where_they_should(text: str) -> None:
    literal = quoted(text)
    inner = literal[1:-1].replace("\\\\", "").replace("\\'", "")
    assert "'" not in inner
    assert not inner.endswith("\\")


def test_patterns_escape_wildcards() -> None:
    assert begins("f", "a_b%") == "f LIKE 'a\\_b\\%%'"


@given(st.lists(st.text(min_size=1, max_size=200), max_size=2000))
def test_lists_lose_nothing_and_fit_into_a_url(values: list[str]) -> None:
    parts = list(lists(values))
    assert [value for part in parts for value in part] == values
    assert all(sum(len(v.encode()) + 9 for v in part) < 16_000 or len(part) == 1 for part in parts)


def test_every_kind_of_value_reads_back_as_expected_by_call_and_by_job(
    crm: SalesforceDestination, bulk_crm: SalesforceDestination
) -> None:
    fields = [
        Field("n__c", FieldType.NUMBER),
        Field("i__c", FieldType.INTEGER),
        Field("b__c", FieldType.BOOLEAN),
        Field("d__c", FieldType.DATE),
        Field("t__c", FieldType.DATETIME),
        Field("j__c", FieldType.JSON),
        Field("s__c", FieldType.TEXT),
    ]
    crm.provision("contact", fields)
    samples: list[dict[str, Any]] = [
        {"n__c": 1 / 3, "i__c": -5, "b__c": True, "d__c": date(1999, 12, 31)},
        {"t__c": datetime(2001, 2, 3, 4, 5, 6, 7, tzinfo=UTC), "j__c": {"a": [1, None, "“é”"]}},
        {"s__c": 'quo"ted, comma\r\nline\rend', "b__c": None, "n__c": None},
        {"s__c": "=1+1", "j__c": ["\u2028", "\t"], "i__c": 10**15},
        {"s__c": "שלום 👋 <b>bold</b> #N/A", "j__c": json.dumps({"x": "y" * 500})},
    ]
    for way, target in (("call", crm), ("job", bulk_crm)):
        for number, sample in enumerate(samples):
            values = dict(target.expected("contact", {"LastName": "x", **sample}))
            given_ = {name: value for name, value in values.items() if value is not None}
            (made,) = target.create("contact", [Create(f"{way}-{number}", given_)])
            assert made.refusal is None
            assert target.read("contact", [str(made.id)], list(values)) == {made.id: values}
