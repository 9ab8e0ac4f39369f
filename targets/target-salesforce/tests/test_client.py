"""Logging in, quiet headers, what each error means, and every query that we send."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter

from crmlift.destination import Create
from crmlift.errors import BatchRefused, ConfigError, Refusal, RunStopped, TransientError
from crmlift.sandbox.server import serve
from target_salesforce.client import QUIET, Login
from target_salesforce.destination import SalesforceDestination
from target_salesforce.errors import NoSuchObject, cell_refusal, passes, refusal

if TYPE_CHECKING:
    from conftest import Org

USER = "integration@sandbox.example.com"


class Recorder(HTTPAdapter):
    """Keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *more: Any, **options: Any) -> requests.Response:
        self.sent.append(request)
        return super().send(request, *more, **options)


@pytest.fixture(scope="module")
def keys() -> tuple[str, str]:
    """A private and a public key in PEM form."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@pytest.fixture(scope="module")
def strict(keys: tuple[str, str]) -> Iterator[str]:
    """The address of a sandbox that checks signatures."""
    with serve("target_salesforce.sandbox:create_app", {"SALESFORCE_SANDBOX_CERTIFICATE": keys[1]}) as server:
        yield server.url


def test_each_flow_logs_in(org: Org, strict: str, keys: tuple[str, str]) -> None:
    by_key = Login("sandbox-client", private_key=keys[0], username=USER)
    by_token = Login("sandbox-client", refresh_token="sandbox-refresh")
    by_secret = Login("sandbox-client", client_secret="sandbox-secret")
    for login in (by_key, by_token, by_secret):
        client = org.client(login)
        assert client.call("limits", "GET", "/limits")["DailyApiRequests"]["Max"]
        assert client.user_id.startswith("005")
        client.close()
    signed = type(org)(org.server).client(by_key)
    signed._door.base_url = strict
    assert signed.session.token
    signed.close()


@pytest.mark.parametrize(
    ("login", "message"),
    [
        (Login("sandbox-client", client_secret="wrong"), "invalid_client"),
        (Login("somebody", client_secret="sandbox-secret"), "invalid_client_id"),
        (Login("sandbox-client", refresh_token="wrong"), "invalid_grant"),
    ],
)
def test_a_refused_login_stops_the_run_and_shows_no_secret(org: Org, login: Login, message: str) -> None:
    with pytest.raises(RunStopped, match=message) as caught:
        org.client(login).call("limits", "GET", "/limits")
    assert "wrong" not in str(caught.value)


def test_a_signature_for_somebody_else_is_refused(strict: str, org: Org) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    client = org.client(Login("sandbox-client", private_key=other.decode(), username=USER))
    client._door.base_url = strict
    with pytest.raises(RunStopped, match="invalid assertion"):
        client.call("limits", "GET", "/limits")


@pytest.mark.parametrize(
    ("login", "message"),
    [
        (Login("c"), "nothing to log in"),
        (Login("c", private_key="no key", username="u"), "no RSA key"),
        (Login("c", private_key="k"), "needs the username"),
    ],
)
def test_settings_that_prove_nothing_are_named(login: Login, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        login.form()


def test_a_signed_request_names_who_and_for_whom_and_lives_minutes(keys: tuple[str, str]) -> None:
    form = Login("app", private_key=keys[0], username=USER, audience="https://test.salesforce.com").form()
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(
        form["assertion"], keys[1], algorithms=["RS256"], audience="https://test.salesforce.com"
    )
    assert (claims["iss"], claims["sub"]) == ("app", USER)
    # The manual wants at most five minutes; the clocks of both sides may differ.
    assert 0 < claims["exp"] - time.time() <= 300


def test_an_expired_token_is_renewed_in_the_middle(org: Org, crm: SalesforceDestination) -> None:
    crm.create("contact", [Create("before", {"LastName": "x"})])
    org.switch(session_calls=3)
    made = crm.create("contact", [Create(f"c{n}", {"LastName": "x"}) for n in range(5)])
    assert all(outcome.id for outcome in made)
    for _ in range(10):
        assert crm.count("contact") == 6


def test_every_call_carries_the_quiet_headers(org: Org, workspace: str) -> None:
    recorder = Recorder()
    client = org.client(adapter=recorder)
    with SalesforceDestination(client, workspace, bulk_from=1) as crm:
        crm.create("lead", [Create("a", {"LastName": "x", "Company": "c"})])
    calls = [request for request in recorder.sent if "/oauth2/" not in str(request.url)]
    assert calls
    assert all(QUIET.items() <= dict(request.headers).items() for request in calls)
    assert not any("Sforce-Mru" in request.headers for request in calls)
    assert client.usage is not None
    assert client.usage[1] == 1_000_000


@pytest.mark.parametrize(
    ("status", "code", "message", "error"),
    [
        (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", RunStopped),
        (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", TransientError),
        (400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access", TransientError),
        (503, "SERVER_UNAVAILABLE", "busy", TransientError),
        (429, "", "", TransientError),
        (500, "UNKNOWN_EXCEPTION", "oops", TransientError),
        (404, "NOT_FOUND", "none", NoSuchObject),
        (400, "INVALID_TYPE", "sObject type 'X' is not supported", NoSuchObject),
        (403, "INSUFFICIENT_ACCESS", "no", RunStopped),
        (400, "MALFORMED_ID", "secret value", BatchRefused),
    ],
)
def test_errors_are_told_apart_by_their_code(
    org: Org, status: int, code: str, message: str, error: type[Exception]
) -> None:
    client = org.client(tries=1)
    assert client.session
    body = [{"errorCode": code, "message": message, "fields": ["Id"]}]
    org.server.faults({"kind": "status", "status": status, "body": body, "match": "/limits"})
    with pytest.raises(error) as caught:
        client.call("limits", "GET", "/limits")
    assert "secret value" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "message", "fate"),
    [
        ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", "again"),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Trigger: UNABLE_TO_LOCK_ROW, unable to obtain", "again"),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Apex CPU time limit exceeded", "again"),
        ("TXN_SECURITY_METERING_ERROR", "", "again"),
        ("QUERY_TIMEOUT", "", "again"),
        ("SERVER_UNAVAILABLE", "", "again"),
        ("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", "stop"),
        ("DUPLICATES_DETECTED", "Use one of these records?", "letter"),
        ("DUPLICATE_VALUE", "duplicate value found", "letter"),
        ("DUPLICATE_EXTERNAL_ID", "", "letter"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "", "letter"),
        ("FIELD_INTEGRITY_EXCEPTION", "", "letter"),
        ("STRING_TOO_LONG", "", "letter"),
        ("INVALID_EMAIL_ADDRESS", "", "letter"),
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "", "letter"),
        ("NUMBER_OUTSIDE_VALID_RANGE", "", "letter"),
        ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", "letter"),
        ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "", "letter"),
        ("INSUFFICIENT_ACCESS_OR_READONLY", "", "letter"),
        ("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", "letter"),
    ],
)
def test_rows_are_sent_again_or_kept_as_letters_by_their_code(code: str, message: str, fate: str) -> None:
    def what(read: Callable[[], Refusal]) -> str:
        try:
            return "again" if passes(read()) else "letter"
        except RunStopped:
            return "stop"

    assert what(lambda: refusal({"statusCode": code, "message": message, "fields": []})) == fate
    assert what(lambda: cell_refusal(f"{code}:{message}:Name --")) == fate


def test_a_cell_of_a_failed_row_is_taken_apart() -> None:
    told = cell_refusal("STRING_TOO_LONG:Name: data value too large: a:b (max length=80):LastName --")
    assert (told.code, told.field) == ("STRING_TOO_LONG", "LastName")
    assert told.detail == "Name: data value too large: a:b (max length=80)"
    wrapped = cell_refusal(
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:Trigger: UNABLE_TO_LOCK_ROW, unable to obtain access:--"
    )
    assert passes(wrapped)
    assert not passes(told)
