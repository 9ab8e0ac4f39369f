from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from requests.adapters import BaseAdapter

from crmlift.errors import BatchRefused, ConfigError, RunStopped, TransientError
from crmlift.http import Unanswered
from target_odoo.client import OdooClient
from target_odoo.errors import ACCESS, MISSING, NoSuchModel

if TYPE_CHECKING:
    from conftest import Odoo

BUSY = {"name": "psycopg2.errors.SerializationFailure", "message": "could not serialize access"}


def test_both_protocols_write_and_read_the_same(either: Odoo) -> None:
    client = either.client()
    ids = client.call(
        "res.partner", "create", vals_list=[{"name": "Ann <&> 🙂"}, {"name": "Bo", "city": False}]
    )
    client.call("res.partner", "write", ids[:1], vals={"city": "Ghent", "comment": None})
    rows = client.call(
        "res.partner", "search_read", domain=[["id", "in", ids]], fields=["name", "city", "lang"]
    )
    assert [(row["name"], row["city"]) for row in rows] == [("Ann <&> 🙂", "Ghent"), ("Bo", False)]
    assert client.call("res.partner", "has_access", [], operation="create") is True
    assert client.call("res.partner", "unlink", ids) is True


def test_versions_are_told_without_a_key(sandbox: Odoo, sandbox_17: Odoo) -> None:
    assert sandbox.client(api_key="wrong-key").version == (19, "19.0")
    assert sandbox_17.client(api_key="wrong-key").version == (17, "17.0")


