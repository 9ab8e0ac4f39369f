"""The Singer target for Salesforce."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, ClassVar

from singer_sdk import typing as th

from crmlift.singer.target import CrmTarget, settings
from target_salesforce.client import API_VERSION, Login, SalesforceClient
from target_salesforce.destination import SalesforceDestination
from target_salesforce.entities import BATCH, BULK_FROM
from target_salesforce.handoff import SalesforceAdvisor

LOGIN_URL = "https://login.salesforce.com"


class TargetSalesforce(CrmTarget):
    """Loads leads, contacts, accounts, campaigns and tasks into Salesforce."""

    name = "target-salesforce"
    config_jsonschema: ClassVar[dict[str, Any]] = settings(
        "salesforce",
        th.Property(
            "url",
            th.StringType,
            required=True,
            title="URL",
            description="My Domain address of the org, such as https://acme.my.salesforce.com.",
        ),
        th.Property(
            "client_id",
            th.StringType,
            required=True,
            title="Client id",
            description="Consumer key of the External Client App.",
        ),
        th.Property(
            "client_secret",
            th.StringType,
            secret=True,
            title="Client secret",
            description="Consumer secret: for the client credentials flow, or with a refresh token.",
        ),
        th.Property(
            "private_key",
            th.StringType,
            secret=True,
            title="Private key",
            description="RSA key (PEM) whose certificate the app holds: for the JWT bearer flow.",
        ),
        th.Property(
            "username",
            th.StringType,
            title="Username",
            description="User that a private key signs for; the app must be pre-authorised for it.",
        ),
        th.Property(
            "refresh_token",
            th.StringType,
            secret=True,
            title="Refresh token",
            description="Token of the web server flow, where neither of the other two can be had.",
        ),
        th.Property(
            "login_url",
            th.StringType,
            default=LOGIN_URL,
            title="Login URL",
            description="Audience of a signed login: https://test.salesforce.com for a sandbox org.",
        ),
        th.Property(
            "api_version",
            th.StringType,
            default=API_VERSION,
            title="API version",
            description="Version of the API to speak.",
        ),
        th.Property(
            "allow_automations",
            th.BooleanType,
            default=False,
            title="Allow automations",
            description="Load although flows or triggers watch the records: they may send messages.",
        ),
        th.Property(
            "batch_size",
            th.IntegerType,
            default=BATCH,
            title="Batch size",
            description="Rows that are settled at once.",
        ),
        th.Property(
            "bulk_from",
            th.IntegerType,
            default=BULK_FROM,
            title="Bulk from",
            description="Rows from which on a Bulk API 2.0 job is used instead of calls of 200.",
        ),
        th.Property(
            "timeout_s",
            th.IntegerType,
            default=300,
            title="Timeout",
            description="Seconds to wait for an answer.",
        ),
    )
    default_mapping: ClassVar[Traversable] = files("target_salesforce") / "mapping.yml"
    advisor = SalesforceAdvisor()
    rehearsal_rules: ClassVar[Traversable | None] = files("target_salesforce") / "rehearsal.yml"
    sandbox_config: ClassVar[Mapping[str, str]] = {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
    }

    @classmethod
    def destination(cls, config: Mapping[str, Any], workspace: str) -> SalesforceDestination:
        """Return the org that the settings name."""
        login = Login(
            config["client_id"],
            client_secret=config.get("client_secret") or "",
            refresh_token=config.get("refresh_token") or "",
            username=config.get("username") or "",
            private_key=config.get("private_key") or "",
            audience=config.get("login_url") or LOGIN_URL,
        )
        client = SalesforceClient(
            config["url"],
            login,
            api_version=str(config.get("api_version") or API_VERSION),
            timeout_s=float(config.get("timeout_s", 300)),
        )
        return SalesforceDestination(
            client,
            workspace,
            allow_automations=bool(config.get("allow_automations", False)),
            batch_size=int(config.get("batch_size", BATCH)),
            bulk_from=int(config.get("bulk_from", BULK_FROM)),
        )
