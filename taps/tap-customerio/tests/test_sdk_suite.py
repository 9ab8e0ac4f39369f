"""The Singer SDK's own tests of a tap."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_customerio.sandbox import Settings, create_app
from tap_customerio.sandbox.server import Server
from tap_customerio.tap import TapCustomerIO
from tap_customerio.workspace import generate
from tap_customerio.workspace.load import Sandbox

NOW = 1_760_000_000  # the sandbox's time in tests

_SERVER = Server(create_app(Settings(clock=NOW, rate_limit=False)))  # its address is needed below

_CONFIG = {
    "app_api_key": "sandbox-app-key",
    "requests_per_second": 5000,
    "api_url": _SERVER.url,
    "service_account_token": "sandbox-service-account",
    "ui_api_url": f"{_SERVER.url}/ui",
    "archived_messages_sample": 3,
    "warehouse_path": (_FILES := tempfile.TemporaryDirectory()).name,
    "routes": {"default": "api"},
}


def _everything() -> dict[str, Any]:
    """The catalogue with all streams selected, those too that are not by default."""
    catalog = TapCustomerIO(config=_CONFIG).catalog_dict
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = True
    return catalog


SingerTests = get_tap_test_class(
    TapCustomerIO,
    config=_CONFIG,
    catalog=_everything(),
    suite_config=SuiteConfig(max_records_limit=500),
)


@pytest.fixture(scope="module", autouse=True)
def _sandbox(write_warehouse: Callable[[Sandbox, Path], None]) -> Iterator[None]:
    with _SERVER:
        sandbox = Sandbox(_SERVER.url)
        sandbox.load(generate(30, now=NOW))
        write_warehouse(sandbox, Path(_FILES.name))
        yield
    _FILES.cleanup()


class TestTapCustomerIO(SingerTests):
    """All of them, against the sandbox."""
