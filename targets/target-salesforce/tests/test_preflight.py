from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crmlift.destination import CountsMessages, Create, Finding, HasAllowance, Severity
from target_salesforce.deploy import deploy
from target_salesforce.entities import ENTITIES
from target_salesforce.metadata import object_xml, package

if TYPE_CHECKING:
    from conftest import Org
    from target_salesforce.destination import SalesforceDestination


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def test_an_administrator_passes_and_nothing_is_written(org: Org, crm: SalesforceDestination) -> None:
    org.server.stats(reset=True)
    findings = crm.preflight([*ENTITIES, "project__c"])
    assert errors(findings) == []
    assert any("MB of data storage" in finding.text for finding in findings)
    assert any("API calls" in finding.text for finding in findings)
    assert any("day of the run" in finding.text for finding in findings)
    assert not [path for path in org.server.stats()["calls"] if "create" in path or "update" in path]


@pytest.mark.parametrize(
    ("switch", "entity", "text"),
    [
        ({"flows": [{"name": "Welcome", "object": "Lead"}]}, "lead", "Flow 'Welcome' on Lead is active"),
        ({"flows": [{"name": "Greet", "object": "Lead", "process": "Workflow"}]}, "lead",
         "Process 'Greet' on Lead is active"),
        ({"triggers": [{"name": "Enrich", "object": "Task"}]}, "event", "Apex trigger 'Enrich' on Task"),
    ],
)  # fmt: skip
def test_an_active_automation_stops_the_run_unless_it_is_allowed(
    org: Org, workspace: str, switch: dict[str, object], entity: str, text: str
) -> None:
    org.switch(**switch)
    with org.destination(workspace) as crm:
        (found,) = errors(crm.preflight([entity]))
        assert text in found.text
        assert "Deactivate it" in found.fix
        assert errors(crm.preflight(["account"])) == []
    with org.destination(workspace, allow_automations=True) as crm:
        findings = crm.preflight([entity])
    assert errors(findings) == []
    assert any(text in f.text for f in findings if f.severity is Severity.WARNING)


def test_rules_are_named_with_what_becomes_of_them(org: Org, crm: SalesforceDestination) -> None:
    org.switch(
        validation_rules=[{"object": "Lead", "field": "Title", "value": "x", "message": "Title is given"}],
        workflow_rules=[{"name": "Old mail", "object": "Lead"}, {"name": "Elsewhere", "object": "Case"}],
        duplicate_rules=[{"name": "Standard", "object": "Lead", "action": "Alert"}],
        assignment_rules=[{"name": "Robin", "object": "Lead", "owner": "x"}],
    )
    found = {finding.text: finding for finding in crm.preflight(["lead"])}
    duplicate = found["Duplicate rule 'Standard' on Lead is active."]
    assert (duplicate.severity, "overridden" in duplicate.fix) == (Severity.WARNING, True)
    assert any("Assignment rule 'Robin'" in text for text in found)
    validation = found["Validation rule 'Title is given' on Lead is active."]
    assert (validation.severity, "rehearse" in validation.fix) == (Severity.WARNING, True)
    assert [text for text in found if "workflow rule" in text] == [
        "There is a workflow rule 'Old mail' on Lead; the API does not tell whether it is active."
    ]
    assert not errors(list(found.values()))


def test_a_field_that_the_customer_requires_is_named(own_org: Org) -> None:
    xml = "<fields><fullName>Region__c</fullName><label>Region</label><type>Text</type><length>20</length>"
    files = {"objects/Lead.object": object_xml([f"{xml}<required>true</required></fields>"])}
    with own_org.destination("demo") as crm:
        deploy(crm.client, package(files, "66.0"))
        (found,) = [one for one in crm.preflight(["lead", "contact"]) if "Region__c" in one.text]
        assert (found.severity, found.text) == (
            Severity.WARNING, "No Lead is taken without a value in Region__c.",
        )  # fmt: skip
        (refused,) = crm.create("lead", [Create("l", {"LastName": "L", "Company": "C"})])
        assert refused.refusal
        assert (refused.refusal.code, refused.refusal.field) == ("REQUIRED_FIELD_MISSING", "Region__c")
        (taken,) = crm.create("lead", [Create("l", {"LastName": "L", "Company": "C", "Region__c": "N"})])
        assert taken.id


def test_kinds_of_accounts_and_of_money_are_told(org: Org, workspace: str) -> None:
    org.switch(person_accounts=True, currencies=["EUR", "USD"])
    with org.destination(workspace) as crm:
        texts = [finding.text for finding in crm.preflight(["account"])]
        assert any("person accounts" in text for text in texts)
        assert "The org has several currencies: amounts are taken as EUR." in texts
        assert not any("currencies" in finding.text for finding in crm.preflight(["event"]))
        (made,) = crm.create("account", [Create("a", {"Name": "A", "CurrencyIsoCode": "USD"})])
        read = crm.read("account", [str(made.id)], ["CurrencyIsoCode"])
        assert read[str(made.id)] == {"CurrencyIsoCode": "USD"}


def test_person_accounts_are_not_adopted(org: Org, workspace: str) -> None:
    org.switch(person_accounts=True)
    seeded = org.server.post("/_sandbox/seed", {"Account": [{"Name": "A person"}, {"Name": "A company"}]})
    person, company = seeded["Account"]
    org.server.post("/_sandbox/person", {"account": person})
    with org.destination(workspace) as crm:
        found = {one.id for page in crm.scan("account", ["Name"], ours=False) for one in page}
    assert company in found
    assert person not in found


def test_an_org_without_several_accounts_per_contact_says_what_to_switch_on(
    org: Org, crm: SalesforceDestination
) -> None:
    org.switch(contacts_to_many_accounts=False)
    (found,) = errors(crm.preflight(["account_contact", "contact"]))
    assert "multiple accounts" in found.fix
    assert "out of the mapping" in found.fix


def test_campaigns_need_a_marketing_user(org: Org, crm: SalesforceDestination) -> None:
    org.switch(marketing_user=False)
    (found,) = errors(crm.preflight(["campaign"]))
    assert "Marketing User" in found.fix
    assert errors(crm.preflight(["lead"])) == []


def test_little_room_is_a_warning_and_none_an_error(org: Org, crm: SalesforceDestination) -> None:
    org.switch(storage_mb=0)
    (found,) = errors(crm.preflight(["lead"]))
    assert "0 of 0 MB of data storage" in found.text
    org.switch(storage_mb=10_240, bulk_batches=0)
    (warned,) = [found for found in crm.preflight(["lead"]) if "Bulk jobs" in found.text]
    assert (warned.severity, warned.text.startswith("0 of 0 batches")) == (Severity.WARNING, True)
    org.switch(bulk_batches=15_000, api_calls=100_000_000)
    assert isinstance(crm, HasAllowance)
    allowance = crm.allowance()
    assert allowance.records is not None
    assert allowance.records > 5_000_000
    assert allowance.calls


def test_a_message_that_an_automation_sends_is_counted(org: Org, crm: SalesforceDestination) -> None:
    assert isinstance(crm, CountsMessages)
    before = crm.outgoing()["EmailMessage"]
    org.switch(flows=[{"name": "Welcome", "object": "Contact", "sends": True}])
    org.raw("POST", "/sobjects/Contact", json={"LastName": "Greeted"})
    assert crm.outgoing()["EmailMessage"] == before + 1
