"""Prepared expressions give what simpleeval gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simpleeval import EvalWithCompoundTypes

from crmlift.mapping import expression
from crmlift.mapping.closures import Unprepared, prepare
from crmlift.mapping.expression import FUNCTIONS, compile_expression

atoms = st.sampled_from(
    ["a", "b", "a.b", "a.b.c", "gone.deep", "None", "True", "1", "2.5", "'x'", "''", "['x', 'y']", "[a, 1]"]
)
unary = st.sampled_from(["not {0}", "-({0})", "text({0})", "lower({0})", "count({0})", "starts({0}, 'x')"])
binary = st.sampled_from(
    ["({0}) and ({1})", "({0}) or ({1})", "({0}) + ({1})", "({0}) * ({1})", "({0}) == ({1})", "({0}) > ({1})",
     "({0}) in ({1})", "({0}) not in ({1})", "({0}) is ({1})", "({1}) if ({0}) else b"]
)  # fmt: skip
expressions = st.recursive(
    atoms,
    lambda inner: st.one_of(st.builds(str.format, unary, inner), st.builds(str.format, binary, inner, inner)),
    max_leaves=6,
)
plain = st.sampled_from([None, True, False, 0, 1, 2.5, "", "x", "xy", [], ["x"], [1, None]])
values = st.recursive(
    plain, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=4
)


def slowly(source: str, record: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Evaluate by simpleeval alone."""

    def nothing(*_: object) -> Any:
        raise Unprepared

    monkeypatch.setattr(expression, "prepare", nothing)
    return compile_expression(source)(record)


@settings(max_examples=400, deadline=None)
@given(expressions, st.dictionaries(st.sampled_from("ab"), values, max_size=2))
def test_a_prepared_expression_gives_what_simpleeval_gives(source: str, record: dict[str, Any]):
    prepare(EvalWithCompoundTypes().parse(source), FUNCTIONS)
    with pytest.MonkeyPatch.context() as patch:
        expected = slowly(source, record, patch)
    found = compile_expression(source)(record)
    assert found == expected
    assert type(found) is type(expected) or isinstance(expected, dict)


@pytest.mark.parametrize(
    "source",
    ["' '.join([text(part) for part in [a, b] if part])", "a[0]", "1 < 2 < 3", "a.items", "f'{a}'",
     "{'k': a}", "a.__class__", "'{}'.format(a)", "a.format", "open(a)", "text(value=a)"],
)  # fmt: skip
def test_the_rest_is_left_to_simpleeval(source: str):
    with pytest.raises(Unprepared):
        prepare(EvalWithCompoundTypes().parse(source), FUNCTIONS)


@pytest.mark.parametrize(
    ("source", "expected"),
    [("' '.join([text(part) for part in [a, b] if part])", "x 1"), ("l[0]", "y"), ("0 < b < 3", True)],
)
def test_what_simpleeval_evaluates_arrives_as_well(source: str, expected: object):
    assert compile_expression(source)({"a": "x", "b": 1, "l": ["y"]}) == expected
