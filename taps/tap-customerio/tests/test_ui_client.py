"""The client of the UI API: a read-only session or none, and answers that are not what they seem."""

from __future__ import annotations

import base64
import json
import logging

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tap_customerio.budget import Budget
from tap_customerio.errors import (
    Forbidden,
    NoRoute,
    NotFound,
    NotReadOnly,
    Refused,
    Unauthorized,
    Unavailable,
)
from tap_customerio.sandbox.server import Server
from tap_customerio.transport import Call
from tap_customerio.ui_api import UiClient
from tap_customerio.ui_api.session import Session

TOKEN = "sandbox-service-account"
EXCHANGE = "POST /ui/v1/service_accounts/oauth/token"


def make(sandbox, **options):
    chosen = {"api_url": f"{sandbox.url}/ui", "budget": Budget(5000), "retry_seconds": 0.001, **options}
    return UiClient(chosen.pop("token", TOKEN), **chosen)


@pytest.mark.parametrize(
    ("region", "url"), [("us", "https://us.fly.customer.io"), ("eu", "https://eu.fly.customer.io")]
)
def test_the_region_chooses_the_host(region, url):
    assert UiClient("test-key", region=region).api_url == url


def test_one_token_serves_many_requests(shared):
    client = make(shared)
    shared.stats()
    assert [client.get("/tags")["tags"][0]["id"] for _ in range(3)] == [1, 1, 1]
    assert shared.stats()["endpoints"] == {
        "GET /ui/v1/accounts/current": 1,
        "GET /ui/v1/accounts/{account}/environments": 1,
        "GET /ui/v1/environments/{env}/tags": 3,
        EXCHANGE: 1,
    }


def test_a_session_that_may_write_is_not_used(make_sandbox):
    sandbox = make_sandbox(grant_read_only=False)
    sandbox.stats()
    with pytest.raises(NotReadOnly, match="did not grant a read-only session"):
        make(sandbox, environment_id=1).get("/tags")
    assert sandbox.stats()["endpoints"] == {EXCHANGE: 1}


def test_nothing_but_get_can_leave(shared):
    client = make(shared)
    shared.stats()
    with pytest.raises(TypeError, match="only read"):
        client.call(Call("/v1/environments/1/campaigns", body={"campaign": {}}))
    assert shared.stats()["requests"] == 0


def test_the_sandbox_refuses_to_write_in_a_read_only_session(shared):
    headers = {"Authorization": f"Bearer {shared.ui_token}"}
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        url = f"{shared.url}/ui/v1/environments/1/campaigns/1"
        assert requests.request(method, url, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("send", "status"),
    [
        ({"json": {"grant_type": "client_credentials", "client_secret": TOKEN}}, 400),
        ({"data": {"grant_type": "password", "client_secret": TOKEN}}, 400),
        ({"data": {"grant_type": "client_credentials", "client_secret": "other"}}, 401),
    ],
)
def test_the_sandbox_exchanges_a_form_with_the_right_grant_and_secret_only(shared, send, status):
    url = f"{shared.url}/ui/v1/service_accounts/oauth/token"
    assert requests.post(url, **send).status_code == status


@pytest.mark.parametrize(("region", "other"), [("us", "eu"), ("eu", "us")])
def test_a_wrong_token_names_the_other_region_and_not_itself(shared, region, other, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Unauthorized, match=f"try '{other}'") as caught:
        make(shared, token="not-the-token", region=region, environment_id=1).get("/tags")
    assert "not-the-token" not in repr(caught.value) + caplog.text


def test_a_token_that_ends_is_replaced_once_and_the_request_repeated(sandbox):
    client = make(sandbox)
    client.open()
    sandbox.stats()
    sandbox.fault("status", status=401, count=1, path="/ui/v1/environments")
    assert client.get("/tags")["tags"]
    stats = sandbox.stats()
    assert stats["statuses"] == {"200": 2, "401": 1}
    assert stats["endpoints"][EXCHANGE] == 1


