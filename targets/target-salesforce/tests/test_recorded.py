"""Replies of the sandbox beside those of real orgs: their shapes in `recorded.yml`, their words below."""

from __future__ import annotations

import csv
import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from target_salesforce.metadata import permission_set_xml

if TYPE_CHECKING:
    from conftest import Org
    from target_salesforce.destination import SalesforceDestination

SHAPES: dict[str, dict[str, str]] = yaml.safe_load((Path(__file__).parent / "recorded.yml").read_text())
LEAD = {"attributes": {"type": "Lead"}, "LastName": "L", "Company": "C"}
CONTACT = {"attributes": {"type": "Contact"}, "LastName": "C"}
NO_TYPE = (
    "sObject type '{}' is not supported. If you are attempting to use a custom object, be sure to append the "
    "'__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names."
)


def differences(name: str, value: Any, at: str = "") -> Iterator[str]:
    """Yield where a reply differs from a shape; a record also holds the fields that were asked for."""
    at = at or name
    if not isinstance(value, dict):
        yield f"{at} is {kind(value)}"
        return
    kinds = {key: kinds for kinds, keys in SHAPES[name].items() for key in keys.split()}
    known = {key.removesuffix("?"): kinds for key, kinds in kinds.items()}
    needed = {key for key in kinds if not key.endswith("?")}
    extra = set() if name in ("record", "retrieved") else value.keys() - known.keys()
    if name == "record":
        needed.discard("Id")
    if wrong := (needed - value.keys()) | extra:
        yield f"{at}: {sorted(wrong)} missing or not known"
    for key in known.keys() & value.keys():
        yield from _inner(known[key], value[key], f"{at}.{key}")


def _inner(kinds: str, value: Any, at: str) -> Iterator[str]:
    if kinds.startswith("[") and isinstance(value, list):
        for number, one in enumerate(value):
            yield from differences(kinds[1:-1], one, f"{at}[{number}]")
    elif kinds.startswith("<"):
        yield from differences(kinds[1:-1], value, at)
    elif kind(value) not in kinds.split("|"):
        yield f"{at} is {kind(value)}, not {kinds}"


def kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__


def same(name: str, value: Any) -> None:
    assert list(differences(name, value)) == []


def test_a_difference_is_seen() -> None:
    assert list(differences("limit", {"Max": 1})) == ["limit: ['Remaining'] missing or not known"]
    assert list(differences("limit", {"Max": 1, "Remaining": 1, "More": 1})) != []
    assert list(differences("error", {"errorCode": "X", "message": None})) == [
        "error.message is null, not str"
    ]
    assert list(differences("page", {"totalSize": 1, "done": True, "records": [{}]})) != []


# -- describe --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["Account", "Contact", "Lead", "Task", "Campaign", "CampaignMember", "AccountContactRelation"]
)
def test_describes(org: Org, name: str) -> None:
    same("describe", org.raw("GET", f"/sobjects/{name}/describe")[1])


def test_the_describe_of_all(org: Org) -> None:
    same("describe_global", org.raw("GET", "/sobjects")[1])


@pytest.mark.parametrize(
    ("name", "fields"),
    [("Account", {"Name"}), ("Contact", {"LastName"}), ("Lead", {"LastName", "Company"})],
)
def test_what_is_required_is_what_recorded_describes_require(org: Org, name: str, fields: set[str]) -> None:
    described = org.raw("GET", f"/sobjects/{name}/describe")[1]["fields"]
    needed = [one for one in described if one["createable"] and not one["nillable"]]
    assert {one["name"] for one in needed if not one["defaultedOnCreate"]} == fields


# -- logging in ------------------------------------------------------------------------------------------


def token(org: Org, **form: str) -> Any:
    answer = requests.post(f"{org.url}/services/oauth2/token", data=form, timeout=60)
    return answer.json()


