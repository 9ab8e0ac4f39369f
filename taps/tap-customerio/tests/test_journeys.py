"""Journeys: the graph that was drawn is rebuilt, edge by edge, from the tap's records alone."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_customerio.ui_api import conditions, graph
from tap_customerio.workspace.journeys import encoded

STREAMS = ("journeys", "journey_actions", "journey_edges", "journey_notes", "completeness")


def drawn(workspace):
    """`{campaign: {(from, to, type, index)}}` as the workspace was made."""
    return {
        str(one["campaign"]["id"]): {
            (edge["from"], edge["to"], edge["type"], edge.get("index"))
            for edge in one["campaign"]["edges"] or ()
        }
        for one in workspace.config["ui_api"]["journeys"]
    }


def rebuilt(output):
    found = defaultdict(set)
    for edge in output.records["journey_edges"]:
        found[edge["journey_id"]].add((edge["from"], edge["to"], edge["type"], edge["index"]))
    return found


def branches(output, journey):
    """`{index: (label, condition)}` of the one branching action of a journey."""
    edges = [
        e for e in output.records["journey_edges"] if e["journey_id"] == journey and e["type"] == "branch"
    ]
    assert len({edge["from"] for edge in edges}) == 1
    return {edge["index"]: (edge["label"], edge["condition"]) for edge in edges}


def test_every_graph_is_rebuilt_edge_by_edge(shared, everything):
    expected = drawn(shared.workspace)
    assert len(expected) == 15
    assert sum(map(len, expected.values())) > 60
    found = rebuilt(everything)
    legacy = expected.pop("7")
    assert legacy == set()
    assert {id: edges for id, edges in found.items() if id != "7"} == expected
    assert not any(
        edge["inferred"] for edge in everything.records["journey_edges"] if edge["journey_id"] != "7"
    )


def test_every_action_arrives_with_its_whole_object(shared, everything):
    found = everything.by("journey_actions", "journey_id", "id")
    written = {
        (str(one["campaign"]["id"]), str(action["id"])): action
        for one in shared.workspace.config["ui_api"]["journeys"]
        for action in one["actions"]
    }
    assert {key: record["raw"] for key, record in found.items()} == written
    assert {key: record["type"] for key, record in found.items()} == {
        k: a["type"] for k, a in written.items()
    }


def test_journeys_and_their_messages_are_the_campaigns_of_the_app_api(everything):
    campaigns = everything.by("campaigns", "id")
    journeys = everything.by("journeys", "id")
    assert {str(id) for id in campaigns} < journeys.keys()
    for id, campaign in campaigns.items():
        assert journeys[str(id)]["name"] == campaign["name"]
    messages = {(str(one["campaign_id"]), str(one["id"])) for one in everything.records["campaign_actions"]}
    assert messages <= everything.by("journey_actions", "journey_id", "id").keys()


def test_a_line_has_delays_and_a_window(everything):
    actions = [one for one in everything.records["journey_actions"] if one["journey_id"] == "2"]
    edges = {e["from"]: e["to"] for e in everything.records["journey_edges"] if e["journey_id"] == "2"}
    by_id = {one["id"]: one for one in actions}
    (here,) = everything.by("journeys", "id")["2"]["root_action_ids"]
    way = [by_id[here]]
    while way[-1]["id"] in edges:
        way.append(by_id[edges[way[-1]["id"]]])
    assert len(way) == len(actions) == 26
    assert [one["type"] for one in way[:6]] == [
        "email_action", "delay_time_window_action", "twilio_action", "randomized_delay_action", "push_action",
        "delay_seconds_action",
    ]  # fmt: skip
    assert way[5]["delay"] == 3 * 86_400
    assert way[1]["raw"]["days"][0] == "monday"
    assert way[-1]["type"] == "exit_action"


def test_true_and_false(everything):
    expected = [{"type": "attribute", "field": "plan", "operator": "eq", "value": "pro"}]
    assert branches(everything, "3") == {0: ("matched", expected), 1: ("not matched", None)}


def test_a_split_by_several_conditions_has_a_default(everything):
    first = [
        {"type": "attribute", "field": "city", "operator": "eq", "value": "Köln"},
        {"type": "attribute", "field": "lead_score", "operator": "gt", "value": "50"},
    ]
    second = [
        {"type": "event_attribute", "field": "total", "operator": "bw", "value": "10", "value2": "20"},
    ]
    assert branches(everything, "4") == {
        0: ("condition 1", first),
        1: ("condition 2", second),
        2: ("default", None),
    }


def test_a_wait_ends_or_times_out_into_an_event_that_starts_it_again(everything):
    paid = [{"type": "foreign_event", "field": "name", "operator": "eq", "value": "invoice_paid"}]
    assert branches(everything, "6") == {0: ("matched", paid), 1: ("timeout", None)}
    edges = [edge for edge in everything.records["journey_edges"] if edge["journey_id"] == "6"]
    (timeout,) = [edge for edge in edges if edge["label"] == "timeout"]
    assert timeout["wait_seconds"] == 3 * 86_400
    action = everything.by("journey_actions", "journey_id", "id")["6", timeout["to"]]
    journey = everything.by("journeys", "id")["6"]
    assert action["type"] == "create_event_action"
    assert action["event_name"] == journey["event"] == journey["entry"]["event"] == "order_placed"
    assert journey["restart_mode"] == "rematch"


def test_cohorts_have_names_and_shares(everything):
    edges = [
        e for e in everything.records["journey_edges"] if e["journey_id"] == "5" and e["type"] == "branch"
    ]
    assert [(edge["label"], edge["share_percent"]) for edge in edges] == [
        ("Offer", 50),
        ("Kein Angebot ✂", 50),
    ]


def test_an_old_campaign_without_edges_is_put_in_order_and_flagged(everything):
    journey = everything.by("journeys", "id")["7"]
    assert journey["edges_inferred"] is True
    assert journey["root_action_ids"] == ["7001"]
    messages = [one["id"] for one in everything.records["journey_actions"] if one["journey_id"] == "7"]
    rest = [id for id in messages if id not in {"7001", "7002", "7003", "701", "702"}]
    expected = {("7001", "7002", "continue", None)}
    expected |= {("7002", "701", "branch", 0), ("7002", "702", "branch", 1)}
    way = [*rest, "7003"]
    expected |= {(variant, way[0], "continue", None) for variant in ("701", "702")}
    expected |= {(way[n], way[n + 1], "continue", None) for n in range(len(way) - 1)}
    assert rebuilt(everything)["7"] == expected
    edges = [edge for edge in everything.records["journey_edges"] if edge["journey_id"] == "7"]
    assert all(edge["inferred"] and edge["raw"] is None for edge in edges)
    assert [edge["share_percent"] for edge in edges if edge["type"] == "branch"] == [50, 50]


def test_each_exit_is_an_end_of_its_own(everything):
    exits = {
        one["id"]
        for one in everything.records["journey_actions"]
        if one["journey_id"] == "8" and one["type"] == "exit_action"
    }
    edges = [edge for edge in everything.records["journey_edges"] if edge["journey_id"] == "8"]
    assert len(exits) == 2
    assert exits <= {edge["to"] for edge in edges}
    assert not exits & {edge["from"] for edge in edges}
    journey = everything.by("journeys", "id")["8"]
    assert journey["exit_conditions"] == [{"event": {"etype": 3}}, {"segment": {"id": 3}}]
    assert journey["exit_on_mismatch"] is True


def test_what_nobody_knows_yet_passes_through_and_is_counted(everything):
    action = everything.by("journey_actions", "journey_id", "id")["9", "9001"]
    assert (action["type"], action["known"]) == ("quantum_action", False)
    assert action["raw"]["orbit"] == {"depth": 3, "names": ["ß", "λ"]}
    assert everything.by("journeys", "id")["9"]["raw"]["phase"] == "new moon"
    (odd,) = [edge for edge in everything.records["journey_edges"] if edge["type"] == "tunnel"]
    assert (odd["from"], odd["index"], odd["label"], odd["raw"]["probability"]) == ("9001", 7, None, 0.5)
    said = everything.by("completeness", "subject")
    assert said["journey_actions"]["unknown"] == {
        "action type quantum_action": 1,
        "condition type mood": 1,
        "key of conditional_branch_action glow": 1,
        "key of multi_lang_branch_action languages": 1,
        "key of static_seg_update_action segment_id": 1,
        "operator sounds_like": 1,
        "undecodable conditions": 1,
    }
    assert said["journeys"]["unknown"] == {"key of a campaign phase": 1}
    assert said["journey_edges"]["unknown"] == {"edge type tunnel": 1, "key of an edge probability": 1}
    assert said["journey_actions"]["status"] == "complete"


def test_null_exit_conditions_and_a_text_that_cannot_be_decoded_stay_as_they_are(everything):
    assert everything.by("journeys", "id")["10"]["exit_conditions"] is None
    (action,) = [
        one for one in everything.records["journey_actions"] if one["journey_id"] == "10" and one["undecoded"]
    ]
    assert action["undecoded"] == ["conditions"]
    assert action["conditions"] == {}
    assert action["raw"]["conditions"] == "%%not base64%%"
    assert branches(everything, "10") == {0: ("matched", None), 1: ("not matched", None)}


def test_entries_are_decoded_beside_their_original(everything):
    journeys = everything.by("journeys", "id")
    anchors = [{"type": "segments_negatable", "segments": [4], "negate": False}]
    assert journeys["3"]["entry"]["anchors"] == anchors
    assert journeys["3"]["raw"]["anchors"] == encoded(anchors)
    assert journeys["3"]["goal"] == {"conversion": {"segment": 3}, "conversion_type": "segment"}
    assert journeys["1"]["entry"]["trigger"]["and"][1]["or"][1] == {"segment": {"id": 7}, "inverse": True}
    assert journeys["2"]["entry"]["attribute_filters"]["and"][0]["operator"] == "gt"
    assert journeys["51"]["entry"]["recipients_filter"] == {"and": [{"segment": {"id": 1}}]}


def test_notes_stand_by_an_action_or_by_the_trigger(everything):
    found = everything.by("journey_notes", "journey_id", "id")
    assert [(note["text"], note["action_id"], note["on_trigger"]) for note in found.values()] == [
        ("Ask sales first ☎", None, True),
        ("Pro?", "3002", False),
    ]


def test_versions_and_people_on_their_way_come_if_asked_for(everything):
    (version,) = everything.records["journey_versions"]
    assert (version["journey_id"], version["id"]) == ("3", "1")
    assert [one["cio_id"] for one in everything.records["journey_subjects"]] == [
        f"{n:012x}" for n in (1, 2, 3)
    ]
    assert everything.records["journey_subjects"][0]["next_action_id"] == "6001"


def test_the_graph_of_each_campaign_is_asked_for_once(shared):
    shared.stats()
    shared.read(*STREAMS)
    endpoints = shared.stats()["endpoints"]
    assert endpoints["GET /ui/v1/environments/{env}/campaigns/{id}"] == 15
    assert endpoints["GET /ui/v1/environments/{env}/campaigns"] == 2


def test_more_campaigns_than_fit_on_a_page_arrive(sandbox):
    more = [
        {"campaign": {"id": n, "name": f"Draft {n}", "type": "none"}, "actions": []} for n in range(200, 245)
    ]
    sandbox.writer.configure({"ui_api": {"journeys": more}})
    assert len(sandbox.read("journeys").by("journeys", "id")) == 60


def test_a_campaign_that_vanishes_midway_is_counted(sandbox):
    sandbox.fault("status", status=404, count=1, path="/ui/v1/environments/1/campaigns/")
    output = sandbox.read(*STREAMS)
    said = output.by("completeness", "subject")["journeys"]
    assert (said["status"], said["skipped"], said["read"]) == ("partial", 1, 14)


def test_edges_beside_the_campaign_are_found_as_well(sandbox):
    edges = [
        {"from": 1, "to": 2, "type": "branch", "index": 0},
        {"from": 1, "to": 3, "type": "branch", "index": 1},
    ]
    edges += [{"from": 1, "to": 3, "type": "branch", "index": 1}]
    wait = {"id": 1, "type": "conditional_wait_action", "delay": 60, "multi_conditions": [encoded([{}])] * 2}
    ends = [{"id": 2, "type": "exit_action"}, {"id": 3, "type": "exit_action"}]
    whole = {"campaign": {"id": 300}, "actions": [wait, *ends], "edges": edges}
    sandbox.writer.configure({"ui_api": {"journeys": [whole]}})
    output = sandbox.read("journey_edges")
    found = [edge for edge in output.records["journey_edges"] if edge["journey_id"] == "300"]
    assert [(edge["id"], edge["label"]) for edge in found] == [
        ("1:branch:0:2", "matched"),
        ("1:branch:1:3", "timeout"),
        ("1:branch:1:3:2", "timeout"),
    ]
    assert found[0]["condition"] == [[{}], [{}]]  # either of two lets people go on


# Conditions


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("JTVCJTVE", []),
        (encoded([{"field": "city", "value": "Köln ☂ ∑"}]), [{"field": "city", "value": "Köln ☂ ∑"}]),
        (encoded({"and": []}).rstrip("="), {"and": []}),
        ('{"or": []}', {"or": []}),
        ({"and": []}, {"and": []}),
        ([], []),
        ([encoded([1]), encoded([2])], [[1], [2]]),
        ([{"segment": {"id": 1}}], [{"segment": {"id": 1}}]),
    ],
)
def test_both_forms_of_conditions_are_one(value, expected):
    assert conditions.decode(value) == expected


@pytest.mark.parametrize("value", ["true", "%%", "plain words", "JTVC", '"text"', "5"])
def test_what_is_no_condition_is_not_taken_for_one(value):
    with pytest.raises(conditions.Undecodable):
        conditions.decode(value)


def test_one_broken_text_among_several_leaves_the_others_in_their_places():
    found, broken = conditions.decoded(
        {"multi_conditions": [encoded([1]), "%%", encoded([2])], "filters": ""}
    )
    assert found == {"multi_conditions": [[1], None, [2]]}
    assert broken == ["multi_conditions"]


# Whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ACTION = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers(0, 5) | JSON,
        "type": st.sampled_from(sorted(graph.ACTION_TYPES)) | JSON,
        **{
            name: JSON for name in ("action_ids", "cohorts", "cohort_names", "conditions", "multi_conditions")
        },
    },
)
EDGE = st.fixed_dictionaries(
    {},
    optional={
        "from": st.integers(0, 5) | JSON,
        "to": st.integers(0, 5) | JSON,
        "type": st.sampled_from(["branch", "continue"]) | JSON,
        "index": st.integers(0, 3) | JSON,
    },
)


@given(actions=st.lists(ACTION, max_size=5), edges=JSON | st.lists(EDGE, max_size=6), order=JSON)
def test_whatever_a_graph_holds_every_drawn_edge_comes_through(actions, edges, order):
    campaign = {"id": 1, "edges": edges, "workflow_action_ids": order}
    found, inferred = graph.edges(campaign, actions, {})
    drawn = [edge for edge in edges if isinstance(edge, dict)] if isinstance(edges, list) else []
    assert inferred or [edge["raw"] for edge in found] == drawn
    assert all(isinstance(id, str) for id in graph.roots(actions, found, graph.whole(order)))


@given(value=JSON)
def test_whatever_a_condition_holds_it_is_walked_through(value):
    whole, _ = conditions.decoded({"conditions": value, "multi_conditions": [value]})
    assert sum(conditions.unknown(list(whole.values())).values()) >= 0
