"""target-salesforce lives the whole life of a target twice: by calls, and by Bulk jobs."""

from __future__ import annotations

from typing import Any

from crmlift.testing.conformance import TargetConformance
from target_salesforce.target import TargetSalesforce


class TestSalesforce(TargetConformance):
    target = TargetSalesforce
    people = ("lead", "contact")
    name_field = "LastName"
    adopted_by = "Email"
    changed_field = ("job_title", "Title")

    def entity_of(self, person: dict[str, Any]) -> str:
        return "contact" if person["attributes"]["lifecycle_stage"] == "customer" else "lead"

    def known(self, name: str, email: str) -> dict[str, Any]:
        # A contact has no company; what a test seeds as a lead needs one.
        return {**super().known(name, email), **({"Company": "Known"} if email in LEADS else {})}


LEADS = {f"person+{number}@example.org" for number in range(1, 60) if number % 3 != 2}


class TestSalesforceByBulk(TestSalesforce):
    """Every batch is a job, however small."""

    settings = {"bulk_from": 1}
