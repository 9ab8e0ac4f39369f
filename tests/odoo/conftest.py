"""A real Odoo 19 for the tests in this folder; `make test-odoo` sets it up before.

Each test module works in a database of its own, a copy of the lab's seed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from odoo_lab import Lab

HERE = Path(__file__).parent

# What a migration into Odoo may touch, and what it must leave alone. All rows, all columns: Odoo's own
# bookkeeping of who wrote when is part of "as before", for nobody may have written.
WATCHED = {
    "res_partner": "SELECT * FROM res_partner",
    "res_partner_category": "SELECT * FROM res_partner_category",
    "res_partner_res_partner_category_rel": "SELECT * FROM res_partner_res_partner_category_rel",
    "external ids": "SELECT * FROM ir_model_data WHERE module = '__cio__'",
    "custom fields": "SELECT model, name, ttype FROM ir_model_fields WHERE state = 'manual'",
    "custom models": "SELECT model FROM ir_model WHERE state = 'manual'",
    "mail_mail": "SELECT * FROM mail_mail",
    "mail_message": "SELECT * FROM mail_message",
    "mail_activity": "SELECT * FROM mail_activity",
    "mail_blacklist": "SELECT * FROM mail_blacklist",
    "mailing_mailing": "SELECT * FROM mailing_mailing",
    "mailing_trace": "SELECT * FROM mailing_trace",
    "mailing_list": "SELECT * FROM mailing_list",
    "mailing_contact": "SELECT * FROM mailing_contact",
    "mailing_subscription": "SELECT * FROM mailing_subscription",
    "mail_template": "SELECT * FROM mail_template",
    "ir_attachment": "SELECT * FROM ir_attachment WHERE res_model = 'mailing.mailing'",
    "phone_blacklist": "SELECT * FROM phone_blacklist",
    "custom views": "SELECT id FROM ir_ui_view WHERE name LIKE 'crmlift.%'",
    "custom menus": "SELECT id FROM ir_ui_menu WHERE name::text LIKE '%Customer.io%'",
    "custom actions": "SELECT id FROM ir_act_window WHERE name::text LIKE '%Customer.io%'",
    "utm_source": "SELECT * FROM utm_source",
    "crm_lead": "SELECT * FROM crm_lead",
    "mail_followers": "SELECT * FROM mail_followers",
    "mail_notification": "SELECT * FROM mail_notification",
    "sms_sms": "SELECT * FROM sms_sms",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.odoo)


@dataclass(frozen=True)
class Fingerprint:
    """How many rows a table has and what is in them."""

    rows: int
    content: str


class Odoo:
    """One database of the running lab, seen from outside crmlift."""

    def __init__(self, lab: Lab, run: dict[str, Any], database: str) -> None:
        self.lab = lab
        self.url: str = run["url"]
        self.database = database
        self.api_key: str = run["api_key"]
        self.clerk_api_key: str = run["clerk_api_key"]
        """Of a user who may write contacts and tags, and nothing else."""
        self._session = requests.Session()

    @property
    def settings(self) -> dict[str, str]:
        """The settings of target-odoo for this database."""
        return {"url": self.url, "database": self.database, "api_key": self.api_key}

    def call(self, model: str, method: str, **arguments: Any) -> Any:
        """Call a method over JSON-2, as a plain client would."""
        answer = self._session.post(
            f"{self.url}/json/2/{model}/{method}",
            json=arguments,
            headers={"Authorization": f"bearer {self.api_key}", "X-Odoo-Database": self.database},
            timeout=120,
        )
        assert answer.ok, f"{model}.{method}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def query(self, select: str) -> list[dict[str, Any]]:
        """Read straight from PostgreSQL."""
        return self.lab.query(self.database, select)

    def fingerprints(self, *without: str) -> dict[str, Fingerprint]:
        """Return count and content of every watched table, `without` these columns.

        Two equal results mean that no row was added, lost or changed in between.
        """
        drop = "".join(f" - '{column}'" for column in without)
        found = {}
        for name, select in WATCHED.items():
            (row,) = self.query(
                "SELECT count(*) AS rows,"
                " md5(coalesce(string_agg(line, chr(10) ORDER BY line), '')) AS content"
                f" FROM (SELECT (to_jsonb(t){drop})::text AS line FROM ({select}) t) lines"
            )
            found[name] = Fingerprint(row["rows"], row["content"])
        return found

    def contents(self, *without: str) -> dict[str, Fingerprint]:
        """Return count and content of every table of the database, `without` these columns.

        Left out are the signals between Odoo's processes, and its jobs: tests run them, and each new lead
        wakes the one that enriches leads that nobody marked (crm_iap_enrich).
        """
        drop = "".join(f" - '{column}'" for column in without)
        tables = self.query(
            "SELECT tablename AS name FROM pg_tables"
            " WHERE schemaname = 'public' AND tablename NOT LIKE 'orm_%' AND tablename NOT LIKE 'ir_cron%'"
        )
        union = " UNION ALL ".join(
            f"SELECT '{row['name']}' AS name, count(*) AS rows,"
            f" md5(coalesce(string_agg(line, chr(10) ORDER BY line), '')) AS content"
            f' FROM (SELECT (to_jsonb(t){drop})::text AS line FROM "{row["name"]}" t) lines'
            for row in tables
        )
        return {row["name"]: Fingerprint(row["rows"], row["content"]) for row in self.query(union)}

    def execute(self, statement: str) -> None:
        """Change the database behind Odoo's back."""
        self.lab.cluster.execute(self.database, statement)

    def send_queued_mail(self) -> int:
        """Run Odoo's mail and SMS queues, as its hourly jobs would; return how many mails left so far."""
        jobs = self.call(
            "ir.cron",
            "search",
            domain=["|", ["code", "like", "process_email_queue"], ["code", "like", "_process_queue"]],
            context={"active_test": False},
        )
        assert jobs, "this Odoo has no job that sends queued mail"
        for job in jobs:
            self.call("ir.cron", "method_direct_trigger", ids=[job])
        return self.lab.mails()


@pytest.fixture(scope="session")
def odoo_lab() -> Iterator[Lab]:
    """The running lab; stopped at the end, unless it ran before."""
    lab = Lab()
    ran_before = lab.running() is not None
    lab.setup()
    lab.start()
    yield lab
    if not ran_before:
        lab.stop()


@pytest.fixture(scope="module")
def odoo(odoo_lab: Lab, request: pytest.FixtureRequest) -> Iterator[Odoo]:
    """A fresh database of the lab, for one test module."""
    database = "lab_" + re.sub(r"\W+", "_", request.module.__name__).lower()[-40:]
    odoo_lab.reset(database)
    run = odoo_lab.running()
    assert run
    yield Odoo(odoo_lab, run, database)
    odoo_lab.drop(database)
