"""Drafts are deployed by the target's own way, and come back from the org as they are."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import TYPE_CHECKING

import pytest
import requests
from handoff_fields import ADVISOR, MAPPING, STAGE, fields
from test_journeys import ALL, LONG

from crmlift.destination import Severity
from crmlift.errors import ConfigError
from crmlift.mapping.schema_changes import apply
from target_salesforce.deploy import deploy
from target_salesforce.package import PACKAGE

if TYPE_CHECKING:
    from conftest import Org
    from target_salesforce.destination import SalesforceDestination

_ENVELOPE = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">'
    '<e:Header><SessionHeader xmlns="{ns}"><sessionId>{token}</sessionId></SessionHeader></e:Header>'
    '<e:Body><{call} xmlns="{ns}">{inner}</{call}></e:Body></e:Envelope>'
)
NAMESPACE = "http://soap.sforce.com/2006/04/metadata"


def drafts(number: int = 0) -> bytes:
    """What the hand-off of some journeys and a segment would deploy."""
    journeys = {**ALL, "long": LONG}
    artefacts = {
        name: ADVISOR.journey(found.model_copy(update={"id": f"{number}{n}"}), fields(STAGE)).artefacts
        for n, (name, found) in enumerate(journeys.items())
    }
    artefacts["segment-8"] = ADVISOR.segment(STAGE, fields(STAGE)).artefacts
    return ADVISOR.package(artefacts)[PACKAGE]


def repacked(archive: bytes, was: str, becomes: str) -> bytes:
    """The archive with a text in its files replaced."""
    with zipfile.ZipFile(io.BytesIO(archive)) as old:
        texts = {name: old.read(name).decode() for name in old.namelist()}
    assert any(was in text for text in texts.values())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as new:
        for name, text in texts.items():
            new.writestr(name, text.replace(was, becomes))
    return packed.getvalue()


def soap(org: Org, call: str, inner: str, token: str = "") -> requests.Response:
    body = _ENVELOPE.format(ns=NAMESPACE, token=token or org.token(), call=call, inner=inner)
    headers = {"Content-Type": "text/xml", "SOAPAction": '""'}
    return requests.post(f"{org.url}/services/Soap/m/66.0", body, headers=headers, timeout=60)


def retrieved(org: Org, kind: str, *names: str) -> zipfile.ZipFile:
    members = "".join(f"<members>{name}</members>" for name in names)
    wanted = f"<unpackaged><types>{members}<name>{kind}</name></types></unpackaged>"
    single = "<singlePackage>true</singlePackage>"
    begun = soap(
        org, "retrieve", f"<retrieveRequest><apiVersion>66.0</apiVersion>{single}{wanted}</retrieveRequest>"
    ).text
    id_ = begun.partition("<id>")[2].partition("</id>")[0]
    asked = f"<asyncProcessId>{id_}</asyncProcessId><includeZip>true</includeZip>"
    told = soap(org, "checkRetrieveStatus", asked).text
    assert "<status>Succeeded</status>" in told
    archive = base64.b64decode(told.partition("<zipFile>")[2].partition("</zipFile>")[0])
    return zipfile.ZipFile(io.BytesIO(archive))


@pytest.fixture
def ready(org: Org, crm: SalesforceDestination) -> SalesforceDestination:
    """An org with the fields of the default mapping."""
    apply(MAPPING, crm)
    return crm


def test_drafts_are_taken_as_they_are_and_stay_drafts(org: Org, ready: SalesforceDestination) -> None:
    sent = zipfile.ZipFile(io.BytesIO(drafts(1)))
    deploy(ready.client, drafts(1))
    names = [name for name in sent.namelist() if name.startswith("flows/")]
    kept = retrieved(org, "Flow", *(name[6:].removesuffix(".flow") for name in names))
    assert {*kept.namelist()} == {"package.xml", *names}
    for name in names:
        assert kept.read(name) == sent.read(name)
        assert b"<status>Draft</status>" in kept.read(name)
    listed = org.query("SELECT ApiName, IsActive FROM FlowDefinitionView WHERE ApiName LIKE 'cio_journey_1%'")
    assert {row["ApiName"] for row in listed} >= {name[6:].removesuffix(".flow") for name in names}
    assert not any(row["IsActive"] for row in listed)
    assert not [one for one in ready.preflight(["lead", "event"]) if one.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("was", "becomes", "problem"),
    [
        ("<field>cio_lifecycle_stage__c<", "<field>nothing__c<", "nothing__c"),
        (">Days<", ">Weeks<", "'Weeks' is not a valid value for offsetUnit"),
        ("<status>Draft<", "<status>Sleeping<", "'Sleeping' is not a valid value for status"),
        ("<targetReference>To_do_last<", "<targetReference>Gone<", "leads to Gone"),
        ("<elementReference>person.Id<", "<elementReference>nobody.Id<", "no resource nobody"),
        ("<doesRequireRecordChangedToMeetCriteria>true", "<doesRequireRecordChangedToMeetCriteria>false",
         "only if it requires the record to be changed"),
        ("</Flow>", "</Flux>", "Error parsing file"),
    ],
)  # fmt: skip
def test_a_refused_draft_takes_the_whole_package_back(
    org: Org, ready: SalesforceDestination, was: str, becomes: str, problem: str
) -> None:
    broken = repacked(drafts(77), was, becomes)
    with pytest.raises(ConfigError, match=problem):
        deploy(ready.client, broken)
    assert org.query("SELECT Id FROM FlowDefinitionView WHERE ApiName LIKE 'cio_journey_77%'") == []


def test_a_retrieve_needs_a_session_and_names_what_is_not_there(org: Org) -> None:
    refused = soap(org, "retrieve", "<retrieveRequest/>", token="nobody")
    assert (refused.status_code, "sf:INVALID_SESSION_ID" in refused.text) == (500, True)
    assert retrieved(org, "Flow", "nothing").namelist() == ["package.xml"]
