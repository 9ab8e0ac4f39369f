"""Run with the interpreter that has airbyte-source-customer-io: its own manifest, with another address."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import source_customer_io
from airbyte_cdk.entrypoint import launch
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource

url, key = sys.argv[1:]
manifest = (Path(source_customer_io.__file__).parent / "manifest.yaml").read_text()
assert "https://api.customer.io/v1" in manifest
STREAMS = ("campaigns", "campaigns_actions", "newsletters")

with TemporaryDirectory() as folder:
    place = Path(folder)
    (place / "manifest.yaml").write_text(manifest.replace("https://api.customer.io/v1", f"{url}/v1"))
    (place / "config.json").write_text(json.dumps({"app_api_key": key}))
    streams = [
        {
            "stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
            "sync_mode": "full_refresh",
            "destination_sync_mode": "overwrite",
        }
        for name in STREAMS
    ]
    (place / "catalog.json").write_text(json.dumps({"streams": streams}))
    source = YamlDeclarativeSource(str(place / "manifest.yaml"), config={"app_api_key": key})
    launch(source, ["read", "--config", f"{folder}/config.json", "--catalog", f"{folder}/catalog.json"])