def test_logins(org: Org) -> None:
    app = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    given = token(org, grant_type="client_credentials", **app)
    same("login_client_credentials", given)
    assert given["token_type"] == "Bearer"
    assert given["access_token"].split("!")[0] == given["id"].split("/")[-2][:15]
    assert given["issued_at"].isdecimal()
    refresh = {"grant_type": "refresh_token", "refresh_token": "sandbox-refresh"}
    same("login_refresh", token(org, **refresh, **app))
    claims = {"iss": "sandbox-client", "aud": "https://login.salesforce.com", "exp": int(time.time()) + 60}
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    signed = jwt.encode({**claims, "sub": "integration@sandbox.example.com"}, key, "RS256")
    same("login_jwt", token(org, grant_type=grant, assertion=signed))
    stranger = jwt.encode({**claims, "sub": "nobody@example.com"}, key, "RS256")
    refused = token(org, grant_type=grant, assertion=stranger)
    same("login_refused", refused)
    assert refused == {"error": "invalid_grant", "error_description": "user hasn't approved this consumer"}
    password = token(org, grant_type="password", username="x", password="x", **app)
    assert password == {"error": "invalid_grant", "error_description": "authentication failure"}


def test_who_is_logged_in(org: Org) -> None:
    headers = {"Authorization": f"Bearer {org.token()}"}
    same("user_info", requests.get(f"{org.url}/services/oauth2/userinfo", headers=headers, timeout=60).json())
    for version in requests.get(f"{org.url}/services/data", timeout=60).json():
        same("versions", version)


def test_an_expired_session_is_told_by_401(org: Org) -> None:
    answer = org.raw("GET", "/limits", headers={"Authorization": "Bearer old!one"})
    assert answer == (
        401,
        [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}],
    )


# -- reading ---------------------------------------------------------------------------------------------


def test_pages_of_queries(org: Org) -> None:
    for _ in range(2):
        rows = [{"attributes": {"type": "Campaign"}, "Name": "C"}] * 200
        org.raw("POST", "/composite/sobjects", json={"records": rows})
    small = {"headers": {"Sforce-Query-Options": "batchSize=200"}}
    first = org.raw("GET", "/query/", params={"q": "SELECT Id FROM Campaign"}, **small)[1]
    same("page_with_more", first)
    assert not first["done"]
    while not first["done"]:
        first = org.raw("GET", first["nextRecordsUrl"].removeprefix("/services/data/v66.0"))[1]
    same("page", first)
    assert org.raw("GET", "/query", params={"q": "SELECT count() FROM User"})[1] == {
        "totalSize": 2,
        "done": True,
        "records": [],
    }
    (total,) = org.query("SELECT count(Id) FROM User")
    same("sum", total)
    assert total["attributes"] == {"type": "AggregateResult"}


def test_records_and_counts(org: Org) -> None:
    made = org.raw("POST", "/sobjects/Contact/", json={"LastName": "R"})[1]["id"]
    same("record", org.raw("GET", f"/sobjects/Contact/{made}")[1])
    asked = {"ids": [made, "0035g0000009999AAA"], "fields": ["Id", "Name"]}
    there, gone = org.raw("POST", "/composite/sobjects/Contact", json=asked)[1]
    same("retrieved", there)
    assert gone is None
    counts = org.raw("GET", "/limits/recordCount", params={"sObjects": "Contact,ApexTrigger"})[1]
    same("record_counts", counts)
    # An object without records is left out.
    assert [one["name"] for one in counts["sObjects"]] == ["Contact"]


def test_limits(org: Org) -> None:
    limits = org.raw("GET", "/limits/")[1]
    for entry in limits.values():
        same("limit", entry)
    assert {
        "DailyApiRequests", "DailyBulkApiBatches", "DailyBulkV2QueryJobs", "DailyBulkV2QueryFileStorageMB",
        "DataStorageMB", "FileStorageMB",
    } <= limits.keys()  # fmt: skip


# -- writing ---------------------------------------------------------------------------------------------


