"""Choices of the mapping beyond the default: leads, inactive people, other forms of events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from choices import DEFAULT, changed, uncommented

from crmlift.destination import Create
from crmlift.testing.conformance import GONE
from crmlift.testing.workspace import Workspace
from target_odoo.custom_models import CUSTOM_MODELS
from target_odoo.destination import OdooDestination

if TYPE_CHECKING:
    from conftest import Odoo, Start


def test_people_of_the_scope_lead_become_a_contact_with_a_lead(odoo: Odoo, start: Start) -> None:
    rules = "rules: [{scope: lead, when: \"attributes.lifecycle_stage in ['lead']\"}]"
    migration = start(changed(("    rules: []", f"    {rules}")))
    workspace = Workspace(10)
    counts = migration.load(workspace)
    people = {p["cio_id"]: p for p in workspace.streams["people"]}
    leads = migration.snapshot()["lead"]
    assert len(leads) == 3
    assert counts["lead"]["created"] == len(leads)
    assert all(people[key]["attributes"]["lifecycle_stage"] == "lead" for key in leads)
    contacts = migration.snapshot()["person"]
    assert {key: row["partner_id"] for key, row in leads.items()} == {key: key for key in leads}
    # The contact keeps its own email and phone, and the lead shows them.
    for key in leads:
        assert (contacts[key]["email"], contacts[key]["phone"]) == (
            people[key]["email"],
            people[key]["phone"],
        )
    assert migration.misses() == []
    domain = [["x_cio_id", "in", list(leads)]]
    names = ["type", "user_id", "iap_enrich_done", "tag_ids"]
    rows = odoo.raw("crm.lead", "search_read", domain=domain, fields=names)[1]
    assert {(row["type"], row["user_id"], row["iap_enrich_done"], len(row["tag_ids"])) for row in rows} == {
        ("lead", False, True, 1)
    }
    again = migration.load(workspace)
    assert {result for counter in again.values() for result in counter} == {"unchanged"}
    gone = people[next(iter(leads))]
    gone |= GONE
    assert migration.load(workspace)["lead"]["archived"] == 1


def test_who_is_inactive_is_archived_where_the_mapping_says_so(start: Start) -> None:
    example = re.search(r"^ *# (active: \{expr: .*\})$", DEFAULT, re.MULTILINE)
    assert example
    line = "        lang: {from: traits.language, as: language}\n"
    migration = start(changed((line, line + f"        {example[1]}\n")))
    workspace = Workspace(20)
    seen = {1: 1_800_000_000, 2: 1_600_000_000}
    for number, at in seen.items():
        workspace.streams["people"][number]["attributes"]["last_seen_at"] = at
    migration.load(workspace)
    rows = migration.snapshot()["person"]
    keys = {number: workspace.streams["people"][number]["cio_id"] for number in seen}
    assert {number: rows[key]["active"] for number, key in keys.items()} == {1: True, 2: False}
    assert migration.misses() == []
    assert {result for counter in migration.load(workspace).values() for result in counter} == {"unchanged"}


def test_events_take_the_form_that_the_mapping_chooses_by_name(odoo: Odoo, start: Start) -> None:
    migration = start(uncommented(DEFAULT))
    workspace = Workspace(30)
    events = workspace.streams["activities"]
    for number, event in enumerate(events):
        event["name"] = ("order_placed", "demo_booked", "Größe gewählt")[number % 3]
    counts = migration.load(workspace)
    names = [event["name"] for event in events]
    snapshot = migration.snapshot()
    sent = len(workspace.streams["deliveries"])
    assert len(snapshot["message"]) == names.count("order_placed") + sent
    assert len(snapshot["activity"]) == names.count("demo_booked") > 0
    assert len(snapshot["event"]) == names.count("Größe gewählt")
    assert not any("rejected" in counter for counter in counts.values())
    assert migration.misses() == []
    assert migration.reconciled().in_step
    types = odoo.raw("mail.activity.type", "search", domain=[["name", "=", "demo_booked"]])[1]
    domain = [["activity_type_id", "in", types]]
    done = odoo.raw(
        "mail.activity", "search_read", domain=domain, fields=["active", "user_id", "res_model"],
        context={"active_test": False},
    )[1]  # fmt: skip
    assert len(done) == len(snapshot["activity"])
    assert {(row["active"], row["user_id"], row["res_model"]) for row in done} == {
        (False, False, "res.partner")
    }
    assert {result for counter in migration.load(workspace).values() for result in counter} == {"unchanged"}


def test_segments_stand_below_one_tag_that_others_may_use(odoo: Odoo, start: Start) -> None:
    migration = start(DEFAULT)
    migration.load(Workspace(5))
    tags = migration.snapshot()["tag"]
    # The keys of campaigns and broadcasts, whose tags stand elsewhere, are words.
    assert {row["parent_id"] for key, row in tags.items() if key.isdigit()} == {"customer.io"}
    with migration.crm() as crm:
        group = crm.find("tag_group", ["customer.io"])["customer.io"]
        own = odoo.id("res.partner.category", name="Set by sales", parent_id=int(group))
        (outcome,) = crm.delete("tag_group", {"customer.io": group})
        assert outcome.refusal is not None
        assert outcome.refusal.code == "has_children"
    assert odoo.raw("res.partner.category", "unlink", ids=[own])[0] == 200


def test_events_have_a_list_in_the_menu_of_the_contacts(odoo: Odoo, crm: OdooDestination) -> None:
    for _ in range(2):
        crm.provision("event", [])
    menus = odoo.raw(
        "ir.ui.menu",
        "search_read",
        domain=[["name", "=", CUSTOM_MODELS["x_cio_event"].menu]],
        fields=["action", "parent_id"],
    )
    (menu,) = menus[1]
    assert menu["action"].startswith("ir.actions.act_window,")
    assert "Contacts" in menu["parent_id"][1]
    views = odoo.raw(
        "ir.ui.view", "search_count", domain=[["model", "=", "x_cio_event"], ["type", "=", "list"]]
    )
    assert views[1] == 1


def test_a_stage_is_found_by_its_name(crm: OdooDestination) -> None:
    (made,) = crm.create("stage", [Create("s", {"name": "From Customer.io"})])
    assert crm.read("stage", [str(made.id)], ["name"]) == {made.id: {"name": "From Customer.io"}}
    values: dict[str, Any] = {"name": "Ann", "stage_id": made.id}
    (lead,) = crm.create("lead", [Create("l", values)])
    assert crm.read("lead", [str(lead.id)], list(values)) == {lead.id: values}
    crm.delete("lead", {"l": str(lead.id)})
    assert crm.delete("stage", {"s": str(made.id)})[0].refusal is None
