"""The client against a server that fails: what is tried again, what is said, what is kept secret."""

from __future__ import annotations

import logging
import socket

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from tap_customerio.budget import Budget
from tap_customerio.client import Call, Client
from tap_customerio.errors import NotFound, Refused, Unauthorized, Unavailable
from tap_customerio.sandbox import Settings, create_app
from tap_customerio.sandbox.server import Server

SEGMENTS = Call("/v1/segments")


class Waits:
    """A clock whose sleepers do not wait, and that remembers for how long they meant to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def waits():
    return Waits()


@pytest.fixture
def client(sandbox, waits):
    return make(sandbox, waits)


def make(sandbox, waits, **options):
    budget = Budget(1000, waits, waits.sleep)
    key = options.pop("api_key", "sandbox-app-key")
    return Client(key, **{"api_url": sandbox.url, "budget": budget, "retry_seconds": 0.001, **options})


def test_hosts_of_both_regions():
    assert Client("test-key").api_url == "https://api.customer.io"
    assert Client("test-key", region="eu").api_url == "https://api-eu.customer.io"


@pytest.mark.parametrize(("region", "other"), [("us", "eu"), ("eu", "us")])
def test_a_wrong_key_names_the_other_region_and_not_the_key(sandbox, waits, region, other):
    with pytest.raises(Unauthorized) as caught:
        make(sandbox, waits, api_key="not-the-key", region=region).call(SEGMENTS)
    assert str(caught.value) == (
        "GET /v1/segments: HTTP 401: Customer.io does not accept the App API key. Either the key is wrong, "
        f"or it belongs to the other region (region is {region!r}; try {other!r}): both look alike."
    )
    assert "not-the-key" not in repr(caught.value)
    assert sandbox.stats()["requests"] == 1


def test_a_429_with_retry_after_makes_everybody_wait_that_long(sandbox, client, waits):
    sandbox.fault("status", status=429, retry_after=7)
    assert client.call(SEGMENTS)["segments"]
    assert 7 <= waits.now < 7.1
    assert sandbox.stats()["statuses"] == {"200": 1, "429": 1}


def test_a_429_without_retry_after_backs_off(sandbox, client, waits):
    sandbox.fault("status", status=429, count=3)
    assert client.call(SEGMENTS)["segments"]
    assert waits.now < 1
    assert sandbox.stats()["statuses"] == {"200": 1, "429": 3}


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_errors_are_tried_again(sandbox, client, status):
    sandbox.fault("status", status=status, count=3)
    assert client.call(SEGMENTS)["segments"]
    assert sandbox.stats()["statuses"] == {"200": 1, str(status): 3}


def test_a_connection_cut_in_mid_answer_is_tried_again(sandbox, client):
    sandbox.fault("cut", count=2)
    assert len(client.call(SEGMENTS)["segments"]) == 15


def test_an_answer_that_takes_too_long_is_tried_again(sandbox, waits):
    sandbox.fault("slow", ms=1000)
    client = make(sandbox, waits, timeout_seconds=0.2)
    assert client.call(SEGMENTS)["segments"]


def test_a_storm_that_lasts_ends_with_the_reason(sandbox, waits):
    sandbox.fault("status", status=503, count=100)
    with pytest.raises(Unavailable, match=r"^GET /v1/segments: HTTP 503: a failure that was asked for"):
        make(sandbox, waits, max_tries=4).call(SEGMENTS)
    assert sandbox.stats()["requests"] == 4


def test_nobody_listening_is_said_without_the_address(waits):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    budget = Budget(1000, waits, waits.sleep)
    client = Client(
        "test-key", api_url=f"http://127.0.0.1:{port}", budget=budget, max_tries=2, retry_seconds=0.001
    )
    with pytest.raises(Unavailable) as caught:
        client.call(Call("/v1/customers", query={"email": "ada@example.com"}))
    assert str(caught.value) == "GET /v1/customers: the connection to 127.0.0.1 failed (ConnectionError)"
    assert caught.value.__cause__ is None


def test_what_is_no_web_address_is_said_at_once(waits):
    client = Client("test-key", api_url="example", budget=Budget(1000, waits, waits.sleep), max_tries=9)
    with pytest.raises(Refused, match=r"^GET /v1/segments: the API's address must begin with https://$"):
        client.call(SEGMENTS)
    assert client.sent == 1


def test_what_is_gone_is_not_found(client):
    call = Call("/v1/segments/{id}", {"id": 999})
    with pytest.raises(NotFound, match=r"GET /v1/segments/\{id\}: HTTP 404: not found"):
        client.call(call)
    assert client.find(call) is None


def test_a_route_that_does_not_exist_is_not_taken_for_something_gone(client):
    with pytest.raises(Refused, match="HTTP 404: no such route") as caught:
        client.find(Call("/v1/nothing"))
    assert not isinstance(caught.value, NotFound)


def test_a_bad_request_is_not_tried_again(sandbox, client):
    with pytest.raises(Refused, match="POST /v1/customers: HTTP 400: invalid filter: sounds_like"):
        client.call(Call("/v1/customers", body={"filter": {"sounds_like": {}}}))
    assert sandbox.stats()["requests"] == 1


def test_errors_and_logs_hold_no_address_and_no_key(waits, caplog):
    async def gossip(request):
        key = request.headers["authorization"].removeprefix("Bearer ")
        detail = f"key {key} may not read grace@example.com" + "x" * 5000
        return JSONResponse({"errors": [{"detail": detail}], "body": "secret"}, 503)

    caplog.set_level(logging.DEBUG, "tap_customerio")
    with Server(Starlette(routes=[Route("/v1/customers/{id}", gossip)])) as server:
        client = make(server, waits, api_key="test-key", max_tries=2)
        with pytest.raises(Unavailable) as caught:
            client.call(Call("/v1/customers/{id}", {"id": "grace@example.com"}, {"token": "secret"}))
    for text in (str(caught.value), caplog.text):
        assert "HTTP 503" in text
        assert not any(word in text for word in ("test-key", "grace", "example.com", "secret"))
        assert len(text) < 1500


def test_values_are_encoded_in_paths_and_queries(sandbox, client):
    who = {"type": "person", "action": "identify", "identifiers": {"email": "a+b/c@example.com"}}
    sandbox.writer.batch([who | {"attributes": {"first_name": "Ada"}}])
    found = client.call(Call("/v1/customers", query={"email": "a+b/c@example.com"}))["results"]
    assert [person["email"] for person in found] == ["a+b/c@example.com"]
    path = Call("/v1/customers/{id}/attributes", {"id": "a+b/c@example.com"}, {"id_type": "email"})
    assert path.url_path == "/v1/customers/a%2Bb%2Fc%40example.com/attributes"


def test_lists_end_at_an_empty_page_though_a_cursor_is_left(sandbox, client):
    sandbox.stats()
    found = list(client.records(Call("/v1/newsletters", query={"limit": 4}), "newsletters"))
    assert [newsletter["id"] for newsletter in found] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert sandbox.stats()["requests"] == 3


def test_an_empty_page_ends_a_list_whose_cursor_never_does(waits):
    pages = [[{"id": 1}], []]

    async def listed(_request):
        if not pages:
            return JSONResponse({}, 400)
        return JSONResponse({"sender_identities": pages.pop(0), "next": "MQ=="})

    with Server(Starlette(routes=[Route("/v1/sender_identities", listed)])) as server:
        found = make(server, waits).records(Call("/v1/sender_identities"), "sender_identities")
        assert list(found) == [{"id": 1}]


def test_an_absent_list_is_an_empty_one(waits):
    with Server(create_app(Settings(rate_limit=False))) as server:
        client = make(server, waits)
        assert client.call(Call("/v1/exports")) == {"exports": None}
        assert list(client.records(Call("/v1/exports"), "exports")) == []


def test_all_threads_share_one_budget(sandbox, waits):
    client = make(sandbox, waits, budget=Budget(10, waits, waits.sleep), workers=8)
    calls = [Call("/v1/segments/{id}", {"id": n}) for n in range(1, 16)] * 4
    assert len(list(client.map(client.call, calls))) == 60
    assert waits.now == pytest.approx(59 / 9.7, abs=0.01)


def test_one_429_holds_all_threads_back(sandbox, waits):
    client = make(sandbox, waits, workers=8)
    sandbox.fault("status", status=429, retry_after=30, count=1)
    calls = [Call("/v1/segments/{id}", {"id": n}) for n in range(1, 16)]
    assert len(list(client.map(client.call, calls))) == 15
    assert 30 <= waits.now < 31
    assert sandbox.stats()["statuses"] == {"200": 15, "429": 1}