def test_rows_of_collections(org: Org) -> None:
    good, bad = org.raw("POST", "/composite/sobjects", json={"records": [LEAD, {**LEAD, "LastName": None}]})[
        1
    ]
    same("created", good)
    same("refused", bad)
    same("created", org.raw("POST", "/sobjects/Lead", json={"LastName": "x", "Company": "c"})[1])
    (changed,) = org.raw("PATCH", "/composite/sobjects", json={"records": [{**LEAD, "Id": good["id"]}]})[1]
    same("created", changed)
    (put,) = org.raw("PATCH", "/composite/sobjects/Lead/Id", json={"records": [{**LEAD, "Id": None}]})[1]
    same("upserted", put)
    (gone,) = org.raw("DELETE", "/composite/sobjects", params={"ids": good["id"]})[1]
    same("created", gone)


def test_composite_calls(org: Org) -> None:
    base = "/services/data/v66.0"
    calls = [
        {"method": "GET", "url": f"{base}/query/?q=select count() from User", "referenceId": "good"},
        {"method": "GET", "url": f"{base}/sobjects/Foo", "referenceId": "bad"},
    ]
    reply = org.raw("POST", "/composite", json={"compositeRequest": calls})[1]
    same("composite", reply)
    good, bad = reply["compositeResponse"]
    same("page", good["body"])
    same("error", bad["body"][0])
    assert (good["httpStatusCode"], bad["httpStatusCode"]) == (200, 404)


# -- words of errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "path", "request_", "status", "code", "message", "fields"),
    [
        ("POST", "/sobjects/Contact", {"json": {}}, 400,
         "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]),
        ("POST", "/composite/sobjects", {"json": {"records": []}}, 400,
         "REQUIRED_FIELD_MISSING", "At least 1 record is required", None),
        ("GET", "/query", {"params": {"q": "SELECT AccountNumer FROM Account"}}, 400,
         "INVALID_FIELD", "No such column 'AccountNumer' on sobject of type Account", None),
        ("POST", "/sobjects/Account", {"json": {"Name": "A", "LastModifiedById": "005000000000001"}}, 400,
         "INVALID_FIELD_FOR_INSERT_UPDATE",
         "Unable to create/update fields: LastModifiedById. Please check the security settings of this field "
         "and verify that it is read/write for your profile or permission set.", ["LastModifiedById"]),
        ("GET", "/query", {"params": {"q": "select count() from XYZZY"}}, 400, "INVALID_TYPE",
         "\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\n"
         + NO_TYPE.format("XYZZY"), None),
        ("GET", "/query", {"params": {"q": "SELECT Id,Name,BillingCity,IsDeleted FROM Accout"}}, 400,
         "INVALID_TYPE",
         "\nName,BillingCity,IsDeleted FROM Accout\n                                ^\n"
         "ERROR at Row:1:Column:43\n" + NO_TYPE.format("Accout"), None),
        ("GET", "/sobjects/Foo", {}, 404, "NOT_FOUND", "The requested resource does not exist", None),
        ("POST", "/jobs/ingest",
         {"json": {"object": "Account", "operation": "upsert", "externalIdFieldName": "website"}}, 400,
         "INVALIDJOB",
         "InvalidJob : Field name provided, website does not match an External ID, Salesforce Id, or indexed "
         "field for Account", None),
    ],
)  # fmt: skip
def test_calls_are_refused_in_the_recorded_words(
    org: Org,
    verb: str,
    path: str,
    request_: dict[str, Any],
    status: int,
    code: str,
    message: str,
    fields: list[str] | None,
) -> None:
    answered, body = org.raw(verb, path, **request_)
    named = {} if fields is None else {"fields": fields}
    assert (answered, body) == (status, [{"message": message, "errorCode": code, **named}])
    same("error" if fields is None else "error_of_fields", body[0])


