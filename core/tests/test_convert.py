"""Conversions: a table of what real workspaces hold."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlift.mapping.convert import CONVERSIONS, to_datetime, to_integer

NOON = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("text", 1.5, "1.5"),
        ("text", True, "true"),
        ("text", {"b": 1, "a": [2]}, '{"a":[2],"b":1}'),
        ("integer", "42", 42),
        ("integer", 42.0, 42),
        ("integer", "42.0", 42),
        ("integer", 2**53 + 1, 2**53 + 1),
        ("number", "1.5", 1.5),
        ("boolean", "Yes", True),
        ("boolean", 0, False),
        ("boolean", "false", False),
        ("datetime", 1_740_830_400, NOON),
        ("datetime", "1740830400", NOON),
        ("datetime", 1_740_830_400_000, NOON),
        ("datetime", "2025-03-01T13:00:00+01:00", NOON),
        ("datetime", "2025-03-01T12:00:00.250Z", NOON),
        ("datetime", "2025-03-01 12:00", NOON),
        ("date", "2025-03-01", date(2025, 3, 1)),
        ("date", 1_740_830_400, date(2025, 3, 1)),
        ("list", ["a", 1], "a, 1"),
        ("json", {"a": [1]}, {"a": [1]}),
        ("country", "de", "DE"),
        ("country", "UK", "GB"),
        ("country", "Deutschland", "DE"),
        ("country", "Österreich", "AT"),
        ("country", "Україна", "UA"),
        ("country", "대한민국", "KR"),
        ("language", "pt-BR", "pt_BR"),
        ("language", "de", "de"),
        ("timezone", "Europe/Paris", "Europe/Paris"),
    ],
)
def test_it_reads(name, value, expected):
    got = CONVERSIONS[name](value)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("integer", "1.5"),
        ("integer", "n/a"),
        ("integer", True),
        ("number", "nan"),
        ("number", [1]),
        ("boolean", "maybe"),
        ("datetime", "soon"),
        ("datetime", 17),
        ("datetime", True),
        ("datetime", "2025-13-45"),
        ("date", "12"),
        ("country", "Atlantis"),
        ("language", "klingonese"),
        ("timezone", "Mars/Base"),
    ],
)
def test_it_refuses(name, value):
    with pytest.raises(ValueError, match=r"."):
        CONVERSIONS[name](value)


@given(st.datetimes(datetime(1975, 1, 1), datetime(2200, 1, 1), timezones=st.timezones()))
def test_every_moment_survives_as_text_to_the_second(moment: datetime):
    assert to_datetime(moment.isoformat()) == moment.astimezone(UTC).replace(microsecond=0)


@given(st.integers())
def test_every_whole_number_survives_as_text(number: int):
    assert to_integer(str(number)) == to_integer(number) == number


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(CONVERSIONS)), json.filter(lambda value: value is not None))
def test_whatever_comes_it_converts_or_raises_what_the_engine_expects(name: str, value: Any):
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        CONVERSIONS[name](value)
