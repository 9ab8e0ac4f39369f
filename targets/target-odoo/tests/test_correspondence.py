"""What was sent, by what, and what people agreed to: from the tap's streams into Odoo and back out of it."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from crmlift.testing.conformance import Migration
from crmlift.testing.whole import WholeWorkspace

if TYPE_CHECKING:
    from conftest import Odoo, Start

ARCHIVED_TOO = {"active_test": False}


def test_all_of_it_arrives_and_stays_in_step(odoo: Odoo, start: Start) -> None:
    migration = start()
    workspace = WholeWorkspace()
    counts = migration.load(workspace)
    assert not {entity: c for entity, c in counts.items() if c.get("rejected") or c.get("waiting")}
    assert migration.misses() == []
    assert migration.reconciled().in_step
    snapshot = migration.snapshot()
    for check in (check_mails, check_senders, check_template, check_consent, check_objects):
        check(odoo, workspace, snapshot)
    again = migration.load(workspace)
    assert {entity: c for entity, c in again.items() if c.keys() - {"unchanged"}} == {}
    fresh = load_without_ledger(migration, workspace)
    assert not {e: c for e, c in fresh.items() if {"created", "updated", "rejected"} & c.keys()}
    assert migration.snapshot() == snapshot


def test_consent_never_loosens(start: Start) -> None:
    """Not in a later run, not by a twin, not because somebody seems to have subscribed again."""
    migration = start()
    workspace = WholeWorkspace()
    people, choices = workspace.streams["people"], workspace.streams["subscription_preferences"]
    # The ninth and the tenth share an address; only the second of them has left.
    people[9]["unsubscribed"], people[10]["unsubscribed"] = False, True
    migration.load(workspace)
    before = consent_of(migration)
    assert before["flags"][people[9]["cio_id"]]
    assert {key for key, out in before["topics"].items() if out}
    for person in people:
        person["unsubscribed"] = False
    for choice in choices:
        choice["subscribed"] = True
    for record in workspace.streams["consent"]:
        record["channels"] = {"sms": True}
    migration.load(workspace)
    after = consent_of(migration)
    assert after == before


def consent_of(migration: Migration) -> dict[str, dict[str, Any]]:
    snapshot = migration.snapshot()
    return {
        "flags": {key: row["x_cio_unsubscribed"] for key, row in snapshot["person"].items()},
        "sms": {key: row["x_cio_sms_optout"] for key, row in snapshot["person"].items()},
        "topics": {key: row["opt_out"] for key, row in snapshot["subscription"].items()},
        "addresses": {key: row["active"] for key, row in snapshot["mail_optout"].items()},
        "numbers": {key: row["active"] for key, row in snapshot["sms_optout"].items()},
    }


def load_without_ledger(migration: Migration, workspace: WholeWorkspace) -> dict[str, dict[str, int]]:
    """Load as from another machine, with a ledger of its own."""
    usual = migration.config["ledger_url"]
    migration.config["ledger_url"] = f"{usual}.other"
    try:
        return migration.load(workspace)
    finally:
        migration.config["ledger_url"] = usual


def rows(odoo: Odoo, model: str, domain: list[Any], *fields: str) -> list[dict[str, Any]]:
    status, found = odoo.raw(
        model, "search_read", domain=domain, fields=list(fields), order="id", context=ARCHIVED_TOO
    )
    assert status == 200, found
    return found  # type: ignore[no-any-return]


def ours(entity: str) -> list[Any]:
    return ["message_id", "=like", f"\\_\\_cio\\_\\_.conformance:{entity}:%"]


def check_mails(odoo: Odoo, workspace: WholeWorkspace, snapshot: dict[str, Any]) -> None:
    """Every email is kept as one that Odoo sent or failed to send, and is none that it will send."""
    sent = {d["id"]: d for d in workspace.streams["deliveries"] if d["type"] == "email"}
    assert snapshot["mail"].keys() == sent.keys()
    fields = ("state", "failure_type", "failure_reason", "email_to", "model", "x_cio_metrics", "message_id")
    fields += ("x_cio_content_redacted", "x_cio_status", "subject", "date")
    mails = rows(odoo, "mail.mail", [ours("message")], *fields)
    assert len(mails) == len(sent)
    bounced = {key for key, d in sent.items() if d["metrics"].get("bounced")}
    assert {row["state"] for row in mails} == {"sent", "exception"}
    failed = [row for row in mails if row["state"] == "exception"]
    assert len(failed) == len(bounced) > 0
    assert {(row["failure_type"], row["failure_reason"]) for row in failed} == {
        ("unknown", "550 5.1.1 mailbox unavailable")
    }
    assert {row["email_to"] for row in mails} == {False}
    assert {row["model"] for row in mails} == {"res.partner"}
    for key in sent:
        row = snapshot["message"][key]
        assert snapshot["mail"][key]["mail_message_id"] == key
        assert row["x_cio_content_redacted"] is sent[key]["forgotten"]
        assert row["x_cio_metrics"] == sent[key]["metrics"]
        assert row["subject"] == sent[key]["subject"]
    # Read by any of its clients, a mail has one message: that of the thread.
    domain = [ours("message"), ["message_type", "=", "email_outgoing"]]
    messages = rows(odoo, "mail.message", domain, "message_id")
    assert len(messages) == len(mails)
    assert {row["message_id"] for row in messages} == {row["message_id"] for row in mails}


def check_senders(odoo: Odoo, workspace: WholeWorkspace, snapshot: dict[str, Any]) -> None:
    """Campaigns and newsletters are mailings by name, with a document and a note; their people are tagged."""
    mailings = {key: row["subject"] for key, row in snapshot["mailing"].items()}
    assert mailings == {
        "campaign-3": "Welcome 🎂",
        "newsletter-3": "News №3",
        "broadcast-51": "Flash sale",
        "transactional-7": "Receipt",
    }
    assert {row["name"] for row in snapshot["tag_group"].values()} == {
        "Customer.io",
        "Customer.io campaigns",
        "Customer.io broadcasts",
    }
    (tag,) = rows(odoo, "res.partner.category", [["name", "=", "Welcome 🎂"]], "partner_ids", "parent_id")
    entered = {d["cio_id"] for d in workspace.streams["deliveries"] if d.get("campaign_id") == 3}
    emails = {p["email"] for p in workspace.streams["people"] if p["cio_id"] in entered}
    assert len(tag["partner_ids"]) == len(emails)
    note = snapshot["mailing_note"]["newsletter-3"]
    assert "to 42 people" in note["body"]
    assert (note["res_id"], note["x_cio_audience"]) == ("newsletter-3", 42)
    assert "run 1" in snapshot["mailing_note"]["broadcast-51:1"]["body"]
    (document,) = rows(
        odoo, "ir.attachment", [["name", "=", "campaign-3.json"]], "datas", "res_model", "mimetype"
    )
    assert (document["res_model"], document["mimetype"]) == ("mailing.mailing", "application/json")
    assert json.loads(b64decode(document["datas"]))["event_name"] == "order_placed"


def check_template(odoo: Odoo, workspace: WholeWorkspace, snapshot: dict[str, Any]) -> None:
    """A template says to a contact what Customer.io would have said, and names what it cannot."""
    (template,) = snapshot["template"].values()
    assert template["name"] == "Receipt (de)"
    assert template["x_cio_liquid_left"] == ["{{ trigger.number }}"]
    assert "triggered by receipt" in template["description"]
    assert "unsubscribed people too" in template["description"]
    (row,) = rows(
        odoo, "mail.template", [["name", "=", "Receipt (de)"]], "active", "auto_delete", "email_to", "subject"
    )
    assert (row["active"], row["auto_delete"], row["email_to"]) == (False, False, False)
    if odoo.sandbox is None:
        person = next(
            p for p in workspace.streams["people"] if p["attributes"]["plan"] == "pro" and p["email"]
        )
        (partner,) = rows(odoo, "res.partner", [["x_cio_id", "=", person["cio_id"]]], "id")
        preview = {"mail_template_id": row["id"], "resource_ref": f"res.partner,{partner['id']}"}
        wizard = odoo.raw("mail.template.preview", "create", vals_list=[preview])[1]
        (shown,) = odoo.raw("mail.template.preview", "read", ids=wizard, fields=["subject", "body_html"])[1]
        name = person["attributes"]["first_name"]
        assert shown["subject"] == f"Danke, {name} {{{{ trigger.number }}}}"
        assert f"<p>Hallo {person['email']}</p><b>Pro</b>" in shown["body_html"]


def check_consent(odoo: Odoo, workspace: WholeWorkspace, snapshot: dict[str, Any]) -> None:
    """Who opted out of a topic or of texts is known to Odoo by address and number."""
    choices = {(p["email"], p["name"]): [] for p in workspace.streams["subscription_preferences"]}
    for choice in workspace.streams["subscription_preferences"]:
        choices[choice["email"], choice["name"]].append(choice["subscribed"])
    out = [key for key, said in choices.items() if key[0] and not all(said)]
    assert sum(row["opt_out"] for row in snapshot["subscription"].values()) == len(out)
    lists = rows(odoo, "mailing.list", [["name", "in", ["Topic 1", "Topic 2"]]], "name")
    assert [row["name"] for row in lists] == ["Topic 1", "Topic 2"]
    (number,) = snapshot["sms_optout"].values()
    assert number["number"] == "+12015550123"
    marked = [row for row in snapshot["person"].values() if row["x_cio_sms_optout"]]
    # Those who left everything, and three who left texts alone.
    left = [person["unsubscribed"] for person in workspace.streams["people"]]
    assert len(marked) == sum(left) + 3
    assert rows(odoo, "mail.blacklist", [["email", "=", "gone@example.com"]], "active")[0]["active"]


def check_objects(odoo: Odoo, workspace: WholeWorkspace, snapshot: dict[str, Any]) -> None:
    """Other objects have a model of their own, and stand on their people."""
    assert {row["x_name"] for row in snapshot["object"].values()} == {"Project 0", "Project 1", "Project 2"}
    assert snapshot["object"]["pr1"]["x_attributes"]["budget"] == 100.5
    projects = rows(odoo, "x_cio_object", [["x_type", "=", "projects"]], "id")
    linked = rows(odoo, "res.partner", [["x_cio_object_ids", "in", [row["id"] for row in projects]]], "id")
    assert len(linked) == 6
