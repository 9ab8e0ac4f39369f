"""Choices of the mapping beyond the default: leads, inactive people, other forms of events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from choices import DEFAULT, LEADS, LISTS, OBJECT_TAGS, STAGES, changed, switched_on, uncommented

from crmlift.destination import Create, Field, FieldType, Update
from crmlift.testing.conformance import GONE, Migration
from crmlift.testing.whole import WholeWorkspace
from crmlift.testing.workspace import NOW, Workspace
from target_odoo.custom_models import CUSTOM_MODELS
from target_odoo.destination import OdooDestination

if TYPE_CHECKING:
    from conftest import Odoo, Start


def test_people_of_the_scope_lead_become_a_contact_with_a_lead(odoo: Odoo, start: Start) -> None:
    migration = start(changed(LEADS))
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


def test_a_lead_stands_in_the_stage_of_the_campaign_that_it_got_something_of_last(
    odoo: Odoo, start: Start
) -> None:
    migration = start(switched_on(changed(LEADS), *STAGES))
    workspace = WholeWorkspace(12)
    streams = workspace.streams
    streams["campaigns"].append({"id": 4, "name": "Again 🎂", "type": "segment", "actions": [], "tags": None})
    leads = [p for p in streams["people"] if p["attributes"]["lifecycle_stage"] == "lead"]
    streams["deliveries"] = [
        delivery(f"s{number}-{campaign}", lead, campaign, at)
        for number, lead in enumerate(leads)
        # The first lead comes from 4 into 3, the second from 3 into 4, the third got nothing.
        for campaign, at in (((4, 1), (3, 2)), ((3, 1), (4, 2)), ())[min(number, 2)][::-1]
    ]
    counts = migration.load(workspace)
    assert counts["stage"] == {"created": 2}
    assert not any(counter.keys() & {"rejected", "waiting"} for counter in counts.values())
    rows = migration.snapshot()["lead"]
    assert [rows[lead["cio_id"]].get("stage_id") for lead in leads[:2]] == ["campaign-3", "campaign-4"]
    # Ours are at the end of the pipeline: the first stage is that of everybody's new leads.
    domain = [["name", "in", ["Welcome 🎂", "Again 🎂"]]]
    stages = odoo.raw("crm.stage", "search_read", domain=domain, fields=["sequence"])[1]
    assert [stage["sequence"] for stage in stages] == [100, 100]
    assert migration.misses() == []
    assert {result for counter in migration.load(workspace).values() for result in counter} == {"unchanged"}
    streams["deliveries"].append(delivery("s-later", leads[0], 4, 3))
    assert migration.load(workspace)["lead"]["updated"] == 1
    assert migration.snapshot()["lead"][leads[0]["cio_id"]]["stage_id"] == "campaign-4"


def delivery(key: str, person: dict[str, Any], campaign: int, hours: int) -> dict[str, Any]:
    moment = NOW - 86_400 + hours * 3600
    who = {"cio_id": person["cio_id"], "person_id": person["id"], "email": person["email"]}
    what = {"campaign_id": campaign, "recipient": person["email"], "subject": key, "forgotten": False}
    times = {"created": moment, "metrics": {"created": moment, "sent": moment}}
    return {"id": key, "type": "email", **times, **what, **who}


CHANNELS = "x_cio_enabled_channel_ids"


def channels(migration: Migration) -> dict[str, list[str] | None]:
    """The channels of each person, by what the records of the list are called."""
    snapshot = migration.snapshot()
    names = {key: row["x_name"] for key, row in snapshot["value"].items()}
    return {
        key: sorted(names[value] for value in row[CHANNELS]) if row[CHANNELS] else None
        for key, row in snapshot["person"].items()
    }


def test_a_list_becomes_records_that_contacts_share(odoo: Odoo, start: Start) -> None:
    migration = start(switched_on(DEFAULT, *LISTS))
    workspace = Workspace(10)
    people = workspace.streams["people"]
    people[9]["attributes"]["enabled_channels"] = ["push", "push", "sms"]
    counts = migration.load(workspace)
    assert counts["value"]["created"] == 3
    assert not any(counter.keys() & {"rejected", "waiting"} for counter in counts.values())
    wanted = {p["cio_id"]: sorted(set(p["attributes"]["enabled_channels"])) or None for p in people}
    assert channels(migration) == wanted
    assert migration.misses() == []
    assert migration.reconciled().in_step
    assert {result for counter in migration.load(workspace).values() for result in counter} == {"unchanged"}
    # A list that changes is changed as a whole; one that is empty now is empty in Odoo.
    people[9]["attributes"]["enabled_channels"] = ["email"]
    people[2]["attributes"]["enabled_channels"] = []
    migration.load(workspace)
    wanted |= {people[9]["cio_id"]: ["email"], people[2]["cio_id"]: None}
    assert channels(migration) == wanted
    assert migration.misses() == []
    domain = [["name", "=", CHANNELS], ["model", "=", "res.partner"]]
    (field,) = odoo.raw("ir.model.fields", "search_read", domain=domain, fields=["ttype", "relation"])[1]
    assert (field["ttype"], field["relation"]) == ("many2many", "x_cio_value")


def test_two_lists_of_one_contact_stay_two(crm: OdooDestination) -> None:
    """Odoo would keep both in one table, were it not told otherwise."""
    names = ["x_cio_colour_ids", "x_cio_size_ids"]
    crm.provision("person", [Field(name, FieldType.LINKS, links_to="value") for name in names])
    red, small = (
        str(o.id) for o in crm.create("value", [Create("r", {"x_name": "r"}), Create("s", {"x_name": "s"})])
    )
    (person,) = crm.create("person", [Create("p", {"name": "Ann", names[0]: [red], names[1]: [small]})])
    assert crm.read("person", [str(person.id)], names) == {person.id: {names[0]: [red], names[1]: [small]}}
    crm.update("person", [Update("p", str(person.id), {names[0]: None})])
    assert crm.read("person", [str(person.id)], names) == {person.id: {names[0]: None, names[1]: [small]}}
    crm.delete("person", {"p": str(person.id)})
    crm.delete("value", {"r": red, "s": small})
    assert crm.unprovision().kept == {} or crm.describe("person").keys().isdisjoint(names)


def test_objects_become_tags_of_their_people_where_the_mapping_says_so(start: Start) -> None:
    migration = start(switched_on(DEFAULT, *OBJECT_TAGS))
    workspace = WholeWorkspace(9)
    counts = migration.load(workspace)
    assert not any(counter.keys() & {"rejected", "waiting"} for counter in counts.values())
    projects = [one for one in workspace.streams["objects"] if one["object_type_slug"] == "projects"]
    relations = [one for one in workspace.streams["relationships"] if one["object_type_slug"] == "projects"]
    tags = migration.snapshot()["tag"]
    named = {f"object-{one['cio_object_id']}": one["attributes"]["name"] for one in projects}
    assert {key: tags[key]["name"] for key in named} == named
    members = {
        (row["category_id"], row["partner_id"])
        for row in migration.snapshot()["person_tag"].values()
        if row["category_id"] in named
    }
    assert members == {(f"object-{one['cio_object_id']}", one["cio_id"]) for one in relations}
    assert migration.misses() == []
    assert {result for counter in migration.load(workspace).values() for result in counter} == {"unchanged"}
    relations[0] |= GONE
    assert migration.load(workspace)["person_tag"]["deleted"] == 1


def test_a_list_becomes_tags_where_the_mapping_says_so(start: Start) -> None:
    rules = """  people_enabled_channels:
    - entity: tag
      key: "='channel-' + text(item)"
      mode: create
      fields: {name: {expr: "'Channel ' + text(item)"}}
    - entity: person_tag
      key: ["='channel-' + text(item)", parent]
      links:
        partner_id: {entity: person, key: cio_id}
        category_id: {entity: tag, key: "='channel-' + text(item)"}
  relationships:
"""
    migration = start(switched_on(changed(("  relationships:\n", rules)), LISTS[0]))
    workspace = Workspace(9)
    counts = migration.load(workspace)
    assert not any(counter.keys() & {"rejected", "waiting"} for counter in counts.values())
    items = [p["attributes"]["enabled_channels"] for p in workspace.streams["people"]]
    names = {row["name"] for row in migration.snapshot()["tag"].values()}
    assert {"Channel email", "Channel sms"} <= names
    tagged = counts["person_tag"]["created"]
    memberships = len(workspace.streams["segment_memberships"])
    assert tagged >= sum(map(len, items)) + memberships
    assert {result for counter in migration.load(workspace).values() for result in counter} == {"unchanged"}
