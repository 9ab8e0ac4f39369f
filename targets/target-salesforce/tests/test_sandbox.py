"""The sandbox from outside: clients of others, and what it does as Salesforce does."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from simple_salesforce import Salesforce, SalesforceExpiredSession, SalesforceMalformedRequest
from simple_salesforce.exceptions import SalesforceAuthenticationFailed

from crmlift.destination import Create
from crmlift.sandbox.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Org
    from target_salesforce.destination import SalesforceDestination


@pytest.fixture(scope="session")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def simple(simple_session: requests.Session, private_key: str) -> Salesforce:
    """simple-salesforce, logged in by JWT bearer."""
    return Salesforce(
        username="integration@sandbox.example.com",
        consumer_key="sandbox-client",
        privatekey=private_key,
        version="66.0",
        session=simple_session,
    )


def test_simple_salesforce_reads_what_the_target_wrote(
    simple: Salesforce, loaded: SalesforceDestination
) -> None:
    key = loaded.workspace
    found = simple.query_all(
        "SELECT Name, Account.Name, cio_key__c FROM Contact WHERE cio_key__c = '" + f"{key}:contact:p'"
    )
    (row,) = found["records"]
    assert (row["Name"], row["Account"]["Name"]) == ("Ångström", "Acme & Söhne")
    task = simple.query(f"SELECT Subject, Who.Type, IsClosed FROM Task WHERE cio_key__c = '{key}:event:e'")
    assert task["records"][0]["Subject"] == "Bought “it”"
    assert task["records"][0]["Who"]["Type"] == "Contact"
    assert task["records"][0]["IsClosed"] is True


def test_simple_salesforce_writes_one_and_many(simple: Salesforce, loaded: SalesforceDestination) -> None:
    made = simple.Lead.create({"LastName": "One", "Company": "C"})
    assert made == {"id": made["id"], "success": True, "errors": []}
    assert simple.Lead.update(made["id"], {"Title": "T"}) == 204
    assert simple.Lead.get(made["id"])["Title"] == "T"
    key = f"Contact/cio_key__c/{loaded.workspace}:x"
    assert simple.Contact.upsert(key.partition("/")[2], {"LastName": "New"}) == 201
    assert simple.Contact.upsert(key.partition("/")[2], {"LastName": "Newer"}) == 200
    assert simple.Contact.get_by_custom_id("cio_key__c", f"{loaded.workspace}:x")["LastName"] == "Newer"
    assert simple.Lead.delete(made["id"]) == 204
    rows = [{"LastName": "Bulk é", "Company": "C"}, {"LastName": "x" * 81, "Company": "C"}]
    (job,) = simple.bulk2.Lead.insert(records=rows, wait=0.05)
    assert (job["numberRecordsTotal"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (2, 2, 1)
    # Result files name no encoding, so simple-salesforce reads them as Latin-1.
    assert "Bulk Ã©" in simple.bulk2.Lead.get_successful_records(job["job_id"])
    failed = simple.bulk2.Lead.get_failed_records(job["job_id"])
    assert "STRING_TOO_LONG:" in failed
    pages = list(simple.bulk2.Lead.query("SELECT Id, LastName FROM Lead", max_records=1, wait=0.05))
    assert len(pages) >= 1


def test_simple_salesforce_meets_errors_as_it_knows_them(
    org: Org, simple: Salesforce, simple_session: requests.Session, private_key: str
) -> None:
    with pytest.raises(SalesforceMalformedRequest, match="No such column 'Nope'"):
        simple.query("SELECT Nope FROM Lead")
    with pytest.raises(SalesforceAuthenticationFailed, match="hasn't approved"):
        Salesforce(username="x@example.com", consumer_key="sandbox-client", privatekey=private_key,
                   session=simple_session)  # fmt: skip
    expired = Salesforce(instance_url=org.url, session_id="old!one", session=simple_session)
    with pytest.raises(SalesforceExpiredSession):
        expired.query("SELECT Id FROM Lead")


def test_jsforce_logs_in_reads_what_the_target_wrote_and_writes(
    org: Org, loaded: SalesforceDestination, node: Callable[..., Any]
) -> None:
    ours = f"SELECT Name, Account.Name FROM Contact WHERE cio_key__c = '{loaded.workspace}:contact:p'"
    said = node("jsforce.js", URL=org.url, SOQL=ours)
    assert said["user"] == "integration@sandbox.example.com"
    assert [(row["Name"], row["Account"]["Name"]) for row in said["ours"]] == [("Ångström", "Acme & Söhne")]
    assert said["created"]["success"]
    good, bad = said["collection"]
    assert good["success"]
    assert bad == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [LastName]",
                "fields": ["LastName"],
            }
        ],
    }
    assert said["upserted"]["created"]
    assert [row["LastName"] for row in said["job"]["successfulResults"]] == ["Büro"]
    (failed,) = said["job"]["failedResults"]
    assert failed["sf__Error"].startswith("STRING_TOO_LONG:LastName: data value too large:")
    assert said["job"]["unprocessedRecords"] == []
    assert said["bulkQuery"] == [{"Id": said["created"]["id"], "LastName": "Ärger"}]
    assert said["updated"]["success"]
    assert said["destroyed"]["success"]
    assert {"LastName", "cio_key__c"} <= set(said["fields"])
    assert said["error"] == {
        "code": "INVALID_FIELD",
        "message": "No such column 'Nothing' on sobject of type Lead",
    }


def test_fields_are_hidden_until_they_are_granted(org: Org) -> None:
    with serve("target_salesforce.sandbox:create_app") as fresh:
        fields = type(org)(fresh).raw("GET", "/sobjects/Contact/describe")[1]["fields"]
        names = {field["name"] for field in fields}
        assert not {"HasOptedOutOfEmail", "DoNotCall", "cio_key__c"} & names
        status, body = type(org)(fresh).raw(
            "POST", "/sobjects/Contact", json={"LastName": "x", "DoNotCall": True}
        )
    assert (status, body[0]["errorCode"]) == (400, "INVALID_FIELD")
    assert body[0]["message"] == "No such column 'DoNotCall' on sobject of type Contact"


def test_collections_answer_row_by_row_or_undo_all(org: Org) -> None:
    rows = [
        {"attributes": {"type": "Lead"}, "LastName": "a", "Company": "c"},
        {"attributes": {"type": "Lead"}},
    ]
    before = org.raw("GET", "/query", params={"q": "SELECT count() FROM Lead"})[1]["totalSize"]
    status, (good, bad) = org.raw("POST", "/composite/sobjects", json={"allOrNone": True, "records": rows})
    assert status == 200
    assert good["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert (bad["success"], bad["errors"][0]["fields"]) == (False, ["LastName", "Company"])
    after = org.raw("GET", "/query", params={"q": "SELECT count() FROM Lead"})[1]["totalSize"]
    assert before == after
    assert org.raw("POST", "/composite/sobjects", json={"records": []})[1] == [
        {"message": "At least 1 record is required", "errorCode": "REQUIRED_FIELD_MISSING"}
    ]
    assert org.raw("POST", "/composite/sobjects", json={"records": rows * 101})[0] == 400


def test_several_records_with_one_external_id_are_told_by_300(org: Org) -> None:
    for _ in range(2):
        org.raw("POST", "/sobjects/Contact", json={"LastName": "Twin", "Email": "twin@example.com"})
    status, body = org.raw("PATCH", "/sobjects/Contact/Email/twin@example.com", json={"Title": "x"})
    assert status == 300
    assert len(body) == 2
    assert org.raw("PATCH", "/sobjects/Contact/Email/none@example.com?updateOnly=true", json={})[0] == 404


def test_composite_calls_refer_to_each_other(org: Org) -> None:
    calls = [
        {
            "method": "POST",
            "url": "/services/data/v66.0/sobjects/Account",
            "referenceId": "a",
            "body": {"Name": "A"},
        },
        {
            "method": "POST",
            "url": "/services/data/v66.0/sobjects/Contact",
            "referenceId": "c",
            "body": {"LastName": "C", "AccountId": "@{a.id}"},
        },
        {
            "method": "GET",
            "url": "/services/data/v66.0/sobjects/Contact/@{c.id}?fields=AccountId",
            "referenceId": "r",
        },
        {"method": "GET", "url": "/services/data/v66.0/sobjects/Nothing", "referenceId": "n"},
    ]
    found = {
        one["referenceId"]: one
        for one in org.raw("POST", "/composite", json={"compositeRequest": calls})[1]["compositeResponse"]
    }
    assert found["r"]["body"]["AccountId"] == found["a"]["body"]["id"]
    assert found["n"]["httpStatusCode"] == 404
    assert found["n"]["body"] == [
        {"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}
    ]


def test_a_job_answers_in_any_order(org: Org) -> None:
    status, job = org.raw("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"})
    assert (status, job["state"], job["apiVersion"]) == (200, "Open", 66.0)
    assert job["contentUrl"] == f"services/data/v66.0/jobs/ingest/{job['id']}/batches"
    text = "LastName,Company\n" + "".join(f"n{number},C\n" for number in range(50))
    for expected in (201, 400):
        assert org.raw("PUT", f"/jobs/ingest/{job['id']}/batches", data=text)[0] == expected
    closed = org.raw("PATCH", f"/jobs/ingest/{job['id']}", json={"state": "UploadComplete"})[1]
    assert not {"contentUrl", "lineEnding", "columnDelimiter"} & closed.keys()
    done = org.raw("GET", f"/jobs/ingest/{job['id']}")[1]
    assert (done["state"], done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (
        "JobComplete",
        50,
        0,
    )
    results = org.raw("GET", f"/jobs/ingest/{job['id']}/successfulResults/")[1]
    assert results.startswith('"sf__Id","sf__Created",LastName,Company\n')
    names = [row["LastName"] for row in csv.DictReader(io.StringIO(results))]
    assert sorted(names) == sorted(f"n{number}" for number in range(50))
    assert names != [f"n{number}" for number in range(50)]
    unprocessed = org.raw("GET", f"/jobs/ingest/{job['id']}/unprocessedRecords")
    assert unprocessed == (200, "LastName,Company\n")
    assert org.raw("DELETE", f"/jobs/ingest/{job['id']}")[0] == 204


def test_a_job_with_an_unknown_column_fails_as_a_whole(org: Org) -> None:
    job = org.raw("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"})[1]["id"]
    org.raw("PUT", f"/jobs/ingest/{job}/batches", data="LastName,Nope\na,b\n")
    org.raw("PATCH", f"/jobs/ingest/{job}", json={"state": "UploadComplete"})
    done = org.raw("GET", f"/jobs/ingest/{job}")[1]
    assert (done["state"], done["numberRecordsProcessed"]) == ("Failed", 0)
    assert done["errorMessage"] == "InvalidBatch : Field name not found : Nope"


def test_old_and_unknown_versions_are_turned_away(org: Org) -> None:
    versions = requests.get(f"{org.url}/services/data", timeout=60).json()
    assert {"label", "url", "version"} == set(versions[0])
    headers = {"Authorization": f"Bearer {org.token()}"}
    for version, status in (("v25.0", 410), ("v99.0", 404), ("v31.0", 200)):
        assert (
            requests.get(f"{org.url}/services/data/{version}/limits", headers=headers, timeout=60).status_code
            == status
        )


def test_a_used_up_quota_is_told_by_403(org: Org) -> None:
    org.switch(api_calls=0)
    status, body = org.raw("GET", "/limits")
    assert (status, body[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")


def test_an_org_on_disk_is_there_again_with_its_fields(org: Org, tmp_path: Path) -> None:
    at = type(org)
    env = {
        "SALESFORCE_SANDBOX_DB": str(tmp_path / "org.db"),
        "SALESFORCE_SANDBOX_NOW": "2030-01-02T03:04:05Z",
    }
    with serve("target_salesforce.sandbox:create_app", env) as server, at(server).destination("disk") as crm:
        (made,) = crm.create("contact", [Create("k", {"LastName": "Kept"})])
    with serve("target_salesforce.sandbox:create_app", env) as server, at(server).destination("disk") as crm:
        assert crm.find("contact", ["k"]) == {"k": made.id}
        (row,) = at(server).query("SELECT CreatedDate FROM Contact")
    assert row["CreatedDate"] == "2030-01-02T03:04:05.000+0000"


def test_a_cascade_takes_what_hangs_on_a_record(org: Org) -> None:
    account = org.raw("POST", "/sobjects/Account", json={"Name": "A"})[1]["id"]
    person = org.raw("POST", "/sobjects/Contact", json={"LastName": "C", "AccountId": account})[1]["id"]
    org.raw("POST", "/sobjects/Task", json={"WhoId": person, "Subject": "S"})
    assert org.raw("DELETE", f"/sobjects/Account/{account}")[0] == 204
    assert org.query(f"SELECT Id FROM Contact WHERE Id = '{person}'") == []
    (gone,) = org.query(f"SELECT IsDeleted FROM Task WHERE WhoId = '{person}'", "queryAll")
    assert gone["IsDeleted"] is True


def test_lookups_of_people_tell_leads_from_contacts(org: Org) -> None:
    lead = org.raw("POST", "/sobjects/Lead", json={"LastName": "L", "Company": "C"})[1]["id"]
    account = org.raw("POST", "/sobjects/Account", json={"Name": "A"})[1]["id"]
    status, body = org.raw("POST", "/sobjects/Task", json={"WhoId": lead, "WhatId": account})
    assert (status, body[0]["errorCode"]) == (400, "FIELD_INTEGRITY_EXCEPTION")
    status, body = org.raw("POST", "/sobjects/Task", json={"WhoId": account})
    assert body[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"


def test_pages_follow_a_locator(org: Org) -> None:
    rows: list[dict[str, Any]] = [{"attributes": {"type": "Campaign"}, "Name": f"C{n}"} for n in range(200)]
    for _ in range(2):
        org.raw("POST", "/composite/sobjects", json={"records": rows})
    headers = {"Sforce-Query-Options": "batchSize=200"}
    page = org.raw("GET", "/query", params={"q": "SELECT Name FROM Campaign"}, headers=headers)[1]
    assert (len(page["records"]), page["done"]) == (200, False)
    follow = page["nextRecordsUrl"].removeprefix("/services/data/v66.0")
    assert org.raw("GET", follow)[1]["records"][0]["Name"].startswith("C")
