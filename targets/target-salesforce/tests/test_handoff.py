"""What is said about rebuilding segments in Salesforce: queries, filters, list views."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from handoff_fields import ADVISOR, STAGE, VIP, cmp, fields

from crmlift.handoff.advice import Exactness, Segment
from crmlift.handoff.conditions import parse
from target_salesforce import list_views
from target_salesforce.clauses import Clauses, numbered
from target_salesforce.sandbox.soql import parse as parse_soql

NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"


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
    assert advice.exactness is Exactness.PARTIAL
    assert not any("cross filter" in step for step in advice.steps), "a report does not count"
    assert advice.artefacts["people-1.soql"].endswith(
        "cio_sent_at__c = LAST_N_DAYS:10 GROUP BY WhoId HAVING COUNT(Id) >= 3\n"
    )


def test_who_did_something_at_all_is_a_cross_filter_of_a_report() -> None:
    raw = {"event": {"name": "visit", "type": "event"}, "within": 864_000}
    both = Segment("9", "Visitors", True, parse({"and": [raw, cmp("company", "exists")]}))
    advice = ADVISOR.segment(both, fields(both))
    assert advice.exactness is Exactness.PARTIAL
    assert any("visit and Sent at greater or equal LAST 10 DAYS" in step for step in advice.steps)


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
    assert list_views.full_name("segment", "8") == "cio_segment_8"
    assert len(list_views.full_name("journey", "x" * 60)) <= 40
