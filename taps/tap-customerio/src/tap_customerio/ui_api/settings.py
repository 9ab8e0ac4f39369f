"""Settings of the UI API; its region is the tap's."""

from __future__ import annotations

from singer_sdk import typing as th

SETTINGS = (
    th.Property(
        "service_account_token",
        th.StringType,
        secret=True,
        title="Service-account token",
        description="Read-only token of a service account, for journeys and what else only the UI shows.",
    ),
    th.Property(
        "environment_id",
        th.IntegerType,
        title="Environment",
        description="Number of the workspace to read with it, where the token reaches several.",
    ),
    th.Property(
        "ui_api_url",
        th.StringType,
        title="UI API address",
        description="Another address of the UI API, such as a sandbox's; replaces the region's.",
    ),
)
