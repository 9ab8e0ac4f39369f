"""Deploying a package of metadata, all of it or nothing, over REST."""

from __future__ import annotations

import json
import time

from crmlift.errors import ConfigError
from target_salesforce.client import SalesforceClient

_OPTIONS = {"rollbackOnError": True, "singlePackage": True, "testLevel": "NoTestRun"}
_PATH = "/metadata/deployRequest"
_TRIES = 60


def deploy(client: SalesforceClient, archive: bytes) -> None:
    """Deploy a zip with its package.xml and wait until it is done. Raises ConfigError where it is refused."""
    files = {
        "json": (None, json.dumps({"deployOptions": _OPTIONS}), "application/json"),
        "file": ("deploy.zip", archive, "application/zip"),
    }
    request = client.call("deploy", "POST", _PATH, files=files)["id"]
    for attempt in range(_TRIES):
        found = client.call("deploy", "GET", f"{_PATH}/{request}", params={"includeDetails": "true"})
        result = found["deployResult"]
        if result["done"]:
            break
        time.sleep(min(5.0, client.backoff_s * 2**attempt))
    if not result.get("success"):
        # These texts are about names and types of components, not about anybody's data.
        failures = result.get("details", {}).get("componentFailures") or [
            {"problem": result.get("errorMessage")}
        ]
        raise ConfigError(f"Salesforce refuses a change of its schema: {failures[0]['problem']}")
