"""Drafts of journeys as flows: valid for others, and with the same way through them as in Customer.io."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from flow_run import run
from handoff_fields import ADVISOR, STAGE, cmp, fields
from hypothesis import given
from hypothesis import strategies as st

from crmlift.handoff.advice import Exactness
from crmlift.handoff.conditions import parse
from crmlift.handoff.journey import Journey, Step, StepKind, Trigger, Way
from target_salesforce.flow_file import NAMESPACE
from target_salesforce.journeys import MOST_PATHS
from target_salesforce.package import PACKAGE

HOUR, DAY = 3_600, 86_400
PRO = parse(cmp("lifecycle_stage", "eq", "customer"))
RICH = parse({"and": [cmp("lead_score", "gt", 50), cmp("company", "exists")]})
AWAITED = parse({"type": "foreign_event", "field": "name", "operator": "eq", "value": "invoice_paid"})


def say(id: str) -> Step:
    return Step(id=id, kind=StepKind.MESSAGE, type="email_action", title=id, words="", channel="email")


def step(id: str, kind: StepKind, seconds: int | None = None, **more: Any) -> Step:
    return Step(id=id, kind=kind, type="t", title=id, words="", seconds=seconds, **more)


def way(start: str, end: str, label: str = "", **more: Any) -> Way:
    return Way(start=start, end=end, label=label, **more)


def journey(steps: list[Step], ways: list[Way], event: str | None = None, **more: Any) -> Journey:
    trigger = Trigger(kind="x", words="y", event=event, condition=None if event else STAGE.tree)
    return Journey(id="1", name="Welcome & <more>", trigger=trigger, steps=steps, ways=ways, drawn="graph",
                   roots=[steps[0].id], **more)  # fmt: skip


def drafted(found: Journey) -> dict[str, str]:
    """The flows for leads, and those for contacts."""
    artefacts = ADVISOR.journey(found, fields(STAGE)).artefacts
    assert artefacts.keys() >= {f"cio_journey_1_{kind}.flow-meta.xml" for kind in ("lead", "contact")}
    return artefacts


def done(found: Journey, person: Mapping[str, Any], *came: str) -> list[tuple[int, str]]:
    """What the flows for leads do, by their titles."""
    texts = [text for name, text in drafted(found).items() if "_lead" in name]
    said = [one for text in texts for one in run(text, person, frozenset(came))]
    return sorted((at, what.removeprefix("email: ")) for at, what in said)


MEET_AGAIN = journey(
    [step("split", StepKind.BRANCH), say("pro"), step("wait", StepKind.WAIT, HOUR), say("both"),
     step("later", StepKind.WAIT, DAY), say("last"), step("exit", StepKind.EXIT)],
    [way("split", "pro", "matched", condition=PRO), way("split", "wait", "not matched"), way("pro", "both"),
     way("wait", "both"), way("both", "later"), way("later", "last"), way("last", "exit")],
)  # fmt: skip
UNTIL = journey(
    [say("asks"), step("until", StepKind.WAIT_UNTIL, 3 * DAY), say("thanks"), say("reminds"),
     step("again", StepKind.EVENT, event="asked")],
    [way("asks", "until"), way("until", "thanks", "matched", condition=AWAITED),
     way("until", "reminds", "timeout", wait_seconds=3 * DAY), way("reminds", "again")],
    event="asked",
    again=True,
)  # fmt: skip
CHANCE = journey(
    [step("cohort", StepKind.SPLIT), step("languages", StepKind.LANGUAGES), say("en"), say("de"), say("rest"),
     step("set", StepKind.UPDATE, changes={"job_title": "CTO"})],
    [way("cohort", "languages", "A", share_percent=30), way("cohort", "rest", "B", share_percent=70),
     way("languages", "en", "en"), way("languages", "de", "de"), way("rest", "set")],
)  # fmt: skip
EVERYTHING = journey(
    [*(step(f"s{n}", kind, HOUR) for n, kind in enumerate(StepKind)), say("unmet"), say("end")],
    [*(way(f"s{n}", f"s{n + 1}", f"way {n}") for n in range(len(StepKind) - 1)),
     *(way(f"s{n}", "end", "else") for n, kind in enumerate(StepKind) if kind is not StepKind.EXIT),
     way("end", "s0", back=True)],
    exits=["left"],
    exit_conditions=[RICH],
)  # fmt: skip
LONG = journey(
    [one for n in range(13) for one in (step(f"wait {n}", StepKind.WAIT, (n % 3 + 1) * HOUR), say(f"s{n}"))],
    [leads for n in range(13) for leads in
     (way(f"wait {n}", f"s{n}"), *([way(f"s{n}", f"wait {n + 1}")] if n < 12 else []))],
)  # fmt: skip


def test_ways_that_meet_again_go_on_at_their_own_time():
    assert done(MEET_AGAIN, {"cio_lifecycle_stage__c": "Customer"}) == [
        (0, "both"), (0, "pro"), (DAY, "last"),
    ]  # fmt: skip
    assert done(MEET_AGAIN, {"cio_lifecycle_stage__c": "lead"}) == [(HOUR, "both"), (HOUR + DAY, "last")]


def test_more_waits_than_a_flow_has_paths_go_on_in_further_flows():
    advice = ADVISOR.journey(LONG, fields(STAGE))
    paths = {name: text.count("<scheduledPaths>") for name, text in advice.artefacts.items()}
    assert paths == {
        f"cio_journey_1_{kind}{part}.flow-meta.xml": most
        for kind in ("lead", "contact") for part, most in (("", MOST_PATHS), ("_2", 13 - MOST_PATHS))
    }  # fmt: skip
    texts = list(advice.artefacts.values())
    assert len({ET.fromstring(text).findtext(f"{{{NAMESPACE}}}label") for text in texts}) == len(texts)
    assert any("later waits are flows of their own" in lost for lost in advice.lost)
    assert any("cio_journey_1_lead_2.flow-meta.xml" in one for one in advice.steps)
    times = [sum(k % 3 + 1 for k in range(n + 1)) * HOUR for n in range(13)]
    assert done(LONG, {}) == sorted((at, f"s{n}") for n, at in enumerate(times))


def test_what_is_awaited_is_looked_for_when_its_time_is_over():
    assert done(UNTIL, {}, "invoice_paid") == [(0, "asks"), (3 * DAY, "thanks")]
    assert done(UNTIL, {}) == [(0, "asks"), (3 * DAY, "create Task"), (3 * DAY, "reminds")]


def test_a_split_goes_by_chance_and_a_branch_by_the_persons_language():
    assert done(CHANCE, {"chance": 29.9, "cio_language__c": "en-GB"}) == [(0, "en")]
    assert done(CHANCE, {"chance": 0, "cio_language__c": "pt"}) == [(0, "de")]
    assert done(CHANCE, {"chance": 30}) == [(0, "rest"), (0, "update {'Title': 'CTO'}")]


def test_who_meets_what_ends_the_journey_does_not_go_on_after_a_wait():
    leaves = MEET_AGAIN.model_copy(update={"exit_conditions": [RICH], "exits": ["rich"]})
    rich = {"cio_lifecycle_stage__c": "lead", "cio_lead_score__c": 60, "cio_company__c": "A"}
    assert done(leaves, rich) == []
    assert done(leaves, rich | {"cio_lead_score__c": 40}) == [(HOUR, "both"), (HOUR + DAY, "last")]


def test_a_condition_that_no_field_says_lets_nobody_through_until_it_is_set():
    unsaid = parse({"type": "event_attribute", "field": "total", "operator": "gt", "value": 5})
    found = journey(
        [step("split", StepKind.BRANCH), say("yes"), say("no")],
        [
            way("split", "yes", "matched", condition=unsaid, words="event's total is more than 5"),
            way("split", "no"),
        ],
        event="order",
    )
    assert done(found, {}) == [(0, "no")]
    advice = ADVISOR.journey(found, fields(STAGE))
    assert any("split: event's total is more than 5" in lost for lost in advice.lost)
    assert "SET: event's total is more than 5" in advice.artefacts["cio_journey_1_lead.flow-meta.xml"]


def test_a_call_of_the_api_begins_no_flow():
    found = MEET_AGAIN.model_copy(update={"trigger": Trigger(kind="API", words="a call", condition=PRO)})
    advice = ADVISOR.journey(found, fields(STAGE))
    assert (advice.exactness, advice.artefacts) == (Exactness.BY_HAND, {})


BRANCHES = {"pro": PRO, "rich": RICH}


@st.composite
def journeys(draw: st.DrawFn) -> Journey:
    """Messages, waits and branches; every way leads on."""
    count = draw(st.integers(1, 9))
    steps: list[Step] = []
    ways: list[Way] = []
    for n in range(count):
        later = [f"s{m}" for m in range(n + 1, count)]
        kind = draw(st.sampled_from(["say", "wait", "branch"])) if later else "say"
        if kind == "say":
            steps.append(say(f"s{n}"))
        elif kind == "wait":
            steps.append(step(f"s{n}", StepKind.WAIT, draw(st.sampled_from([HOUR, 2 * HOUR, DAY]))))
        else:
            steps.append(step(f"s{n}", StepKind.BRANCH))
            condition = BRANCHES[draw(st.sampled_from(sorted(BRANCHES)))]
            ways.append(way(f"s{n}", draw(st.sampled_from(later)), "yes", condition=condition))
        if later:
            ways.append(way(f"s{n}", draw(st.sampled_from(later))))
    return journey(steps, ways)


def meant(found: Journey, person: Mapping[str, Any]) -> list[tuple[int, str]]:
    """What a journey of messages, waits and branches does, by walking it."""
    holds = {
        "pro": person.get("cio_lifecycle_stage__c") == "customer",
        "rich": (person.get("cio_lead_score__c") or 0) > 50 and bool(person.get("cio_company__c")),
    }
    here, seconds, said = found.step("s0"), 0, []
    while here is not None:
        if here.kind is StepKind.MESSAGE:
            said.append((seconds, here.title))
        seconds += here.seconds or 0
        ways = found.ways_from(here)
        taken = next((one for one in ways if one.condition is None or holds[_name(one)]), None)
        here = found.step(taken.end) if taken else None
    return sorted(said)


def _name(way: Way) -> str:
    return next(name for name, condition in BRANCHES.items() if condition == way.condition)


people = st.fixed_dictionaries(
    {
        "cio_lifecycle_stage__c": st.sampled_from([None, "lead", "customer"]),
        "cio_lead_score__c": st.sampled_from([None, 10, 60]),
        "cio_company__c": st.sampled_from([None, "A"]),
    }
)


@given(journeys(), people)
def test_a_flow_does_the_same_at_the_same_time_as_its_journey(found: Journey, person: dict[str, Any]):
    assert done(found, person) == meant(found, person)


# Others look at them


ALL = {"ways meet": MEET_AGAIN, "until": UNTIL, "chance": CHANCE, "everything": EVERYTHING}


def test_flows_are_drafts_and_valid_for_other_readers_of_metadata(node: Callable[..., Any]):
    texts = [text for found in (*ALL.values(), LONG) for text in drafted(found).values()]
    for text, said in zip(texts, node("flows.js", "\n".join(map(json.dumps, texts))), strict=True):
        assert said["problems"] == []
        assert said["status"] == "Draft"
        assert len(said["nodes"]) >= 5
        assert "actionCalls" not in text, "nothing that could send"


@pytest.mark.parametrize(
    ("was", "becomes", "problem"),
    [
        ("<targetReference>To_do_last<", "<targetReference>Nothing<", "UnconnectedElement: To_do_last"),
        ("<offsetNumber>1</offsetNumber>", "<offsetNumber>one</offsetNumber>", "offsetNumber is no number"),
        ("defaultConnectorLabel>", "defaultLabel>", "defaultLabel is not known"),
        ("<queriedFields>Id</queriedFields>", "<object>Lead</object>", "recordLookups/# is not known"),
        ("<timeSource>RecordTriggerEvent</timeSource>", "<description>late</description>", "is out of order"),
        ("<conditionLogic>and</conditionLogic>", "", "conditionLogic is missing"),
        ("<offsetUnit>Hours<", "<offsetUnit>Fortnights<", "offsetUnit may not be Fortnights"),
        ("<status>Draft<", "<status>Active<", "status may not be Active"),
    ],
)  # fmt: skip
def test_the_other_readers_find_what_is_wrong(node: Callable[..., Any], was: str, becomes: str, problem: str):
    text = drafted(MEET_AGAIN)["cio_journey_1_lead.flow-meta.xml"]
    assert was in text
    broken = text.replace(was, becomes)
    (said,) = node("flows.js", json.dumps(broken))
    assert any(problem in one for one in said["problems"]), said["problems"]


def test_all_drafts_are_one_package_to_deploy():
    artefacts = {
        "campaign-1": ADVISOR.journey(MEET_AGAIN, fields(STAGE)).artefacts,
        "segment-8": ADVISOR.segment(STAGE, fields(STAGE)).artefacts,
    }
    archive = zipfile.ZipFile(BytesIO(ADVISOR.package(artefacts)[PACKAGE]))
    assert set(archive.namelist()) == {
        "package.xml", "flows/cio_journey_1_lead.flow", "flows/cio_journey_1_contact.flow",
        "objects/Lead.object", "objects/Contact.object",
    }  # fmt: skip
    manifest = ET.fromstring(archive.read("package.xml"))
    names = {str(types[-1].text): [one.text for one in types[:-1]] for types in manifest if len(types)}
    assert names == {
        "Flow": ["cio_journey_1_contact", "cio_journey_1_lead"],
        "ListView": ["Contact.cio_segment_8", "Lead.cio_segment_8"],
    }
    assert ADVISOR.package({"segment-1": {"lead.soql": "x"}}) == {}
