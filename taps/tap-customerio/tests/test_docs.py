"""The README says what the tap does."""

from __future__ import annotations

from pathlib import Path

from tap_customerio.sandbox import Settings
from tap_customerio.streams import STREAMS
from tap_customerio.tap import TapCustomerIO

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SDK = {"stream_maps", "stream_map_config", "faker_config", "flattening_enabled", "batch_config"}


def test_every_setting_is_documented():
    own = TapCustomerIO.config_jsonschema["properties"].items()
    settings = {
        name: schema for name, schema in own if name not in SDK and not name.startswith("flattening_")
    }
    assert {"app_api_key", "max_tries"} <= settings.keys()
    options = README.split("### Accepted options")[1]
    for name, schema in settings.items():
        row = next(line for line in options.splitlines() if line.startswith(f"| `{name}` |"))
        assert schema["description"] in row or name == "region"


def test_every_stream_is_documented_in_order():
    table = README.split("| stream | key |")[1].split("## Installation")[0]
    rows = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    assert rows == [stream.name for stream in STREAMS]
    for stream in STREAMS:
        row = next(line for line in README.splitlines() if line.startswith(f"| `{stream.name}` |"))
        assert all(f"`{key}`" in row for key in stream.primary_keys)
        assert ("not selected by default" in row) is not stream.selected_by_default


def test_every_sandbox_setting_is_documented():
    section = README.split("CUSTOMERIO_SANDBOX_<NAME>")[1]
    assert all(f"`{name.upper()}`" in section for name in Settings.__dataclass_fields__)
