"""The sandbox from outside: Odoo's own client library reads and writes it by every protocol."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import odoolib
import odoolib.tools
import pytest
import requests

from crmlift.sandbox.server import serve

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Odoo


def connect(odoo: Odoo, protocol: str) -> Any:
    address = urlsplit(odoo.url)
    return odoolib.get_connection(
        hostname=address.hostname,
        port=address.port,
        protocol=protocol,
        database=odoo.database,
        login="admin",
        password=odoo.api_key,
    )


@pytest.mark.parametrize("protocol", ["xmlrpc", "jsonrpc", "json2"])
def test_odoos_own_client_writes_and_reads(sandbox: Odoo, protocol: str) -> None:
    partners = connect(sandbox, protocol).get_model("res.partner")
    # JSON-2 has named arguments only, and always answers `create` with a list.
    made = partners.create(vals_list=[{"name": "Ann", "city": "Ghent"}]) if protocol == "json2" else [
        partners.create({"name": "Ann", "city": "Ghent"})
    ]  # fmt: skip
    if protocol == "json2":
        partners.write(ids=made, vals={"city": "Bruges"})
        found = partners.search_read(domain=[["id", "in", made]], fields=["name", "city", "parent_id"])
    else:
        partners.write(made, {"city": "Bruges"})
        found = partners.search_read([["id", "in", made]], ["name", "city", "parent_id"])
    assert [(row["name"], row["city"], row["parent_id"]) for row in found] == [("Ann", "Bruges", False)]


@pytest.mark.parametrize("protocol", ["xmlrpc", "jsonrpc"])
def test_the_older_protocols_create_one_record_from_one_dict(sandbox: Odoo, protocol: str) -> None:
    partners = connect(sandbox, protocol).get_model("res.partner")
    one = partners.create({"name": "One"})
    assert isinstance(one, int)
    assert partners.create([{"name": "Two"}]) == [one + 1]


@pytest.mark.parametrize("protocol", ["xmlrpc", "jsonrpc", "json2"])
def test_odoos_own_client_is_refused_with_a_wrong_key(sandbox: Odoo, protocol: str) -> None:
    connection = connect(sandbox, protocol)
    if protocol == "json2":
        connection.bearer_header["Authorization"] = "Bearer wrong-key"
    else:
        connection.set_login_info(sandbox.database, "admin", "wrong-key")
    with pytest.raises(odoolib.tools.AuthenticationError):
        connection.get_model("res.partner").search_count(domain=[])


def test_what_is_not_json_or_not_for_us_is_turned_away(sandbox: Odoo) -> None:
    url = f"{sandbox.url}/json/2/res.partner/search"
    key = {"Authorization": f"bearer {sandbox.api_key}"}

    def post(body: bytes, **headers: str) -> requests.Response:
        return requests.post(
            url, data=body, headers={"Content-Type": "application/json", **headers}, timeout=60
        )

    assert post(b"{", **key).status_code == 400
    assert post(b"{}", **key, **{"Content-Type": "text/plain"}).status_code == 415
    assert post(b"{}", **key, **{"X-Odoo-Database": "other"}).headers["Content-Type"].startswith("text/html")
    wrong = post(b"{}", Authorization="bearer no")
    assert (wrong.status_code, wrong.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert wrong.json()["message"] == "Invalid apikey"
    surrogate = post(b'{"domain": [["name", "=", "\\ud83d"]]}', **key)
    assert surrogate.status_code == 500
    assert surrogate.headers["Content-Type"].startswith("text/html")


def test_a_failed_call_leaves_nothing(sandbox: Odoo) -> None:
    before = sandbox.raw("res.partner", "search_count", domain=[])[1]
    rows = [{"name": "good"}, {"name": "bad", "tz": "Mars/Base"}]
    assert sandbox.raw("res.partner", "create", vals_list=rows)[0] == 500
    assert sandbox.raw("res.partner", "search_count", domain=[])[1] == before
    fields = [{"name": "x_rolled_back", "ttype": "char"}, {"name": "bad", "ttype": "char"}]
    model = sandbox.raw("ir.model", "search", domain=[["model", "=", "res.partner"]])[1][0]
    vals = [{"model_id": model, "field_description": "x", **field} for field in fields]
    assert sandbox.raw("ir.model.fields", "create", vals_list=vals)[0] == 422
    assert "x_rolled_back" not in sandbox.raw("res.partner", "fields_get")[1]


def test_posting_a_message_queues_mail(sandbox: Odoo) -> None:
    before = sandbox.raw("mail.mail", "search_count", domain=[["state", "=", "outgoing"]])[1]
    sandbox.raw("res.partner", "message_post", ids=[3], body="Hello")
    assert sandbox.raw("mail.mail", "search_count", domain=[["state", "=", "outgoing"]])[1] == before + 1


def test_a_refused_value_is_named_by_load(sandbox: Odoo) -> None:
    sandbox.sandbox.faults({"kind": "refuse", "value": "poison"})  # type: ignore[union-attr]
    rows = [["__cio__.refuse-1", "good"], ["__cio__.refuse-2", "poison"]]
    answer = sandbox.raw("res.partner", "load", fields=["id", "name"], data=rows)[1]
    assert answer["ids"] is False
    assert 1 in [message["record"] for message in answer["messages"]]


def test_seeded_records_belong_to_somebody_else(sandbox: Odoo) -> None:
    made = sandbox.sandbox.post("/_sandbox/seed", {"res.partner": [{"name": "Before us"}]})  # type: ignore[union-attr]
    row = sandbox.raw("res.partner", "read", ids=made["res.partner"], fields=["name", "create_uid"])[1][0]
    assert (row["name"], row["create_uid"][0]) == ("Before us", 1)


def test_a_database_on_disk_is_there_again_with_its_custom_fields(tmp_path: Path) -> None:
    env = {"ODOO_SANDBOX_DB": str(tmp_path / "odoo.db"), "ODOO_SANDBOX_NOW": "2030-01-02T03:04:05Z"}

    def call(url: str, path: str, **body: Any) -> Any:
        headers = {"Authorization": "bearer sandbox-key"}
        return requests.post(f"{url}/json/2/{path}", json=body, headers=headers, timeout=60).json()

    with serve("target_odoo.sandbox:create_app", env) as server:
        model = call(server.url, "ir.model/search", domain=[["model", "=", "res.partner"]])[0]
        field = {"model_id": model, "name": "x_kept", "field_description": "Kept", "ttype": "integer"}
        call(server.url, "ir.model.fields/create", vals_list=[field])
        ids = call(server.url, "res.partner/create", vals_list=[{"name": "Kept", "x_kept": 7}])
    with serve("target_odoo.sandbox:create_app", env) as server:
        row = call(server.url, "res.partner/read", ids=ids, fields=["name", "x_kept", "create_date"])[0]
        assert row == {"id": ids[0], "name": "Kept", "x_kept": 7, "create_date": "2030-01-02 03:04:05"}
        assert re.fullmatch(
            r"\d+", str(call(server.url, "res.partner/create", vals_list=[{"name": "Next"}])[0])
        )
