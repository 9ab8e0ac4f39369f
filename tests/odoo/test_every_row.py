"""Every row of the map from Customer.io, with all choices switched on, lives its life in a real Odoo."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from choices import LEADS, LISTS, STAGES, changed, switched_on, uncommented
from real_migration import RealMigration

from crmlift.mapping.approval import approve
from crmlift.testing.conformance import GONE
from crmlift.testing.whole import WholeWorkspace
from crmlift.testing.workspace import NOW

KILLS = 3
STAMPS = ("write_date", "write_uid")
EVERYTHING = uncommented(switched_on(changed(LEADS), *LISTS, *STAGES, "active: {expr:"))
SEEN_LATELY, LONG_AGO = NOW - 86_400, 1_500_000_000


class BusyWorkspace(WholeWorkspace):
    """A workspace with a case for each row of the map."""

    def __init__(self) -> None:
        super().__init__(24)
        for number, person in enumerate(self.streams["people"]):
            person["attributes"]["last_seen_at"] = LONG_AGO if number == 3 else SEEN_LATELY
        for number, event in enumerate(self.streams["activities"]):
            event["name"] = ("order_placed", "demo_booked", "Größe gewählt")[number % 3]
        who = {name: self.streams["people"][1][name] for name in ("cio_id", "email")}
        for number, kind in enumerate(("push", "in_app", "whatsapp")):
            sent = {
                "id": f"k{number}",
                "type": kind,
                "created": NOW - number,
                "metrics": {"sent": NOW - number},
            }
            more = {"recipient": f"token-{kind}", "subject": f"A {kind}", "forgotten": False, **who}
            self.streams["deliveries"].append({**sent, **more})
        emails = [one for one in self.streams["deliveries"] if one["type"] == "email"]
        emails[0] |= {"newsletter_id": None, "campaign_id": None, "broadcast_id": 51}
        self.streams["broadcast_metrics"] = [{"broadcast_id": 51, "series": {"sent": [11], "delivered": [9]}}]
        body = "<html><body><p>As it was sent</p></body></html>"
        self.streams["archived_messages"] = [{**emails[1], "body": body}]


@pytest.fixture
def workspace() -> BusyWorkspace:
    return BusyWorkspace()


@pytest.fixture
def migration(odoo: Any, tmp_path: Path) -> RealMigration:
    """A migration with every choice of the mapping, in a database where sales has worked before."""
    migration = RealMigration(odoo, tmp_path)
    migration.mapping_path.write_text(EVERYTHING.replace("workspace: workspace", "workspace: conformance"))
    approve(migration.mapping_path, by="tester")
    return migration


def worked_before(odoo: Any, workspace: BusyWorkspace) -> dict[str, int]:
    """What sales has: contacts, one of them archived, a company, a tag, and addresses not to be mailed."""
    known = [person for person in workspace.streams["people"] if person["email"]]
    quiet = {"tracking_disable": True}

    def make(model: str, **values: Any) -> int:
        (made,) = odoo.call(model, "create", vals_list=[values], context=quiet)
        return int(made)

    shouted = known[1]["email"].upper()
    return {
        "contact": make("res.partner", name="Known to sales", email=shouted, phone="+1 555-0100"),
        "archived": make("res.partner", name="Archived by sales", email=known[2]["email"], active=False),
        "company": make("res.partner", name="Company 1 GmbH & Co", is_company=True, city="Kiel"),
        "tag": make("res.partner.category", name="Segment 2 “é”"),
        "stage": make("crm.stage", name="Welcome 🎂", sequence=3),
        "type": make("mail.activity.type", name="demo_booked"),
        "left": make("mail.blacklist", email="gone@example.com", active=False),
        "bystander": make("res.partner", name="Somebody else", email="else@example.net"),
    }  # fmt: skip


OURS = "SELECT res_id FROM ir_model_data WHERE module = '__cio__' AND model ="
# What stands in PostgreSQL for each row of the map: how often, by the source and by a query.
ROWS: dict[str, tuple[str, str]] = {
    "people": ("person", "res_partner WHERE x_cio_attributes IS NOT NULL AND NOT is_company"),
    "companies": ("company", "res_partner WHERE x_cio_attributes IS NOT NULL AND is_company"),
    "other object types": ("object", "x_cio_object WHERE x_attributes IS NOT NULL AND x_type = 'projects'"),
    "leads": ("lead", "crm_lead WHERE type = 'lead' AND iap_enrich_done AND user_id IS NULL"),
    "custom events": ("event", "x_cio_event WHERE x_occurred_at IS NOT NULL AND x_properties IS NOT NULL"),
    "events as activities": ("activity", "mail_activity WHERE NOT active AND date_done = date_deadline"),
    "messages and notes": ("message", "mail_message WHERE message_id LIKE '\\_\\_cio\\_\\_.%:message:%'"),
    "delivery logs": ("mail", "mail_mail WHERE state IN ('sent', 'exception') AND email_to IS NULL"),
    "engagement": ("delivery", "mailing_trace WHERE mass_mailing_id IS NOT NULL"),
    "senders": ("mailing", "mailing_mailing WHERE state = 'done'"),
    "notes on broadcasts": (
        "mailing_note",
        "mail_message WHERE model = 'mailing.mailing' AND body LIKE '%sent this%'",
    ),
    "audit documents": ("document", "ir_attachment WHERE res_model = 'mailing.mailing'"),
    "templates": ("template", "mail_template WHERE x_cio_source IS NOT NULL AND NOT active"),
    "lists of people": ("value", "x_cio_value WHERE x_attribute = 'enabled_channels'"),
    "topics": ("subscription", f"mailing_subscription WHERE id IN ({OURS} 'mailing.subscription')"),
}


def check_rows(odoo: Any, migration: RealMigration, workspace: BusyWorkspace) -> None:
    """Each row of the map is there as often as the ledger says, and says what the source said."""
    snapshot = migration.snapshot()

    def number(what: str) -> int:
        return int(odoo.query(f"SELECT count(*) AS n FROM {what}")[0]["n"])

    found = {row: number(query) for row, (_, query) in ROWS.items()}
    assert found == {row: len(snapshot[entity]) for row, (entity, _) in ROWS.items()}
    assert all(found.values()), found
    streams = workspace.streams
    people = {person["cio_id"]: person for person in streams["people"]}
    # One was archived by sales, one is inactive in the source.
    gone = {key for key, row in snapshot["person"].items() if not row["active"]}
    assert gone == {streams["people"][number]["cio_id"] for number in (2, 3)}
    for key, lead in snapshot["lead"].items():
        assert people[key]["attributes"]["lifecycle_stage"] == "lead"
        assert (lead["partner_id"], len(lead["tag_ids"])) == (key, 1)
    entered = {d["cio_id"] for d in streams["deliveries"] if d.get("campaign_id") == 3}
    staged = {key for key, lead in snapshot["lead"].items() if lead.get("stage_id") == "campaign-3"}
    assert staged == entered & snapshot["lead"].keys()
    push = number("mail_message WHERE x_push_notification AND x_cio_recipient IS NULL")
    assert push == sum(delivery["type"] == "push" for delivery in streams["deliveries"]) == 1
    texts = number("mail_message WHERE message_type = 'sms' AND x_cio_recipient LIKE '+%'")
    assert texts == sum(delivery["type"] == "twilio" for delivery in streams["deliveries"]) > 0
    assert number("mail_mail WHERE body_html LIKE '%As it was sent%'") == 1
    assert number("mail_mail WHERE state = 'exception' AND failure_reason LIKE '550%'") > 0
    assert number("mailing_trace WHERE trace_status = 'bounce'") > 0
    assert number("mail_message WHERE x_cio_content_redacted") > 0
    tagged = number("res_partner_res_partner_category_rel")
    assert tagged > len(streams["segment_memberships"])
    assert number("mail_blacklist WHERE active AND email = 'gone@example.com'") == 1
    left = {p["email"].lower() for p in streams["people"] if p["unsubscribed"] and p["email"]}
    listed = {row["email"] for row in odoo.query("SELECT email FROM mail_blacklist WHERE active")}
    assert left <= listed
    assert number("phone_blacklist WHERE active") == 1
    check_threads(odoo)


def check_threads(odoo: Any) -> None:
    """Nothing in a chatter stands below something older."""
    rows = odoo.query(
        "SELECT count(*) AS n FROM (SELECT date, lag(date) OVER (PARTITION BY res_id ORDER BY id) AS before"
        " FROM mail_message WHERE model = 'res.partner' AND message_id LIKE '\\_\\_cio\\_\\_.%') t"
        " WHERE date < before"
    )
    assert rows[0]["n"] == 0


def check_sales(odoo: Any, ids: dict[str, int], workspace: BusyWorkspace) -> None:
    """What sales wrote is there still: adopted records gained what they lacked, and lost nothing."""
    names = ["name", "phone", "active", "ref", "city"]
    rows = odoo.call(
        "res.partner", "read", ids=[ids[name] for name in ("contact", "archived", "company")], fields=names
    )
    contact, archived, company = rows
    known = [person for person in workspace.streams["people"] if person["email"]]
    assert (contact["name"], contact["phone"]) == ("Known to sales", "+1 555-0100")
    assert contact["ref"] == known[1]["id"]
    assert (archived["name"], archived["active"]) == ("Archived by sales", False)
    assert (company["city"], company["ref"]) == ("Kiel", "acct-1")


def test_every_row_lives_its_whole_life(
    odoo: Any, migration: RealMigration, workspace: BusyWorkspace
) -> None:
    mails = odoo.send_queued_mail()
    sales = worked_before(odoo, workspace)
    before = odoo.contents(*STAMPS)

    counts = migration.load(workspace)
    assert {e: c for e, c in counts.items() if c.keys() & {"rejected", "waiting"}} == {}
    assert migration.misses() == []
    assert migration.reconciled().in_step
    check_rows(odoo, migration, workspace)
    check_sales(odoo, sales, workspace)
    undisturbed = migration.snapshot()

    loaded = odoo.contents()
    again = migration.load(workspace)
    assert {result for counter in again.values() for result in counter} == {"unchanged"}
    assert changed_tables(odoo, loaded) == set()

    change_and_delete(workspace)
    third = migration.load(workspace)
    assert third["person"]["updated"] == 2
    assert third["person"]["archived"] == third["lead"]["archived"] == 1
    assert third["person_tag"]["deleted"] == 1
    assert third["object"]["deleted"] == 1
    assert third["message"]["created"] == third["mail"]["created"] == third["event"]["created"] == 1
    assert migration.misses() == []
    assert odoo.send_queued_mail() == mails

    # The links of the object went with it: they cannot be made again, and need not be, as all is undone.
    assert {kept.entity for kept in migration.roll_back_everything()} == {"person_object"}
    migration.take_back_schema()
    assert changed_tables(odoo, before, *STAMPS) == set()

    # Killed again and again on its way, with an empty ledger, it ends where the first load ended.
    migration.lose_ledger()
    workspace = BusyWorkspace()
    migration.load_through_kills(workspace, KILLS, random.Random(5))
    assert migration.misses() == []
    assert migration.reconciled().in_step
    assert migration.snapshot() == undisturbed
    check_rows(odoo, migration, workspace)
    assert migration.roll_back_everything() == []
    migration.take_back_schema()
    assert changed_tables(odoo, before, *STAMPS) == set()
    assert odoo.send_queued_mail() == mails


def changed_tables(odoo: Any, before: dict[str, Any], *without: str) -> set[str]:
    after = odoo.contents(*without)
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def change_and_delete(workspace: BusyWorkspace) -> None:
    """Two people change, a lead is deleted, a membership ends, an object goes, one email and event come."""
    streams = workspace.streams
    for person in (streams["people"][0], streams["people"][5]):
        person["attributes"]["job_title"] = "Changed"
    lead = next(p for p in streams["people"][6:] if p["attributes"]["lifecycle_stage"] == "lead")
    lead |= GONE
    streams["segment_memberships"][0] |= GONE
    for record in (*streams["objects"], *streams["relationships"]):
        if record["cio_object_id"] == "pr0":
            record |= GONE
    email = next(one for one in streams["deliveries"] if one["type"] == "email")
    streams["deliveries"].append({**email, "id": "new", "metrics": {"sent": NOW + 60}})
    event = next(one for one in streams["activities"] if one["name"] == "Größe gewählt")
    streams["activities"].append({**event, "id": "01NEW", "timestamp": NOW + 60})


# A rule of the customer's own, as their modules have them, for each kind of rows.
REFUSALS = {
    "person": ("res_partner", "function", "people", ("attributes", "job_title")),
    "company": ("res_partner", "name", "objects", ("attributes", "name")),
    "event": ("x_cio_event", "x_url", "activities", ("url",)),
    "delivery": ("mailing_trace", "x_cio_subject", "deliveries", ("subject",)),
    "message": ("mail_message", "subject", "deliveries", ("subject",)),
    "template": ("mail_template", "subject", "transactional_contents", ("subject",)),
}


def of_its_own(stream: str, workspace: BusyWorkspace) -> list[dict[str, Any]]:
    """Return records of a stream from which one can be refused: emails, and events of the default form."""
    records = workspace.streams[stream]
    if stream == "activities":
        records = [one for one in records if one["name"] == "Größe gewählt"]
    if stream == "deliveries":
        records = [one for one in records if one["type"] == "email"]
    return records * len(REFUSALS) if len(records) < len(REFUSALS) else records


def test_refused_rows_stop_no_others_and_come_in_once_they_are_allowed(
    odoo: Any, migration: RealMigration, workspace: BusyWorkspace
) -> None:
    migration.provision()
    for entity, (table, column, stream, path) in REFUSALS.items():
        rule = f"CHECK ({column}::text NOT LIKE '%refuse {entity}%')"
        odoo.execute(f"ALTER TABLE {table} ADD CONSTRAINT refuse_{entity} {rule}")
        holder = of_its_own(stream, workspace)[list(REFUSALS).index(entity)]
        for name in path[:-1]:
            holder = holder[name]
        holder[path[-1]] = f"refuse {entity}"
    counts = migration.load(workspace, stop_above_percent=100)
    rejected = {entity: counter["rejected"] for entity, counter in counts.items() if counter.get("rejected")}
    assert rejected == dict.fromkeys(REFUSALS, 1)
    with migration.ledger() as ledger:
        letters = {letter.entity: letter for letter in ledger.letters.all() if letter.fate == "rejected"}
    for entity in REFUSALS:
        assert f"refuse {entity}" in orjson.dumps(letters[entity].record).decode()
        assert letters[entity].code
    for entity, (table, *_) in REFUSALS.items():
        odoo.execute(f"ALTER TABLE {table} DROP CONSTRAINT refuse_{entity}")
    counts = migration.load(workspace)
    assert {e: c for e, c in counts.items() if c.keys() & {"rejected", "waiting"}} == {}
    assert [entity for entity in REFUSALS if not counts[entity].get("created")] == []
    assert migration.misses() == []
    assert migration.reconciled().in_step
    assert migration.roll_back_everything() == []
