"""Every query that is sent in a whole life parses by somebody else's grammar of SOQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

from crmlift.destination import Create, Update
from crmlift.rollback import roll_back
from crmlift.sandbox.server import serve
from crmlift.testing.conformance import GONE, Migration
from crmlift.testing.workspace import Workspace
from target_salesforce.destination import SalesforceDestination
from target_salesforce.entities import ENTITIES
from target_salesforce.target import TargetSalesforce

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Org

ODD = "it's \\ a_b%\n"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Every SOQL that leaves this process."""
    found: set[str] = set()
    send = HTTPAdapter.send

    def note(self: HTTPAdapter, request: requests.PreparedRequest, *more: Any, **options: Any) -> Any:
        found.update(parse_qs(urlsplit(str(request.url)).query).get("q", []))
        return send(self, request, *more, **options)

    monkeypatch.setattr(HTTPAdapter, "send", note)
    return found


def parsed(node: Callable[..., Any], sent: set[str]) -> int:
    """Parse; return how many there were."""
    number = node("parse.js", "\n".join(json.dumps(soql) for soql in sorted(sent)))
    assert number == len(sent)
    return int(number)


def test_a_parser_that_refuses_nothing_would_be_seen(node: Callable[..., Any]) -> None:
    with pytest.raises(AssertionError, match="SELECT Id Name FROM"):
        node("parse.js", json.dumps("SELECT Id Name FROM Lead WHERE"))


@pytest.mark.parametrize("settings", [{}, {"bulk_from": 1}], ids=["calls", "jobs"])
def test_a_whole_life_asks_in_soql_only(
    sent: set[str], node: Callable[..., Any], tmp_path: Path, settings: dict[str, Any]
) -> None:
    with serve("target_salesforce.sandbox:create_app") as server:
        migration = Migration(TargetSalesforce, server, tmp_path, settings)
        workspace = Workspace(30)
        workspace.streams["people"][2] |= {"id": ODD, "email": "o'neil+x%_@example.com"}
        workspace.streams["objects"][0]["attributes"]["name"] = ODD
        workspace.streams["objects"].append(
            {"cio_object_id": ODD, "object_type_id": "2", "object_type_slug": "projects", "attributes": {}}
        )
        migration.load(workspace)
        workspace.streams["people"][3]["attributes"]["job_title"] = "Changed"
        workspace.streams["people"][4] |= GONE
        workspace.streams["segment_memberships"][0] |= GONE
        migration.load(workspace)
        assert migration.misses() == []
        assert migration.reconciled().in_step
        migration.snapshot()
        migration.others()
        with migration.ledger() as ledger, migration.crm() as crm:
            roll_back(ledger, crm, ledger.runs.all()[-1]["id"], dry_run=True)
        migration.roll_back_everything()
        migration.load(workspace)
        migration.lose_ledger()
        migration.load(workspace)
    assert any("LIKE" in soql for soql in sent)
    assert any("GROUP BY" in soql for soql in sent)
    assert parsed(node, sent) > 60


def test_every_call_of_the_destination_asks_in_soql(
    org: Org, sent: set[str], node: Callable[..., Any]
) -> None:
    with SalesforceDestination(org.client(), "wild_card") as crm:
        crm.preflight(list(ENTITIES))
        account = crm.create("account", [Create(ODD, {"Name": "A"})])[0].id
        contact = crm.create("contact", [Create(ODD, {"LastName": "C", "AccountId": account})])[0].id
        crm.create("contact", [Create(ODD, {"LastName": "C"})])
        lead = crm.create("lead", [Create("l", {"LastName": "L", "Company": "C"})])[0].id
        campaign = crm.create("campaign", [Create("s", {"Name": "S"})])[0].id
        rows = {
            "event": [Create("e", {"Subject": "S", "WhoId": contact})],
            "campaign_member": [Create("m", {"CampaignId": campaign, "LeadOrContactId": lead})] * 2,
            "account_contact": [Create("r", {"AccountId": account, "ContactId": contact})],
            "email_template": [Create("t", {"Name": "T", "HtmlValue": "x"})],
            "cio_object__c": [Create("o", {"Name": "O"})],
        }
        for entity, some in rows.items():
            made = crm.create(entity, some)
            crm.create(entity, some)
            crm.read(entity, [str(outcome.id) for outcome in made], ["Id"])
        for entity in (*ENTITIES, "cio_object__c"):
            crm.find(entity, [ODD, "b"])
            crm.count(entity)
            for ours in (True, False):
                list(crm.scan(entity, ["Id"], ours=ours))
        crm.expected("lead", {"OwnerId": "somebody@example.com", "RecordTypeId": "None"})
        crm.outgoing()
        crm.update("contact", [Update(ODD, str(contact), {"LastName": "D"})])
        crm.delete("account", {ODD: str(account)})
    assert any("wild\\_card" in soql for soql in sent)
    assert any("it\\'s%20\\\\%20a_b" in soql for soql in sent)
    assert parsed(node, sent) > 30
