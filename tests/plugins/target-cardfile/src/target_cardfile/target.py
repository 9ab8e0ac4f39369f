"""The Singer target for Cardfile."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, ClassVar

from singer_sdk import typing as th

from crmlift.singer.target import CrmTarget, settings
from target_cardfile.client import CardfileClient
from target_cardfile.destination import BATCH, CardfileDestination
from target_cardfile.handoff import CardfileAdvisor


class TargetCardfile(CrmTarget):
    """Loads people, companies, tags and notes into Cardfile."""

    name = "target-cardfile"
    config_jsonschema: ClassVar[dict[str, Any]] = settings(
        "cardfile",
        th.Property("url", th.StringType, required=True, title="URL", description="Address of the API."),
        th.Property(
            "api_key", th.StringType, required=True, secret=True, title="API key", description="May write."
        ),
        th.Property(
            "batch_size", th.IntegerType, default=BATCH, title="Batch size", description="Rows per call."
        ),
    )
    default_mapping: ClassVar[Traversable] = files("target_cardfile") / "mapping.yml"
    advisor = CardfileAdvisor()
    sandbox_config: ClassVar[Mapping[str, str | int]] = {"api_key": "sandbox-key"}

    @classmethod
    def destination(cls, config: Mapping[str, Any], workspace: str) -> CardfileDestination:
        """Return the account that the settings name."""
        client = CardfileClient(config["url"], config["api_key"])
        return CardfileDestination(client, workspace, int(config.get("batch_size", BATCH)))
