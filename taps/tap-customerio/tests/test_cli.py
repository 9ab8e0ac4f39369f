"""The tap as a program: what goes to stdout, what goes to stderr."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from singer_sdk.exceptions import ConfigValidationError

from tap_customerio.tap import TapCustomerIO

COMMAND = [sys.executable, "-c", "from tap_customerio.tap import TapCustomerIO; TapCustomerIO.cli()"]


def run(*arguments, **environment):
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )


def test_a_run_prints_singer_messages_only(sandbox):
    done = run(
        "--config=ENV",
        TAP_CUSTOMERIO_APP_API_KEY="sandbox-app-key",
        TAP_CUSTOMERIO_API_URL=sandbox.url,
        TAP_CUSTOMERIO_REQUESTS_PER_SECOND="1000",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert {message["type"] for message in messages} == {"SCHEMA", "RECORD", "STATE"}
    people = [m["record"] for m in messages if m["type"] == "RECORD" and m["stream"] == "people"]
    assert len(people) == 40
    assert "sandbox-app-key" not in done.stdout + done.stderr
    assert not any(person["email"] in done.stderr for person in people if person["email"])


def test_a_wrong_key_ends_the_run_with_the_reason(sandbox, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"app_api_key": "some-other-key", "api_url": sandbox.url}))
    done = run("--config", str(config))
    assert done.returncode == 1
    assert "Either the key is wrong, or it belongs to the other region" in done.stderr
    assert "some-other-key" not in done.stderr


def test_a_key_to_which_everything_is_closed_ends_the_run_with_what_to_do(make_sandbox, tmp_path):
    sandbox = make_sandbox(people=5, forbidden="/v1")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"app_api_key": "sandbox-app-key", "api_url": sandbox.url}))
    done = run("--config", str(config))
    assert done.returncode == 1
    assert "nothing could be read, for everything was refused: GET /v1/workspaces: HTTP 403" in done.stderr
    assert "Make an App API key with a wider scope" in done.stderr
    sandbox.settings.forbidden = ",".join(f"/v1/{part}" for part in ("customers", "messages", "segments"))
    assert run("--config", str(config)).returncode == 0


def test_settings_are_checked_before_anything_is_asked():
    with pytest.raises(ConfigValidationError) as caught:
        TapCustomerIO(config={"region": "mars", "requests_per_second": 0})
    text = " ".join(caught.value.errors)
    assert "app_api_key" in text
    assert "'mars' is not one of ['us', 'eu']" in text
    assert "0 is less than the minimum of 1" in text


def test_discovery_describes_every_stream_and_marks_personal_data():
    tap = TapCustomerIO(config={"app_api_key": "test-key", "service_account_token": "test-key"})
    catalog = {stream["stream"]: stream for stream in tap.catalog_dict["streams"]}
    assert list(catalog)[:4] == ["workspaces", "object_types", "objects", "people"]
    personal = {name for name, s in catalog.items() if "personal data" in s["schema"]["description"]}
    assert personal == {
        "people",
        "relationships",
        "segment_memberships",
        "subscription_preferences",
        "optouts",
        "esp_suppressions",
        "consent",
        "broadcast_trigger_status",
        "broadcast_errors",
        "exports",
        "suppressions",
        "journey_versions",
        "journey_subjects",
        "imports",
        "audit_logs",
        "activities",
        "deliveries",
        "archived_messages",
        "suppressed_profiles",
        "attribute_changes",
        "subjects",
        "outputs",
        "delivery_metrics",
        "delivery_contents",
    }
    for stream in catalog.values():
        for name, schema in stream["schema"]["properties"].items():
            assert schema["description"]
            assert ("null" in schema["type"]) is (name not in stream["key_properties"])


@pytest.mark.parametrize(
    ("region", "url"), [("us", "https://api.customer.io"), ("eu", "https://api-eu.customer.io")]
)
def test_the_region_chooses_the_host(region, url):
    assert TapCustomerIO(config={"app_api_key": "test-key", "region": region}).run.client.api_url == url


def test_a_signal_ends_the_run_at_once_though_everybody_waits(sandbox, tmp_path):
    sandbox.fault("status", status=429, retry_after=3600, count=100, path="/v1/customers")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"app_api_key": "sandbox-app-key", "api_url": sandbox.url}))
    tap = subprocess.Popen(
        [*COMMAND, "--config", str(config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    for line in tap.stderr:
        if b"HTTP 429" in line:
            tap.send_signal(signal.SIGTERM)
            break
    tap.communicate(timeout=60)
    assert tap.returncode == 128 + signal.SIGTERM
