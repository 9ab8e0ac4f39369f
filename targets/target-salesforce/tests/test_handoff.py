from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from crmlift.handoff.advice import Exactness, Fields, Segment
from crmlift.handoff.conditions import EVERYBODY, All, AnyOf, Compare, Did, InSegment, Node, Not
from crmlift.handoff.journey import Journey, Step, StepKind, Trigger, Way
from crmlift.mapping.load import read_mapping
from target_salesforce.handoff import SalesforceAdvisor
from target_salesforce.target import TargetSalesforce


class _Seen:
    def kinds(self, attribute: str) -> frozenset[str]:
        del attribute
        return frozenset({"string"})


FIELDS = Fields(read_mapping(TargetSalesforce.default_mapping), _Seen(), {})
ADVISOR = SalesforceAdvisor()


def compare(field: str, operator: str = "eq", value: Any = None) -> Compare:
    return Compare(field=field, operator=operator, value=value)


def segment(tree: Node | None, *, dynamic: bool = True) -> Any:
    return ADVISOR.segment(Segment("7", "VIPs", dynamic, tree), FIELDS)


@pytest.mark.parametrize(
    ("tree", "where"),
    [
        (compare("plan", value="it's"), "cio_plan__c = 'it\\'s'"),
        (compare("lead_score", "gt", 10), "cio_lead_score__c > 10"),
        (Not(of=compare("plan", "exists")), "(NOT cio_plan__c != null)"),
        (compare("job_title", "contains", "50%_"), "Title LIKE '%50\\%\\_%'"),
        (
            All(of=[
                compare("plan", value="pro"), AnyOf(of=[compare("city", value=one) for one in "ab"]),
            ]),
            "(cio_plan__c = 'pro' AND (MailingCity = 'a' OR MailingCity = 'b'))",
        ),
    ],
)  # fmt: skip
def test_conditions_become_soql_over_the_mapped_fields(
    tree: Node, where: str, node: Callable[..., Any]
) -> None:
    advice = segment(tree)
    assert advice.exactness is Exactness.PARTIAL
    assert advice.artefacts["contacts.soql"] == f"SELECT Id, Name, Email FROM Contact WHERE {where}\n"
    queries = [text.strip() for text in advice.artefacts.values()]
    assert node("parse.js", "\n".join(map(json.dumps, queries))) == 2


@pytest.mark.parametrize(
    "tree",
    [
        Did(event="bought"),
        compare("bio", value="x"),
        compare("unheard_of", value="x"),
        compare("created_at", "timestamp_gt", 1),
        All(of=[compare("plan", value="pro"), Did(event="bought")]),
        EVERYBODY,
    ],
)
def test_half_a_filter_is_none(tree: Node) -> None:
    advice = segment(tree)
    assert advice.artefacts == {}
    assert advice.exactness is Exactness.BY_HAND
    assert any("by hand" in step for step in advice.steps)
    assert advice.lost or tree is EVERYBODY


def test_members_of_another_segment_are_those_of_its_campaign(node: Callable[..., Any]) -> None:
    advice = segment(InSegment(id="4"))
    text = advice.artefacts["leads.soql"].strip()
    assert "SELECT LeadId FROM CampaignMember" in text
    assert "%:campaign:segment-4'" in text
    assert node("parse.js", json.dumps(text)) == 1


def test_a_static_segment_is_the_campaign_that_was_loaded() -> None:
    advice = segment(None, dynamic=False)
    assert "The campaign “VIPs”" in advice.steps[0]
    assert advice.artefacts == {}


def test_a_journey_is_an_outline_for_flow() -> None:
    steps = [
        Step(id="1", kind=StepKind.WAIT, type="delay", title="Wait 1 day", words="", seconds=86_400),
        Step(id="2", kind=StepKind.BRANCH, type="branch", title="Pro?", words=""),
        Step(id="3", kind=StepKind.MESSAGE, type="email", title="Hello", words="", channel="email"),
        Step(id="4", kind=StepKind.MESSAGE, type="push", title="Ping", words="", channel="push"),
    ]
    ways = [
        Way(start="1", end="2", label=""),
        Way(start="2", end="3", label="yes", condition=compare("plan", value="pro")),
        Way(start="2", end="4", label="no"),
    ]
    journey = Journey(
        id="9", name="Welcome", trigger=Trigger(kind="event", words="an event", event="signed_up"),
        steps=steps, ways=ways, drawn="graph", exits=["unsubscribed"],
    )  # fmt: skip
    advice = ADVISOR.journey(journey, FIELDS)
    assert advice.exactness is Exactness.PARTIAL
    assert "flow on Task" in advice.steps[0]
    text = advice.artefacts["outline.txt"]
    assert "Decision" in text
    assert "cio_plan__c = 'pro'" in text
    assert "Sales Cloud has no channel for push" in text
    assert any("unsubscribed" in lost for lost in advice.lost)
    listed = ADVISOR.journey(journey.model_copy(update={"drawn": "messages only"}), FIELDS)
    assert listed.exactness is Exactness.BY_HAND