def test_what_stays_401_though_the_token_works_elsewhere_is_closed(sandbox):
    client = make(sandbox)
    client.open()
    sandbox.fault("status", status=401, count=2, path="/ui/v1/environments")
    with pytest.raises(Forbidden, match="HTTP 401"):
        client.get("/tags")
    assert client.get("/tags")["tags"]


def test_tokens_that_end_at_once_end_the_run(make_sandbox):
    with pytest.raises(Unauthorized):
        make(make_sandbox(token_seconds=0), environment_id=1).get("/tags")


def test_a_page_instead_of_json_is_no_answer(shared):
    with pytest.raises(
        NoRoute, match=r"GET /v1/environments/\{environment\}/data_lake: the answer is no JSON"
    ):
        make(shared).get("/data_lake")


def test_an_empty_answer_is_nothing():
    async def token(_request):
        return JSONResponse({"access_token": "short", "expires_in": 60, "scope": "read_only"})

    async def empty(_request):
        return Response(b"")

    routes = [Route("/ui/v1/service_accounts/oauth/token", token, methods=["POST"])]
    routes += [Route("/ui/v1/environments/{id}/tags", empty)]
    with Server(Starlette(routes=routes)) as server:
        client = make(server, environment_id=1)
        assert client.get("/tags") is None
        assert client.listed("/tags", "tags") == []


@pytest.mark.parametrize(("status", "error"), [(403, Forbidden), (404, NotFound), (422, Refused)])
def test_refusals_are_told_apart(sandbox, status, error):
    client = make(sandbox)
    client.open()
    sandbox.fault("status", status=status, path="/ui/v1/environments")
    with pytest.raises(error, match=f"HTTP {status}"):
        client.get("/tags")


@pytest.mark.parametrize("fault", [{"status": 429, "retry_after": 0}, {"status": 429}, {"status": 503}])
@pytest.mark.parametrize("path", ["/ui/v1/environments", "/ui/v1/service_accounts"])
def test_what_passes_is_tried_again(sandbox, fault, path):
    sandbox.fault("status", count=2, path=path, **fault)
    assert make(sandbox).get("/tags")["tags"]


def test_a_storm_that_lasts_ends_with_the_reason(sandbox):
    sandbox.fault("status", status=503, count=100, path="/ui/v1/environments")
    with pytest.raises(Unavailable, match="HTTP 503"):
        make(sandbox, max_tries=3).get("/tags")


# Workspaces


def test_several_workspaces_are_listed_and_not_guessed_at(sandbox):
    sandbox.writer.configure({"workspaces": [{"id": 2, "name": "Acorn Staging"}]})
    with pytest.raises(Refused, match=r"environment_id .*: 1 \(Acorn Demo\), 2 \(Acorn Staging\)"):
        make(sandbox).open()
    with pytest.raises(Refused, match=r"the token reaches: 1 \(Acorn Demo\)"):
        make(sandbox, environment_id=3).open()
    assert make(sandbox, environment_id=2).get("/tags")["tags"]


def test_a_workspace_that_is_named_need_not_be_listed(sandbox):
    sandbox.settings.forbidden = "/ui/v1/accounts"
    client = make(sandbox, environment_id=1)
    client.open()
    assert client.get("/tags")["tags"]
    with pytest.raises(Refused, match="environment_id is needed"):
        make(sandbox).open()


def test_accounts_in_the_eu_work(make_sandbox):
    sandbox = make_sandbox(region="eu")
    url = f"{sandbox.url}/ui/v1/accounts/current"
    headers = {"Authorization": f"Bearer {sandbox.ui_token}"}
    assert requests.get(url, headers=headers | {"Host": "us.fly.customer.io"}).status_code == 401
    answer = requests.get(url, headers=headers | {"Host": "eu.fly.customer.io"}).json()
    assert answer["account"]["data_center"] == "eu"


# Pages


