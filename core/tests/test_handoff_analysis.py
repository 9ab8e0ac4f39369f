"""One analysis of conditions and journeys, tolerant of what it does not know."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlift.handoff import conditions, liquid, words
from crmlift.handoff.conditions import All, AnyOf, Compare, Did, InSegment, Not, Unknown
from crmlift.handoff.drawing import flow
from crmlift.handoff.journey import Journey, Step, StepKind, Trigger, Way
from crmlift.handoff.outline import outline
from crmlift.handoff.read_journey import from_graph

PLAN = {"field": "plan", "operator": "eq", "value": "pro"}
VISITS = {"event": {"name": "visit", "type": "event", "filters": {}}, "times": 3, "within": 86_400}
CHANGE = {"event": {"name": "plan", "type": "attribute_change", "filters": {"and": [
    {"field": "from", "operator": "eq", "value": "a", "inverse": False}]}}, "times": 1}  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({}, "everybody"),
        ([], "everybody"),
        ({"attribute": PLAN}, "plan is “pro”"),
        ({"attribute": PLAN, "inverse": True}, "not (plan is “pro”), and it is set"),
        ({"not": {"attribute": PLAN}}, "not (plan is “pro”)"),
        ({"and": [{"attribute": PLAN}, {"or": [{"segment": {"id": 3}}, VISITS]}]},
         "plan is “pro” and (in segment 3 “VIP” or did visit at least 3 times in the last 1 day)"),
        ({"or": [{"attribute": PLAN}]}, "plan is “pro”"),
        (CHANGE, "attribute plan changed where event's from is “a”"),
        ([{"type": "attribute", **PLAN}, {"type": "segments_negatable", "segments": [3], "negate": True}],
         "plan is “pro” and not (in segment 3 “VIP”)"),
        ([{"type": "event_attribute", "field": "t", "operator": "bw", "value": 1, "value2": 2}],
         "event's t is between 1 and 2"),
        ({"type": "attribute", "field": "seen", "operator": "timestamp_gt", "value": "86400"},
         "seen is after 1 day ago"),
        ({"type": "attribute", "field": "seen", "operator": "timestamp_lta", "value": 1_800_000_000},
         "seen is before 2027-01-15 08:00 UTC"),
        ({"type": "attribute", "field": "b", "operator": "sounds_like", "value": "x"},
         "b sounds_like “x” (an operator that is not known)"),
        ({"type": "mood", "field": "today"},
         'something that is not understood: {"type":"mood","field":"today"}'),
        ({"type": "segments_negatable", "segments": [3, 4], "negate": False},
         'something that is not understood: {"type":"segments_negatable","segments":[3,4],"negate":false}'),
        ("text", 'something that is not understood: "text"'),
    ],
)  # fmt: skip
def test_every_grammar_is_read_and_what_none_explains_is_kept(raw: Any, said: str) -> None:
    assert words.condition(conditions.parse(raw), {"3": "VIP"}) == said


def test_a_tree_is_walked_and_its_segments_are_found():
    tree = conditions.parse({"and": [{"not": {"segment": {"id": 3}}}, CHANGE, {"segment": {"id": 3}}]})
    assert conditions.segments_in(tree) == ["3"]
    assert [type(node) for node in conditions.walk(tree)] == [All, Not, InSegment, Did, Compare, InSegment]
    assert conditions.segments_in(None) == []


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["and", "or", "not", "attribute", "event", "segment", "id", "field", "operator",
                         "value", "type", "inverse", "name", "filters", "times", "within", "segments", "x"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(_json)
def test_no_json_breaks_the_reading_and_what_was_made_of_it_reads_back(raw: Any) -> None:
    tree = conditions.parse(raw)
    words.condition(tree)
    again = All(of=[tree])
    assert All.model_validate_json(again.model_dump_json()) == again


def test_a_part_of_a_condition_that_is_not_known_stays_beside_the_others():
    tree = conditions.parse([{"type": "attribute", **PLAN}, {"type": "mood"}])
    assert isinstance(tree, All)
    assert tree.of[1] == Unknown(raw={"type": "mood"})
    assert isinstance(conditions.parse({"or": [VISITS, VISITS]}), AnyOf)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "no time"), (60, "1 minute"), (90_061, "1 day 1 hour 1 minute 1 second")]
)
def test_spans_are_said_exactly(seconds: int, said: str) -> None:
    assert words.span(seconds) == said


def test_liquid_that_is_broken_is_named_by_field_and_the_rest_is_read():
    found = liquid.parse(
        {"subject": "{{ customer.", "body": "{{ a }} {% for b in c.d %}{{ b }}{% endfor %}", "to": None}
    )
    assert (found.variables, found.errors) == (["a", "c.d"], ["subject"])
    assert liquid.parse({"body": "nothing"}) == liquid.Liquid()


# Drawing


def _journey(ways: list[tuple[str, str]], back: frozenset[tuple[str, str]] = frozenset()) -> Journey:
    ids = list(dict.fromkeys(id for way in ways for id in way))
    reached = {end for start, end in ways if (start, end) not in back}
    return Journey(
        id="1",
        name="A & <b>",
        trigger=Trigger(kind="event", words="event <x>"),
        steps=[Step(id=id, kind=StepKind.MESSAGE, type="t", title=f"Step <{id}>", words="") for id in ids],
        ways=[Way(start=s, end=e, label="if & so", back=(s, e) in back) for s, e in ways],
        roots=[id for id in ids if id not in reached],
        drawn="graph",
    )


def _boxes(svg: str) -> list[tuple[float, float, float, float]]:
    found = re.findall(r'<rect x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="([\d.]+)"', svg)
    return [tuple(map(float, box)) for box in found]  # type: ignore[misc]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=16))
def test_no_two_boxes_touch_whatever_the_ways(pairs: list[tuple[int, int]]) -> None:
    ways = [(str(min(pair)), str(max(pair))) for pair in pairs if pair[0] != pair[1]]
    if not ways:
        return
    journey = _journey(ways)
    svg = str(flow(journey))
    boxes = _boxes(svg)
    assert len(boxes) == len(journey.steps) + 1
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in combinations(boxes, 2):
        assert x1 + w1 < x2 or x2 + w2 < x1 or y1 + h1 < y2 or y2 + h2 < y1
    width, height = map(float, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())  # type: ignore[union-attr]
    assert all(x >= 0 and x + w <= width + 1 and y >= 0 and y + h <= height + 1 for x, y, w, h in boxes)
    assert svg.count('class="way"') == len(ways) + len(journey.roots)


def test_a_loop_is_drawn_back_and_names_are_escaped():
    svg = str(flow(_journey([("1", "2"), ("2", "3"), ("3", "1")], frozenset({("3", "1")}))))
    assert svg.count("way back") == 1
    assert "Step &lt;1&gt;" in svg
    assert "if &amp; so" in svg
    assert "<b>" not in svg
    assert flow(Journey(id="1", name="x", trigger=Trigger(kind="x", words="x"))) == ""


def test_the_same_journey_is_drawn_the_same():
    ways = [("1", "2"), ("1", "3"), ("2", "4"), ("3", "4"), ("1", "4")]
    assert flow(_journey(ways)) == flow(_journey(ways))


# What targets make drafts of


@pytest.mark.parametrize(
    ("raw", "event"),
    [
        ({"type": "foreign_event", "field": "name", "operator": "eq", "value": "paid"}, "paid"),
        ({"type": "foreign_event", "field": "name", "operator": "contains", "value": "paid"}, None),
        ({"type": "foreign_event", "field": "total", "operator": "eq", "value": "5"}, None),
        ({"event": {"name": "paid", "type": "event"}}, "paid"),
        ({"event": {"name": "paid", "type": "event", "filters": {"field": "a", "operator": "exists"}}}, None),
        ({"event": {"name": "plan", "type": "attribute_change"}}, None),
        ({"attribute": {"field": "plan", "operator": "exists"}}, None),
    ],
)
def test_an_awaited_event_is_known_where_its_coming_is_all_that_is_asked(raw: Any, event: str | None):
    assert conditions.awaited_event(conditions.parse(raw)) == event


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(86_400, (1, "day")), (90_000, (25, "hour")), (5_400, (90, "minute")), (61, (2, "minute")),
     (1, (1, "minute"))],
)  # fmt: skip
def test_a_span_is_said_in_one_unit(seconds: int, said: tuple[int, str]):
    assert words.in_one_unit(seconds) == said


def test_a_journey_knows_where_its_ways_lead_and_what_ends_it():
    entry = {"trigger": {"attribute": {"field": "plan", "operator": "eq", "value": "pro"}}}
    record = {
        "id": 1, "name": "x", "type": "seg_attr", "entry": entry, "root_action_ids": ["1"],
        "exit_on_mismatch": True, "exit_conditions": [{"event": {"etype": 3}}, {"segment": {"id": 2}}],
    }  # fmt: skip
    actions = [
        {"id": "1", "type": "multi_lang_branch_action", "raw": {"languages": ["en", "de"]}, "position": 0},
        {"id": "2", "type": "attribute_update_action", "position": 1,
         "raw": {"attribute_name": "plan", "attribute_value": "free"}},
        {"id": "3", "type": "exit_action", "position": 2},
    ]  # fmt: skip
    edges = [
        {"from": "1", "to": "2", "type": "branch", "index": 0, "position": 0},
        {"from": "1", "to": "3", "type": "branch", "index": 1, "position": 1},
        {"from": "2", "to": "3", "type": "continue", "position": 2},
    ]
    journey = from_graph(record, actions, edges, {})
    branch, update, _ = journey.steps
    assert [way.label for way in journey.ways_from(branch)] == ["en", "de"]
    assert [journey.goes_on(way) for way in journey.ways_from(branch)] == ["2", None]
    assert update.changes == {"plan": "free"}
    assert journey.first_step() == "1"
    assert len(journey.exits) == 3
    assert journey.exit_conditions == [
        InSegment(id="2"),
        Not(of=Compare(field="plan", operator="eq", value="pro")),
    ]


def test_the_lines_of_an_outline_refer_to_each_other_by_their_number():
    steps = [
        Step(id=id, kind=kind, type="t", title=id, words="")
        for id, kind in (("split", StepKind.BRANCH), ("yes", StepKind.MESSAGE), ("no", StepKind.MESSAGE))
    ]
    ways = [Way(start="split", end="yes", label="matched"), Way(start="split", end="no", label="else")]
    found = Journey(id="1", name="x", trigger=Trigger(kind="x", words="y"), steps=steps, ways=ways,
                    drawn="graph", roots=["split"])  # fmt: skip
    lines = outline(found, "Begins", lambda step: step.title, lambda _node: None)
    assert lines == ["Begins", "split; then matched → 3; else → 4", "yes", "no"]
    assert [lines[number - 1] for number in (3, 4)] == ["yes", "no"]


def test_a_journey_without_a_root_begins_with_what_nothing_leads_to():
    assert _journey([("2", "1"), ("1", "3")]).model_copy(update={"roots": []}).first_step() == "2"
    assert Journey(id="1", name="x", trigger=Trigger(kind="x", words="x")).first_step() is None
