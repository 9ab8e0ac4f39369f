"""What could reach people or cost money does not, on the sandbox and on the real server alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from crmlift.destination import Create, Severity, Update
from crmlift.errors import RunStopped
from target_odoo.client import refuse_to_send
from target_odoo.destination import OdooDestination

if TYPE_CHECKING:
    from conftest import Odoo

AT = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)


def test_an_active_automation_rule_stops_the_run_unless_it_is_allowed(odoo: Odoo, workspace: str) -> None:
    model = odoo.raw("ir.model", "search", domain=[["model", "=", "res.partner"]])[1][0]
    # The sandbox keeps the model's name as Odoo computes it.
    named = {"model_name": "res.partner"} if odoo.sandbox else {}
    rule = odoo.id("base.automation", name="Welcome", model_id=model, trigger="on_create", **named)
    try:
        for allowed, severity in ((False, Severity.ERROR), (True, Severity.WARNING)):
            with odoo.destination(workspace, allow_automations=allowed) as crm:
                (found,) = [f for f in crm.preflight(["person"]) if "Welcome" in f.text]
                assert found.severity is severity
    finally:
        odoo.raw("base.automation", "unlink", ids=[rule])


def test_a_lead_leaves_its_contact_alone_and_is_not_enriched(
    odoo: Odoo, crm: OdooDestination, workspace: str
) -> None:
    email = f"lead.{workspace}@example.com"
    values = {"name": "Ann", "email": email, "phone": "+1 201 555 0123"}
    (person,) = crm.create("person", [Create("p", values)])
    (lead,) = crm.create("lead", [Create("l", {"name": "Ann", "partner_id": person.id})])
    crm.update("lead", [Update("l", str(lead.id), {"function": "CTO"})])
    assert crm.read("person", [str(person.id)], list(values)) == {person.id: values}
    fields = ["iap_enrich_done", "email_from", "user_id", "type"]
    (row,) = odoo.raw("crm.lead", "read", ids=[int(str(lead.id))], fields=fields)[1]
    assert (row["iap_enrich_done"], row["user_id"], row["type"]) == (True, False, "lead")
    assert row["email_from"] == email
    crm.delete("lead", {"l": str(lead.id)})
    crm.delete("person", {"p": str(person.id)})


def test_mails_of_long_ago_are_no_outgoing_ones_and_one_that_waits_is(
    odoo: Odoo, crm: OdooDestination, workspace: str
) -> None:
    (person,) = crm.create("person", [Create("p", {"name": "Ann"})])
    before = crm.outgoing()
    note = {"res_id": person.id, "date": AT, "subject": f"Hello {workspace}"}
    (message,) = crm.create("message", [Create("m", note)])
    values = {"mail_message_id": message.id, "state": "sent"}
    (mail,) = crm.create("mail", [Create("m", values)])
    assert crm.read("mail", [str(mail.id)], list(values)) == {mail.id: values}
    assert crm.outgoing() == before
    # Without this, the line above would prove nothing.
    odoo.raw("mail.mail", "write", ids=[int(str(mail.id))], vals={"state": "outgoing"})
    assert crm.outgoing()["mail.mail"] == before["mail.mail"] + 1
    crm.delete("mail", {"m": str(mail.id)})
    assert crm.outgoing() == before
    # The message is an entry of its own in the thread, and stays without the mail.
    assert crm.read("message", [str(message.id)], list(note)) == {message.id: note}
    crm.delete("message", {"m": str(message.id)})
    assert odoo.raw("mail.message", "search_count", domain=[["subject", "=", f"Hello {workspace}"]])[1] == 0
    crm.delete("person", {"p": str(person.id)})


@pytest.mark.parametrize("state", ["outgoing", "cancel", None])
@pytest.mark.parametrize("method", ["create", "write"])
def test_a_mail_in_another_state_never_leaves_the_client(method: str, state: str | None) -> None:
    vals: dict[str, Any] = {"subject": "x"} | ({"state": state} if state else {})
    arguments = {"vals_list": [vals]} if method == "create" else {"vals": vals}
    if (method, state) == ("write", None):
        refuse_to_send("mail.mail", method, arguments)
        return
    with pytest.raises(RunStopped, match="can send messages"):
        refuse_to_send("mail.mail", method, arguments)
