"""A migration into a real Odoo: load, read back, second run, delta, kill, rollback."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from migration import Project, change_people, customerio_settings, fill
from real_migration import RealMigration

from crmlift import plugins
from crmlift.sandbox.server import serve
from crmlift.testing.workspace import Workspace

PEOPLE = 300
KILLS = 8


@pytest.fixture(scope="module")
def customerio():
    factory = plugins.find(plugins.SANDBOXES, "customerio").value
    with serve(factory, {"CUSTOMERIO_SANDBOX_RATE": "1000"}) as server:
        fill(server, people=PEOPLE)
        yield server


def in_database(odoo: Any) -> Counter[str]:
    """Partners by email as PostgreSQL holds them, archived ones included."""
    return Counter(
        row["email"] for row in odoo.query("SELECT lower(email) AS email FROM res_partner") if row["email"]
    )


def test_the_bundled_workspace_arrives_stays_in_step_and_leaves_no_trace(odoo, customerio, tmp_path: Path):
    secrets = {f"TARGET_ODOO_{name.upper()}": value for name, value in odoo.settings.items()}
    project = Project(tmp_path / "project", {**customerio_settings(customerio), **secrets})
    mails = odoo.send_queued_mail()
    before = odoo.fingerprints()
    project.approve_default()

    project.meltano_run()
    first = project.counts()
    assert first["person"]["created"] + first["person"]["merged"] == PEOPLE
    assert not any("rejected" in counter for counter in first.values())
    result = project.crmlift("verify", "--json", ok=False).json
    assert result["passed"], [entity["misses"][:5] for entity in result["entities"]]
    assert max(in_database(odoo).values()) == 1
    check_engagement(odoo, first)

    loaded = odoo.fingerprints()
    project.meltano_run()
    assert {name for counter in project.counts().values() for name in counter} <= {"unchanged"}
    assert odoo.fingerprints() == loaded

    change_people(customerio, 10)
    project.meltano_run()
    third = project.counts()
    assert third["person"].get("updated", 0) + third["person"].get("merged", 0) == 10
    assert project.crmlift("verify", "--json").json["passed"]
    assert odoo.send_queued_mail() == mails

    undone = project.crmlift("rollback", "--all", "--yes", "--json").json
    assert [kept for run in undone for kept in run["kept"]] == []
    assert undone[-1]["schema_kept"] == {}
    # Every table that we touch is as before, row by row, our fields, models and pages included.
    after = odoo.fingerprints()
    assert {name for name in before if after[name] != before[name]} == set()


def check_engagement(odoo: Any, counts: dict[str, dict[str, int]]) -> None:
    """Read consent and engagement straight from the database."""

    def number(table: str, where: str = "true") -> int:
        return int(odoo.query(f"SELECT count(*) AS n FROM {table} WHERE {where}")[0]["n"])

    unsubscribed = "x_cio_unsubscribed AND email_normalized IS NOT NULL"
    assert number("mail_blacklist", "active") == counts["mail_optout"]["created"] > 0
    assert number("res_partner", unsubscribed) > 0
    still_mailed = f"{unsubscribed} AND email_normalized NOT IN (SELECT email FROM mail_blacklist)"
    assert number("res_partner", still_mailed) == 0
    assert number("mailing_trace") == counts["delivery"]["created"] > number("mailing_mailing") > 0
    assert number("mailing_mailing", "state <> 'done'") == 0
    bounced = "trace_status = 'bounce' AND lower(email) NOT IN (SELECT email FROM mail_blacklist)"
    assert number("mailing_trace", bounced) == 0
    noted = "message_id LIKE '\\_\\_cio\\_\\_.demo:message:%'"
    assert number("mail_message", noted) == counts["message"]["created"] > 0
    check_mails(number, counts)
    check_senders(number, counts)


def check_mails(number: Any, counts: dict[str, dict[str, int]]) -> None:
    """Emails are kept as sent or failed, none as waiting; redacted ones are marked."""
    assert number("mail_mail") == counts["mail"]["created"] == counts["delivery"]["created"]
    assert number("mail_mail", "state NOT IN ('sent', 'exception')") == 0
    assert number("mail_mail", "email_to IS NOT NULL") == 0
    assert number("mail_mail", "state = 'exception' AND failure_type IS NOT NULL") > 0
    assert number("mail_message", "x_cio_content_redacted") > 0
    assert number("mail_mail_res_partner_rel") == 0


def check_senders(number: Any, counts: dict[str, dict[str, int]]) -> None:
    """Templates wait archived; what people chose by topic and number is on Odoo's own lists."""
    assert (
        number("mail_template", "x_cio_source IS NOT NULL AND NOT active")
        == counts["template"]["created"]
        == 4
    )
    assert number("mailing_subscription", "opt_out") > 0
    ours = "module = '__cio__' AND model = 'mailing.subscription'"
    assert number("ir_model_data", ours) == counts["subscription"]["created"]
    assert number("phone_blacklist") == counts["sms_optout"]["created"] > 0
    assert number("ir_attachment", "res_model = 'mailing.mailing'") == counts["document"]["created"] > 20
    assert number("x_cio_object") == counts["object"]["created"] > 0


def test_killed_again_and_again_it_ends_as_an_undisturbed_load(odoo, tmp_path: Path):
    workspace = Workspace(400)
    mails = odoo.send_queued_mail()
    migration = RealMigration(odoo, tmp_path)
    migration.load_through_kills(workspace, KILLS, random.Random(11))
    assert migration.misses() == []
    assert migration.reconciled().in_step
    assert max(in_database(odoo).values()) == 1
    disturbed = migration.snapshot()
    assert migration.roll_back_everything() == []
    migration.lose_ledger()
    migration.load(workspace)
    assert migration.snapshot() == disturbed
    assert migration.roll_back_everything() == []
    assert odoo.send_queued_mail() == mails
