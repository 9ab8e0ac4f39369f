"""The Singer target for Odoo."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, ClassVar

from singer_sdk import typing as th

from crmlift.singer.target import CrmTarget, settings
from target_odoo.client import OdooClient
from target_odoo.destination import OdooDestination
from target_odoo.handoff import OdooAdvisor
from target_odoo.kinds import BATCH


class TargetOdoo(CrmTarget):
    """Loads contacts, companies, tags and events into Odoo."""

    name = "target-odoo"
    config_jsonschema: ClassVar[dict[str, Any]] = settings(
        "odoo",
        th.Property(
            "url",
            th.StringType,
            required=True,
            title="URL",
            description="Address of the Odoo server, such as https://crm.example.com.",
        ),
        th.Property(
            "database",
            th.StringType,
            required=True,
            title="Database",
            description="Name of the database; on Odoo Online, the first part of the address.",
        ),
        th.Property(
            "api_key",
            th.StringType,
            required=True,
            secret=True,
            title="API key",
            description="Made under Preferences, Account Security; most users' keys expire within 90 days.",
        ),
        th.Property(
            "login",
            th.StringType,
            default="",
            title="Login",
            description="Login of the key's user: needed for Odoo 16 to 18 only.",
        ),
        th.Property(
            "allow_automations",
            th.BooleanType,
            default=False,
            title="Allow automations",
            description="Load although active automation rules watch the contacts: they may send messages.",
        ),
        th.Property(
            "batch_size",
            th.IntegerType,
            default=BATCH,
            title="Batch size",
            description="Rows per call. Make it smaller where the server ends calls by its time limit.",
        ),
        th.Property(
            "server_limit_s",
            th.IntegerType,
            default=120,
            title="Server limit",
            description="Seconds after which the server ends a call by itself (limit_time_real).",
        ),
        th.Property(
            "timeout_s",
            th.IntegerType,
            default=300,
            title="Timeout",
            description="Seconds to wait for an answer; keep it above the server's own limit.",
        ),
    )
    default_mapping: ClassVar[Traversable] = files("target_odoo") / "mapping.yml"
    rehearsal_rules: ClassVar[Traversable | None] = files("target_odoo") / "rehearsal.yml"
    advisor = OdooAdvisor()
    sandbox_config: ClassVar[Mapping[str, str]] = {
        "database": "sandbox",
        "api_key": "sandbox-key",
        "login": "admin",
    }

    @classmethod
    def destination(cls, config: Mapping[str, Any], workspace: str) -> OdooDestination:
        """Return the database that the settings name."""
        client = OdooClient(
            config["url"],
            config["database"],
            config["api_key"],
            config.get("login") or "",
            timeout_s=float(config.get("timeout_s", 300)),
            server_limit_s=float(config.get("server_limit_s", 120)),
        )
        return OdooDestination(
            client,
            workspace,
            allow_automations=bool(config.get("allow_automations", False)),
            batch_size=int(config.get("batch_size", BATCH)),
        )