def test_lists_are_followed_from_page_0_though_totals_say_nothing(sandbox):
    more = [{"id": n, "name": f"attribute {n}"} for n in range(100, 430)]
    sandbox.writer.configure({"ui_api": {"attributes": more}})
    client = make(sandbox)
    assert client.get("/attributes")["meta"] == {"pagination": {"total": 0}}
    found = list(client.pages("/attributes", "attributes", lambda one: one["id"], query={"size": 200}))
    assert [one["id"] for one in found] == [*range(1, 8), *range(100, 430)]


class Numbered(UiClient):
    """Pages as some route might number them."""

    def __init__(self, answers):
        super().__init__("test-key", environment_id=1)
        self.answers = answers
        self.asked = []

    def listed(self, path, root, values=None, query=None):
        number = query["page"]
        self.asked.append(number)
        found = self.answers(number)
        if isinstance(found, Exception):
            raise found
        return found


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        (lambda n: [[1, 2], [3], []][n], 3),  # from 0
        (lambda n: [[1, 2], [1, 2], [3], [3]][n], 4),  # from 1, 0 is taken for 1, the end repeats itself
        (lambda n: [[], [1, 2], [3], []][n], 4),  # from 1, 0 is empty
        (lambda n: [Refused("page"), [1, 2], [3], []][n], 4),  # from 1, 0 is refused
        (lambda _: [1, 2, 3], 3),  # pages are ignored
        (lambda n: [[1, 2], [2, 3, 3], [3]][n], 3),  # rows that moved to the next page meanwhile
    ],
)
def test_pages_may_begin_at_0_or_1_and_repeat_themselves(answers, asked):
    client = Numbered(answers)
    assert list(client.pages("/things", "things", lambda one: one)) == [1, 2, 3]
    assert len(client.asked) == asked


def test_a_list_whose_second_page_is_refused_does_not_pass_for_whole():
    client = Numbered(lambda n: Refused("gone") if n else [1])
    found = client.pages("/things", "things", lambda one: one)
    assert next(found) == 1
    with pytest.raises(Refused, match="gone"):
        next(found)


# Access tokens


def jwt(ends):
    claims = base64.urlsafe_b64encode(json.dumps({"exp": ends}).encode()).decode().rstrip("=")
    return f"head.{claims}.signature{ends}"


@pytest.mark.parametrize(
    ("answer", "life"),
    [
        ({"access_token": jwt(4600), "expires_in": 9999}, 3600),  # what the token says of itself counts
        ({"access_token": "opaque", "expires_in": 600}, 600),
        ({"access_token": "a.b.c"}, 55 * 60),
    ],
)
def test_tokens_are_renewed_a_minute_before_they_end(answer, life):
    now = [1000.0]
    asked = []
    session = Session(lambda: asked.append(now[0]) or answer, lambda: now[0])
    assert session.token == answer["access_token"]
    now[0] = 1000 + life - 61
    assert session.token
    assert asked == [1000]
    now[0] = 1000 + life - 60
    assert session.token
    assert asked == [1000, 1000 + life - 60]


def test_a_refused_token_is_replaced_once_however_many_noticed():
    names = iter("abc")
    session = Session(lambda: {"access_token": next(names), "expires_in": 60})
    first = session.token
    for _ in range(3):
        session.refused(first)
    assert (first, session.token, session.token) == ("a", "b", "b")


def test_tokens_never_show(sandbox, caplog):
    async def token(_request):
        return JSONResponse({"access_token": "inner-word", "expires_in": 60, "scope": "read_only"})

    async def gossip(request):
        detail = f"{request.headers['authorization']} of ada@example.com for {TOKEN}"
        return JSONResponse({"errors": [{"detail": detail}]}, 503)

    routes = [Route("/ui/v1/service_accounts/oauth/token", token, methods=["POST"])]
    routes += [Route("/ui/v1/environments/{id}/tags", gossip)]
    caplog.set_level(logging.DEBUG)
    with Server(Starlette(routes=routes)) as server, pytest.raises(Unavailable) as caught:
        make(server, environment_id=1, max_tries=2).get("/tags")
    for text in (str(caught.value), caplog.text):
        assert "HTTP 503" in text
        assert not any(word in text for word in ("inner-word", TOKEN, "ada@"))