class Answering(BaseAdapter):
    """Answers every request with the same JSON."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.body = body

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:  # type: ignore[override]
        response = requests.Response()
        response.status_code, response._content, response.request = 200, self.body, request
        return response

    def close(self) -> None:
        pass


def test_versions_of_odoo_online_are_understood_and_old_ones_turned_away() -> None:
    def client(version: str) -> OdooClient:
        body = f'{{"version": "{version}"}}'.encode()
        return OdooClient("https://crm.example.com", "db", "test-key", adapter=Answering(body))

    assert client("saas~19.1").version == (19, "saas~19.1")
    with pytest.raises(RunStopped, match=r"Odoo 15\.0.*needs 16"):
        client("15.0").call("res.partner", "search", domain=[])


def test_a_wrong_key_stops_the_run_and_says_what_to_do(either: Odoo) -> None:
    with pytest.raises(RunStopped, match="does not accept the API key") as caught:
        either.client(api_key="wrong-key").call("res.users", "context_get")
    assert "expire" in str(caught.value)
    assert "wrong-key" not in str(caught.value)


def test_a_wrong_database_stops_the_run(sandbox: Odoo) -> None:
    client = OdooClient(sandbox.url, "another", sandbox.api_key)
    with pytest.raises(RunStopped, match=r"answered 404.*name of the database"):
        client.call("res.users", "context_get")


def test_xmlrpc_asks_for_the_login_that_it_needs(sandbox_17: Odoo) -> None:
    with pytest.raises(ConfigError, match="asks for a login"):
        sandbox_17.client(login="").call("res.users", "context_get")


@pytest.mark.parametrize(
    ("model", "method", "arguments", "code"),
    [
        ("res.partner", "create", {"vals_list": [{"no_such_field": 1}]}, "builtins.ValueError"),
        ("res.partner", "create", {"vals_list": [{"name": "x", "tz": "Mars/Base"}]}, "builtins.ValueError"),
        ("res.partner", "write", {"ids": [99_999_999], "vals": {"name": "x"}}, MISSING),
    ],
)
def test_bad_data_is_refused_although_odoo_answers_500(
    either: Odoo, model: str, method: str, arguments: dict[str, object], code: str
) -> None:
    with pytest.raises(BatchRefused) as caught:
        either.client().call(model, method, **arguments)  # type: ignore[arg-type]
    assert caught.value.reason.code == code
    assert sum(either.sandbox.stats()["requests"].values()) <= 4  # type: ignore[union-attr]


def test_a_constraint_is_refused_with_the_reason_apart_from_the_message(either: Odoo) -> None:
    with pytest.raises(BatchRefused) as caught:
        either.client().call("res.partner", "create", vals_list=[{"email": "ann@example.com"}])
    assert caught.value.reason.code.startswith("odoo.exceptions.")
    assert "require a name" in caught.value.reason.detail
    assert "ann@example.com" not in str(caught.value)


def test_a_missing_right_is_told_from_bad_data(sandbox: Odoo) -> None:
    with pytest.raises(BatchRefused) as caught:
        sandbox.client(api_key="sandbox-limited").call("ir.model.fields", "create", vals_list=[{}])
    assert caught.value.reason.code == ACCESS


def test_an_unknown_model_or_method_is_named(either: Odoo) -> None:
    with pytest.raises(NoSuchModel, match=r"no\.such\.model"):
        either.client().call("no.such.model", "search", domain=[])
    with pytest.raises(NoSuchModel, match="no_such_method"):
        either.client().call("res.partner", "no_such_method")


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "retry_after": 0.01},
        {"status": 429, "retry_after": "date"},
        {"status": 503},
        {"status": 502},
        {"status": 500, "body": BUSY},
    ],
)
def test_storms_are_sat_out(sandbox: Odoo, fault: dict[str, object]) -> None:
    client = sandbox.client()
    assert client.version
    sandbox.sandbox.faults({"kind": "status", "times": 3, **fault})  # type: ignore[union-attr]
    assert client.call("res.users", "context_get")["uid"] == 2
    assert client.http.calls["res.users.context_get"] == 4


@pytest.mark.parametrize("after", [True, False])
def test_a_create_without_an_answer_is_not_sent_again(sandbox: Odoo, after: bool) -> None:
    client = sandbox.client()
    assert client.version
    sandbox.sandbox.faults({"kind": "cut", "after": after, "times": 1})  # type: ignore[union-attr]
    with pytest.raises(Unanswered):
        client.call("res.partner", "create", vals_list=[{"name": "Once"}])
    assert client.http.calls["res.partner.create"] == 1


def test_a_load_that_lost_against_another_transaction_is_tried_again(sandbox: Odoo) -> None:
    client = sandbox.client()
    assert client.version
    body = {"ids": False, "messages": [{"type": "error", "message": "could not serialize access due to ..."}]}
    sandbox.sandbox.faults({"kind": "status", "status": 200, "body": body, "times": 2})  # type: ignore[union-attr]
    assert client.call("res.partner", "load", fields=["name"], data=[["Ann"]])["ids"]
    sandbox.sandbox.faults({"kind": "status", "status": 200, "body": body})  # type: ignore[union-attr]
    with pytest.raises(TransientError):
        client.call("res.partner", "load", fields=["name"], data=[["Ann"]])


def test_what_could_send_is_refused_before_it_leaves(sandbox: Odoo) -> None:
    client = sandbox.client()
    for model, method in [
        ("res.partner", "message_post"),
        ("res.partner", "message_post_with_source"),
        ("mail.mail", "send"),
        ("mail.mail", "create"),
        ("sms.sms", "create"),
        ("mail.activity", "action_feedback"),
        ("mailing.mailing", "action_send_mail"),
        ("ir.cron", "method_direct_trigger"),
    ]:
        with pytest.raises(RunStopped, match="never called"):
            client.call(model, method)
    assert not client.http.calls


def test_every_write_is_quiet_even_if_the_caller_says_otherwise(either: Odoo) -> None:
    def mails(client: OdooClient) -> int:
        return int(client.call("mail.mail", "search_count", domain=[]))

    client = either.client()
    before = mails(client)
    vals = {"name": "Sold", "user_id": 6}
    client.call("res.partner", "create", vals_list=[vals], context={"tracking_disable": False})
    assert mails(client) == before


def test_the_same_write_without_the_quiet_context_queues_mail(sandbox: Odoo) -> None:
    """Without this, the test above could not fail."""
    count = {"domain": []}
    before = sandbox.raw("mail.mail", "search_count", **count)[1]
    sandbox.raw("res.partner", "create", vals_list=[{"name": "Sold", "user_id": 6}])
    assert sandbox.raw("mail.mail", "search_count", **count)[1] == before + 1


def test_xmlrpc_refuses_what_it_cannot_carry(sandbox_17: Odoo) -> None:
    client = sandbox_17.client()
    with pytest.raises(BatchRefused) as caught:
        client.call("res.partner", "create", vals_list=[{"name": "x", "color": 2**40}])
    assert caught.value.reason.code == "integer_out_of_range"
    with pytest.raises(BatchRefused) as caught:
        client.call("res.partner", "create", vals_list=[{"name": "bell \x07"}])
    assert caught.value.reason.code == "control_character"
