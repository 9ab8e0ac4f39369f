"""The lab is a real Odoo: what it says and what is in its database agree, and mail is counted."""

from __future__ import annotations

import pytest
import requests


def test_partner_written_over_json2_is_in_the_database_and_mails_nobody(odoo):
    mails = odoo.send_queued_mail()
    (partner,) = odoo.call("res.partner", "create", vals_list=[{"name": "Ada", "email": "ada@example.com"}])

    (read,) = odoo.call("res.partner", "read", ids=[partner], fields=["name", "email", "is_company"])
    assert read == {"id": partner, "name": "Ada", "email": "ada@example.com", "is_company": False}
    assert odoo.query(f"SELECT name, email FROM res_partner WHERE id = {partner}") == [
        {"name": "Ada", "email": "ada@example.com"}
    ]
    assert odoo.send_queued_mail() == mails


def test_a_mail_that_odoo_sends_is_counted(odoo):
    mails = odoo.send_queued_mail()
    odoo.call(
        "mail.mail",
        "create",
        vals_list=[{"subject": "Hello", "email_from": "a@example.com", "email_to": "b@example.com"}],
    )
    assert odoo.send_queued_mail() == mails + 1


@pytest.mark.parametrize("column", [(), ("write_date", "write_uid")])
def test_fingerprints_notice_a_changed_value_and_its_return(odoo, column):
    (partner,) = odoo.call("res.partner", "create", vals_list=[{"name": "Grace"}])
    before = odoo.fingerprints(*column)
    odoo.call("res.partner", "write", ids=[partner], vals={"comment": "<p>changed</p>"})
    changed = odoo.fingerprints(*column)
    odoo.call("res.partner", "write", ids=[partner], vals={"comment": False})
    after = odoo.fingerprints(*column)

    assert {name for name in before if before[name] != changed[name]} == {"res_partner"}
    # Odoo's own time stamps betray the two writes where they are looked at.
    assert (after == before) is bool(column)


def test_clerk_may_write_contacts_but_not_fields(odoo):
    def status(model, values):
        headers = {"Authorization": f"bearer {odoo.clerk_api_key}", "X-Odoo-Database": odoo.database}
        url = f"{odoo.url}/json/2/{model}/create"
        return requests.post(url, json={"vals_list": [values]}, headers=headers, timeout=60).status_code

    assert status("res.partner", {"name": "Edsger"}) == 200
    assert status("ir.model.fields", {"name": "x_a", "model": "res.partner"}) == 403


def test_reset_gives_a_running_server_the_seed_again(odoo, odoo_lab):
    count = odoo.call("res.partner", "search_count", domain=[])
    (model,) = odoo.call("ir.model", "search", domain=[["model", "=", "res.partner"]])
    field = {"name": "x_once", "model_id": model, "ttype": "char", "state": "manual"}
    odoo.call("ir.model.fields", "create", vals_list=[field])
    odoo.call("res.partner", "create", vals_list=[{"name": "Alan", "x_once": "here"}])

    odoo_lab.reset(odoo.database)

    assert odoo.call("res.partner", "search_count", domain=[]) < count + 1
    assert odoo.call("res.partner", "search_count", domain=[["name", "=", "Alan"]]) == 0
    assert "x_once" not in odoo.call("res.partner", "fields_get", allfields=["x_once"])