def test_a_record_that_is_gone_is_named_as_recorded(org: Org) -> None:
    made = org.raw("POST", "/sobjects/Contact", json={"LastName": "x"})[1]["id"]
    assert org.raw("DELETE", f"/sobjects/Contact/{made}") == (204, "")
    status, (error,) = org.raw("DELETE", f"/sobjects/Contact/{made}")
    assert error == {"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}
    assert status == 404


def test_a_second_assignment_is_refused_as_recorded(org: Org, crm: SalesforceDestination) -> None:
    crm.provision("lead", ())
    (user,) = org.query("SELECT Id FROM User WHERE LastName = 'Integration'")
    (of,) = org.query("SELECT Id FROM PermissionSet WHERE Name = 'crmlift'")
    row = {"AssigneeId": user["Id"], "PermissionSetId": of["Id"]}
    status, (error,) = org.raw("POST", "/sobjects/PermissionSetAssignment", json=row)
    message = (
        f"Duplicate PermissionSetAssignment.  Assignee: {user['Id'][:15]}; Permission Set: {of['Id'][:15]}"
    )
    assert (status, error) == (
        400,
        {"message": message, "errorCode": "DUPLICATE_VALUE", "fields": ["AssigneeId", "PermissionSetId"]},
    )


def test_rows_are_refused_in_the_recorded_words(org: Org) -> None:
    records = [{"attributes": {"type": "Contact"}}, CONTACT]
    lacking, undone = org.raw("POST", "/composite/sobjects", json={"allOrNone": True, "records": records})[1]
    assert [one["errors"] for one in (lacking, undone)] == [
        [{"statusCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [LastName]",
          "fields": ["LastName"]}],
        [{"statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK", "fields": [],
          "message": "Record rolled back because not all records were valid and the request was using "
                     "AllOrNone header"}],
    ]  # fmt: skip
    (nameless,) = org.raw("PATCH", "/composite/sobjects", json={"records": [CONTACT]})[1]
    message = "Id not specified in an update call"
    assert nameless == {
        "success": False,
        "errors": [{"statusCode": "MISSING_ARGUMENT", "message": message, "fields": []}],
    }
    broken = {"attributes": {"type": "Contact"}, "Id": "no id"}
    (malformed,) = org.raw("PATCH", "/composite/sobjects", json={"records": [broken]})[1]
    assert (malformed["errors"][0]["statusCode"], malformed["errors"][0]["fields"]) == (
        "MALFORMED_ID",
        ["Id"],
    )
    same("refused", malformed)


# -- jobs ------------------------------------------------------------------------------------------------


def run(org: Org, text: str, **about: str) -> tuple[str, dict[str, Any]]:
    """Do a job; return its id and how it ended."""
    opened = org.raw("POST", "/jobs/ingest", json={"object": "Contact", "operation": "insert", **about})[1]
    same("job_opened", opened)
    assert (opened["state"], opened["contentUrl"][:9]) == ("Open", "services/")
    org.raw("PUT", f"/jobs/ingest/{opened['id']}/batches", data=text.encode())
    closed = org.raw("PATCH", f"/jobs/ingest/{opened['id']}", json={"state": "UploadComplete"})[1]
    same("job_closed", closed)
    ended = org.raw("GET", f"/jobs/ingest/{opened['id']}")[1]
    same("job", ended)
    return opened["id"], ended


def test_jobs_in_each_state(org: Org) -> None:
    _, done = run(org, "LastName,Email\nA,a1@example.com\nB,b1@example.com\n")
    assert (done["state"], done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (
        "JobComplete", 2, 0,
    )  # fmt: skip
    assert "errorMessage" not in done
    _, partly = run(org, "LastName,Email\nA,a2@example.com\nB,none\n", operation="upsert",
                    externalIdFieldName="Email")  # fmt: skip
    # The failed one is among the processed.
    assert (partly["state"], partly["numberRecordsProcessed"], partly["numberRecordsFailed"]) == (
        "JobComplete", 2, 1,
    )  # fmt: skip
    assert partly["externalIdFieldName"] == "Email"
    _, failed = run(org, "LastName,Nope\nA,x\n")
    assert (failed["state"], failed["numberRecordsProcessed"], failed["numberRecordsFailed"]) == (
        "Failed", 0, 0,
    )  # fmt: skip
    assert failed["errorMessage"] == "InvalidBatch : Field name not found : Nope"
    org.switch(job_polls=1)
    _, busy = run(org, "LastName\nA\n")
    assert busy["state"] == "InProgress"
    aborted = org.raw("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"})[1]["id"]
    same("job_closed", org.raw("PATCH", f"/jobs/ingest/{aborted}", json={"state": "Aborted"})[1])
    same("jobs", org.raw("GET", "/jobs/ingest")[1])


def test_result_files_of_jobs(org: Org) -> None:
    org.switch(job_rows=2)
    job, _ = run(org, 'LastName,Birthdate\n"Mi, lk",2003-04-05\nNoemi,2003-04-98765\nLeft,\n')
    good = org.raw("GET", f"/jobs/ingest/{job}/successfulResults/")[1]
    bad = org.raw("GET", f"/jobs/ingest/{job}/failedResults/")[1]
    left = org.raw("GET", f"/jobs/ingest/{job}/unprocessedrecords/")[1]
    assert good.splitlines()[0] == '"sf__Id","sf__Created",LastName,Birthdate'
    (row,) = csv.DictReader(io.StringIO(good))
    assert (row["sf__Id"][:3], row["sf__Created"], row["LastName"]) == ("003", "true", "Mi, lk")
    assert bad == (
        '"sf__Id","sf__Error",LastName,Birthdate\n'
        '"","INVALID_FIELD:Failed to deserialize field at col 1. Due to, '
        "'2003-04-98765' is not a valid value for the type xsd:date:Birthdate --"
        '","Noemi","2003-04-98765"\n'
    )
    assert left == 'LastName,Birthdate\n"Left",""\n'


def test_query_jobs(org: Org) -> None:
    asked = {"operation": "query", "query": "SELECT Id, Username FROM User"}
    opened = org.raw("POST", "/jobs/query", json=asked)[1]
    same("query_job_opened", opened)
    assert (opened["state"], opened["object"]) == ("UploadComplete", "User")
    done = org.raw("GET", f"/jobs/query/{opened['id']}")[1]
    same("query_job", done)
    assert (done["jobType"], done["numberRecordsProcessed"]) == ("V2Query", 2)
    url = f"{org.url}/services/data/v66.0/jobs/query/{opened['id']}/results"
    headers = {"Authorization": f"Bearer {org.token()}"}
    page = requests.get(url, params={"maxRecords": "1"}, headers=headers, timeout=60)
    assert (page.headers["Sforce-NumberOfRecords"], page.headers["Sforce-Locator"]) == ("1", "1")
    last = requests.get(url, params={"maxRecords": "1", "locator": "1"}, headers=headers, timeout=60)
    assert (last.headers["Sforce-Locator"], last.text.splitlines()[0]) == ("null", '"Id","Username"')


# -- deploys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("", None),
        ("Contact.nope__c", "In field: field - no CustomField named Contact.nope__c found"),
        ("Contact.LastName", "You cannot deploy to a required field: Contact.LastName"),
    ],
)
def test_deploys(org: Org, field: str, problem: str | None) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("package.xml", "<Package/>")
        text = permission_set_xml([field] if field else [], [])
        archive.writestr("permissionsets/shape.permissionset", text)
    files = {
        "json": (None, json.dumps({"deployOptions": {"singlePackage": True}}), "application/json"),
        "file": ("deploy.zip", packed.getvalue(), "application/zip"),
    }
    status, begun = org.raw("POST", "/metadata/deployRequest", files=files)
    assert (status, begun["id"][:3]) == (201, "0Af")
    told = org.raw("GET", f"/metadata/deployRequest/{begun['id']}", params={"includeDetails": "true"})[1]
    same("deploy", told)
    details = told["deployResult"]["details"]
    assert told["deployResult"]["success"] is (problem is None)
    assert [one["problem"] for one in details["componentFailures"]] == ([problem] if problem else [])
