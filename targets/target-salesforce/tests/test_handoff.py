"""What is said about rebuilding in Salesforce: queries, filters, and metadata files that are drafts."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from crmlift.handoff.advice import Exactness, Fields, Segment
from crmlift.handoff.conditions import parse
from crmlift.handoff.journey import Journey, Step, StepKind, Trigger, Way
from crmlift.mapping.load import read_mapping
from target_salesforce import flows
from target_salesforce.clauses import Clauses, numbered
from target_salesforce.handoff import SalesforceAdvisor
from target_salesforce.sandbox.soql import parse as parse_soql
from target_salesforce.target import TargetSalesforce

MAPPING = read_mapping(TargetSalesforce.default_mapping)
KINDS = {"unsubscribed": {"boolean"}, "lead_score": {"integer", "string"}, "last_seen_at": {"integer"}}
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
FLOW = (
    "apiVersion", "assignments", "description", "label", "processType", "start", "status", "variables",
)  # fmt: skip
ADVISOR = SalesforceAdvisor()


class Seen:
    def kinds(self, attribute: str) -> frozenset[str]:
        return frozenset(KINDS.get(attribute, set()))

    def names(self, stream: str) -> frozenset[str]:
        return frozenset()


def fields(*segments: Segment) -> Fields:
    return Fields(MAPPING, Seen(), {segment.id: segment for segment in segments})


def cmp(field: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"attribute": {"field": field, "operator": operator, "value": value}, **more}


VIP = Segment("7", "VIP's", False, None)
STAGE = Segment("8", "Customers", True, parse(cmp("lifecycle_stage", "eq", "customer")))


@pytest.mark.parametrize(
    ("raw", "soql", "lost"),
    [
        (cmp("lifecycle_stage", "eq", "cust'omer"), "cio_lifecycle_stage__c = 'cust\\'omer'", 0),
        (cmp("job_title", "contains", "50%_"), "Title LIKE '%50\\%\\_%'", 0),
        (cmp("company", "exists"), "cio_company__c != null", 0),
        ({"not": cmp("company", "exists")}, "(NOT cio_company__c != null)", 0),
        (cmp("company", "!eq", "A"), "((NOT cio_company__c = 'A') AND cio_company__c != null)", 1),
        (cmp("unsubscribed", "eq", "true"), "cio_unsubscribed__c = true", 1),
        (cmp("unsubscribed", "eq", "false"), "cio_unsubscribed__c = false", 2),
        (cmp("lead_score", "lt", "50"), "cio_lead_score__c < 50", 0),
        ({"not": cmp("lead_score", "lt", "50")}, "(NOT cio_lead_score__c < 50)", 1),
        (cmp("last_seen_at", "timestamp_gta", 1_800_000_000),
         "cio_last_seen_at__c > 2027-01-15T08:00:00Z", 0),
        (cmp("plan", "eq", "pro"), "cio_plan__c = 'pro'", 1),
        (cmp("bio", "eq", "x"), None, 1),
        ({"event": {"name": "visit", "type": "event"}}, None, 1),
        ({"segment": {"id": 8}}, "cio_lifecycle_stage__c = 'customer'", 0),
        ({"or": [cmp("company", "exists"), {"and": [cmp("job_title", "eq", "CTO"), cmp("phone", "exists")]}]},
         "(cio_company__c != null OR (Title = 'CTO' AND Phone != null))", 0),
    ],
)  # fmt: skip
def test_a_condition_becomes_soql_and_what_it_loses_is_counted(raw: Any, soql: str | None, lost: int) -> None:
    translator = Clauses(fields(VIP, STAGE), "lead")
    clause = translator.translate(parse(raw))
    assert (clause and clause.soql) == soql
    assert len(translator.lost) == lost, translator.lost
    if clause is not None:
        parse_soql(f"SELECT Id FROM Lead WHERE {clause.soql}")


def test_filters_are_numbered_and_their_opposite_has_no_not() -> None:
    raw = {
        "or": [cmp("lead_score", "gt", 5), {"and": [cmp("company", "eq", "A"), cmp("job_title", "exists")]}]
    }
    clause = Clauses(fields(), "lead").translate(parse({"not": raw}))
    assert clause is not None
    assert clause.view is not None
    found, logic = numbered(clause.view)
    assert logic == "1 AND (2 OR 3)"
    assert [(one.field, one.operation, one.value) for one in found] == [
        ("cio_lead_score__c", "lessOrEqual", "5"),
        ("cio_company__c", "notEqual", "A"),
        ("Title", "equals", ""),
    ]


def test_a_value_with_a_comma_has_no_filter_because_a_comma_means_or() -> None:
    clause = Clauses(fields(), "lead").translate(parse(cmp("company", "eq", "A, B")))
    assert clause is not None
    assert clause.view is None


def tags(element: ET.Element) -> list[str]:
    return [child.tag.removeprefix(NAMESPACE) for child in element]


def checked_flow(text: str) -> ET.Element:
    root = ET.fromstring(text.encode())
    assert root.tag == f"{NAMESPACE}Flow"
    assert tuple(tags(root)) == FLOW, "elements in the order of the metadata's schema, each once"
    assert root.findtext(f"{NAMESPACE}status") == "Draft"
    start = root.find(f"{NAMESPACE}start")
    assert start is not None
    order = ["locationX", "locationY", "connector", "filterLogic", "filters", "object", "recordTriggerType",
             "triggerType"]  # fmt: skip
    places = [order.index(tag) for tag in tags(start)]
    assert all(before <= after for before, after in pairwise(places))
    name = start.findtext(f"{NAMESPACE}connector/{NAMESPACE}targetReference")
    assert name == root.findtext(f"{NAMESPACE}assignments/{NAMESPACE}name")
    return start


def test_a_segment_gets_queries_filters_and_list_views_for_leads_and_contacts() -> None:
    advice = ADVISOR.segment(STAGE, fields(STAGE))
    assert advice.exactness is Exactness.EXACT
    assert advice.artefacts["lead.soql"] == (
        "SELECT Id, cio_id__c FROM Lead WHERE IsConverted = false "
        "AND (cio_id__c != null AND cio_lifecycle_stage__c = 'customer')\n"
    )
    assert advice.artefacts["contact.filters.txt"] == (
        "1. cio_id__c notEqual (empty)\n2. cio_lifecycle_stage__c equals customer\nFilter logic: 1 AND 2\n"
    )
    view = ET.fromstring(advice.artefacts["Lead.object-meta.xml"].encode())[0]
    assert tags(view) == ["fullName", "columns", "filterScope", "filters", "filters", "label"]
    assert view.findtext(f"{NAMESPACE}fullName") == "cio_segment_8"


def test_a_manual_segment_is_its_campaign() -> None:
    advice = ADVISOR.segment(VIP, fields(VIP))
    assert advice.exactness is Exactness.EXACT
    soql = advice.artefacts["contact.soql"]
    assert "Id IN (SELECT ContactId FROM CampaignMember WHERE Campaign.Name = 'VIP\\'s'" in soql
    parse_soql(soql)


def test_a_segment_of_events_lists_people_by_their_tasks() -> None:
    raw = {
        "event": {"name": "visit", "type": "event", "filters": cmp("x", "eq", 1)},
        "times": 3,
        "within": 864_000,
    }
    found = Segment("9", "Visitors", True, parse(raw))
    advice = ADVISOR.segment(found, fields(found))
    assert advice.exactness is Exactness.BY_HAND
    assert advice.artefacts["people-1.soql"].endswith(
        "cio_sent_at__c = LAST_N_DAYS:10 GROUP BY WhoId HAVING COUNT(Id) >= 3\n"
    )


def journey(event: str | None, condition: Any = None) -> Journey:
    return Journey(
        id="1",
        name="Welcome & <more>",
        trigger=Trigger(kind="x", words="y", event=event, condition=condition),
        steps=[Step(id=str(n), kind=kind, type="t", title=f"Step {n}", words="", channel="email")
               for n, kind in enumerate(StepKind)],
        ways=[Way(start="0", end="1", label="")],
        roots=["0"],
        drawn="graph",
    )  # fmt: skip


def test_a_journey_gets_drafts_for_leads_and_contacts() -> None:
    condition = parse(
        {"or": [cmp("lead_score", "gt", 5), cmp("company", "!exists"), cmp("unsubscribed", "eq", "true")]}
    )
    advice = ADVISOR.journey(journey(None, condition), fields())
    assert advice.exactness is Exactness.PARTIAL
    assert advice.artefacts.keys() == {
        "cio_journey_1_lead.flow-meta.xml",
        "cio_journey_1_contact.flow-meta.xml",
    }
    for name, text in advice.artefacts.items():
        start = checked_flow(text)
        assert start.findtext(f"{NAMESPACE}filterLogic") == "1 AND (2 OR 3 OR 4)"
        assert start.findtext(f"{NAMESPACE}object") == ("Lead" if "lead" in name else "Contact")
        operators = [filter.findtext(f"{NAMESPACE}operator") for filter in start.iter(f"{NAMESPACE}filters")]
        assert operators == ["IsNull", "GreaterThan", "IsNull", "EqualTo"]
    assert len(advice.steps) == 1 + len(StepKind)


def test_a_journey_that_an_event_starts_watches_tasks() -> None:
    advice = ADVISOR.journey(journey("signed_up"), fields())
    start = checked_flow(advice.artefacts["cio_journey_1.flow-meta.xml"])
    assert start.findtext(f"{NAMESPACE}object") == "Task"
    assert start.findtext(f"{NAMESPACE}recordTriggerType") == "Create"


def test_a_journey_whose_trigger_has_no_filters_is_by_hand() -> None:
    advice = ADVISOR.journey(journey(None, parse({"event": {"name": "visit"}})), fields())
    assert (advice.exactness, advice.artefacts) == (Exactness.BY_HAND, {})


def test_every_query_is_one_for_anothers_parser(node: Callable[..., Any]) -> None:
    visits = {"event": {"name": "it's", "type": "event", "filters": {}}, "times": 2, "within": 90_000}
    parts = [
        cmp("company", "!eq", "A'\\"),
        {"not": cmp("job_title", "contains", "%")},
        cmp("last_seen_at", "timestamp_lta", 1_800_000_000),
        cmp("unsubscribed", "eq", "true"),
        {"segment": {"id": 7}},
        visits,
    ]
    found = Segment("9", "All", True, parse({"or": parts}))
    queries = [
        text.strip()
        for segment in (VIP, STAGE, found)
        for name, text in ADVISOR.segment(segment, fields(VIP, STAGE, found)).artefacts.items()
        if name.endswith(".soql")
    ]
    assert len(queries) == 7
    assert node("parse.js", "\n".join(map(json.dumps, queries))) == len(queries)


def test_names_of_components_are_legal() -> None:
    assert flows.full_name("segment", "8") == "cio_segment_8"
    assert len(flows.full_name("journey", "x" * 60)) <= 40
