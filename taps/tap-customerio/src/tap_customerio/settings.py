"""The settings of the tap."""

from __future__ import annotations

from singer_sdk import typing as th

SETTINGS = th.PropertiesList(
    th.Property(
        "app_api_key",
        th.StringType(nullable=False),
        required=True,
        secret=True,
        title="App API key",
        description="Key of the workspace: Settings > API credentials > App API keys.",
    ),
    th.Property(
        "region",
        th.StringType(nullable=False),
        default="us",
        allowed_values=["us", "eu"],
        title="Region",
        description="Where the workspace's data is kept.",
    ),
    th.Property(
        "api_url",
        th.StringType,
        title="API address",
        description="Another address of the App API, such as a sandbox's; replaces the region's.",
    ),
    th.Property(
        "start_date",
        th.DateTimeType,
        title="Start date",
        description="Activities and deliveries before this are not read.",
    ),
    th.Property(
        "requests_per_second",
        th.IntegerType(nullable=False, minimum=1),
        default=10,
        title="Requests per second",
        description="Budget of the whole tap. The App API allows 10 per workspace, shared with others.",
    ),
    th.Property(
        "max_workers",
        th.IntegerType(nullable=False, minimum=1, maximum=64),
        default=8,
        title="Requests side by side",
        description="How many requests may be under way at once, within the budget.",
    ),
    th.Property(
        "activity_types",
        th.ArrayType(th.StringType),
        default=["event", "page", "screen", "attribute_change", "profile_delete", "profile_merge"],
        title="Activity types",
        description="Types of activities to read.",
    ),
    th.Property(
        "activities_lookback_hours",
        th.IntegerType(nullable=False, minimum=0),
        default=24,
        title="Look-back for activities",
        description="How far before the bookmark to read again, for events that arrive late.",
    ),
    th.Property(
        "deliveries_reread_days",
        th.IntegerType(nullable=False, minimum=0),
        default=30,
        title="Re-read of deliveries",
        description="How many days before the bookmark to read again, for metrics that arrive late.",
    ),
    th.Property(
        "deliveries_start",
        th.DateTimeType,
        default="2012-01-01T00:00:00Z",
        title="First deliveries",
        description="Where the first run begins, without a start date; half a year costs one request.",
    ),
    th.Property(
        "memory_file",
        th.StringType,
        title="Memory file",
        description="File of content hashes: people, relationships, memberships then come if changed.",
    ),
    th.Property(
        "full_scan_every_days",
        th.IntegerType(nullable=False, minimum=0),
        default=7,
        title="Full scan of people",
        description="With a memory file, people between full scans are those whom activities name.",
    ),
    th.Property(
        "workspace_id",
        th.IntegerType,
        title="Workspace",
        description="Number of the key's workspace, to check counts by, where the account has several.",
    ),
    th.Property(
        "sending_domains",
        th.ArrayType(th.StringType),
        title="Sending domains",
        description="Domains whose suppressed addresses to read; all that the API lists, without.",
    ),
    th.Property(
        "preferences_per_person",
        th.BooleanType(nullable=False),
        default=False,
        title="Preferences person by person",
        description="Ask for each person's topics, defaults included: one more request per person.",
    ),
    th.Property(
        "archived_messages_sample",
        th.IntegerType(nullable=False, minimum=0, maximum=100),
        default=0,
        title="Sample of bodies",
        description="How many message bodies to read as sent, one per template; the API has 100 a day.",
    ),
    th.Property(
        "routes",
        th.ObjectType(
            additional_properties=th.StringType(
                allowed_values=["api", "export", "warehouse", "ui_api", "auto"]
            )
        ),
        title="Routes",
        description="Route by stream, and `default`: `api`, `export`, `warehouse`, or `auto` by cost.",
    ),
    th.Property(
        "exports",
        th.BooleanType(nullable=False),
        default=False,
        title="Exports",
        description="Allow the route `export`: each export leaves a row in the workspace's list of them.",
    ),
    th.Property(
        "warehouse_path",
        th.StringType,
        title="Warehouse files",
        description="Folder, or address of a bucket such as `s3://name/folder`, with data-warehouse files.",
    ),
    th.Property(
        "warehouse_options",
        th.ObjectType(additional_properties=True),
        secret=True,
        title="Options of the bucket",
        description="What fsspec needs to open the bucket, such as `key` and `secret` for S3.",
    ),
    th.Property(
        "webhook_events_path",
        th.StringType,
        title="Events of webhooks",
        description="Folder of the webhook receiver: its events become activities, and find late metrics.",
    ),
    th.Property(
        "request_timeout_seconds",
        th.IntegerType(nullable=False, minimum=1),
        default=60,
        title="Timeout",
        description="Seconds to wait for an answer.",
    ),
    th.Property(
        "max_tries",
        th.IntegerType(nullable=False, minimum=1),
        default=8,
        title="Tries",
        description="How often to send a request that fails for a passing reason.",
    ),
    th.Property("user_agent", th.StringType, title="User agent", description="User agent to send."),
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
