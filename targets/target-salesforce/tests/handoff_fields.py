"""The default mapping's fields, as advice on segments and journeys is asked with them; two segments."""

from __future__ import annotations

from typing import Any

from crmlift.handoff.advice import Fields, Segment
from crmlift.handoff.conditions import parse
from crmlift.mapping.load import read_mapping
from target_salesforce.handoff import SalesforceAdvisor
from target_salesforce.target import TargetSalesforce

MAPPING = read_mapping(TargetSalesforce.default_mapping)
KINDS = {"unsubscribed": {"boolean"}, "lead_score": {"integer", "string"}, "last_seen_at": {"integer"}}
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
