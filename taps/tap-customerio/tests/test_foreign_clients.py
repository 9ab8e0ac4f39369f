"""Other vendors' clients read the sandbox, and find in it what the tap finds.

The vendor's Python client (`customerio`) writes the bundled workspace in all tests; here its Node client and
Airbyte's extractor read. Each is installed once into a place of its own, for pins may conflict with ours, and
nothing of them is shipped. Where that cannot be done, the tests are skipped; the large one, unless wanted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from filelock import FileLock

from tap_customerio.webhooks.signature import sign

NODE = "customerio-node@5.2.0"
# The kit that the extractor asks for does not load with Python 3.11; its manifest runs with today's.
AIRBYTE = ("airbyte-cdk==7.39.1", "airbyte-source-customer-io==0.2.15")
HERE = Path(__file__).parent
NOW = 1_760_000_000  # the sandbox's time in tests
PLACE = Path(__file__).parents[3] / ".cache" / "foreign"
_SECONDS = 600


def _run(command: Sequence[str | Path]) -> str:
    """Run a step of an installation; what went wrong, or nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    return (done.stderr or done.stdout).strip()[-300:] if done.returncode else ""


def _installed(name: str, steps: Sequence[Sequence[str | Path]]) -> Path:
    """The folder of an installation; a half-made one is made again. Skips the test where it fails."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with FileLock(PLACE / f"{name}.lock"):
        return _installed_once(name, steps)


def _installed_once(name: str, steps: Sequence[Sequence[str | Path]]) -> Path:
    folder = PLACE / name
    stamp = folder / "installed"
    if not stamp.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for step in steps:
            if problem := _run(step):
                pytest.skip(f"{name} cannot be installed: {problem}")
        stamp.touch()
    return folder


def npm(package: str) -> Path:
    """The folder with a package of npm; `node` is to be run in it."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not there")
    folder = PLACE / package.replace("/", "-")
    command = ["npm", "install", "--prefix", folder, "--no-save", "--no-package-lock", "--no-audit", package]
    return _installed(folder.name, [command])


def pip(*requirements: str) -> Path:
    """The interpreter of a virtualenv with packages of PyPI, the last one without what it depends on.

    It takes minutes and hundreds of megabytes, so only where it is wanted.
    """
    name = requirements[-1].replace("==", "-")
    if not (PLACE / name / "installed").exists() and not os.environ.get("FOREIGN_CLIENTS"):
        pytest.skip(f"{name} is not installed; with FOREIGN_CLIENTS=1 in the environment it will be")
    python = PLACE / name / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    steps: list[list[str | Path]] = [
        [sys.executable, "-m", "venv", PLACE / name],
        [*install, *requirements[:-1]],
        [*install, "--no-deps", requirements[-1]],
    ]
    return _installed(name, steps) / "bin" / "python"


@pytest.fixture(scope="module")
def node(shared, everything):
    """What the vendor's Node client reads."""
    folder = npm(NODE)
    person = next(one for one in everything.records["people"] if one["email"])
    body = '{"metric":"opened","data":{"subject":"Grüße"}}'
    given = {
        "now": NOW,
        "cioId": person["cio_id"],
        "email": person["email"],
        "webhook": {
            "signingSecret": "test-key",
            "timestamp": NOW,
            "body": body,
            "signature": sign("test-key", str(NOW), body.encode()),
        },
    }
    done = subprocess.run(
        ["node", HERE / "foreign_node.cjs", shared.url, "sandbox-app-key", json.dumps(given)],
        env=os.environ | {"NODE_PATH": str(folder / "node_modules")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout) | {"asked_for": person}


def ids(records, key="id"):
    return sorted(str(record[key]) for record in records)


@pytest.mark.parametrize(
    ("theirs", "stream", "where"),
    [
        ("object_types", "object_types", {}),
        ("segments", "segments", {}),
        ("topics", "subscription_topics", {}),
        ("campaigns", "campaigns", {}),
        ("campaign_actions", "campaign_actions", {"campaign_id": 2}),
        ("broadcasts", "broadcasts", {}),
        ("broadcast_actions", "broadcast_actions", {"broadcast_id": 51}),
        ("broadcast_triggers", "broadcast_triggers", {"broadcast_id": 51}),
        ("newsletters", "newsletters", {}),
        ("newsletter_contents", "newsletter_contents", {"newsletter_id": 1}),
        ("test_groups", "newsletter_test_groups", {"newsletter_id": 1}),
        ("transactional", "transactional_messages", {}),
        ("transactional_contents", "transactional_contents", {"transactional_message_id": 1}),
        ("studio_emails", "design_studio_emails", {}),
        ("studio_components", "design_studio_components", {}),
        ("studio_folders", "design_studio_folders", {}),
        ("collections", "collections", {}),
        ("exports", "exports", {}),
    ],
)
def test_the_vendors_node_client_lists_what_the_tap_lists(node, everything, theirs, stream, where):
    ours = [one for one in everything.records[stream] if where.items() <= one.items()]
    assert ids(node[theirs]) == ids(ours) != []


def test_it_finds_the_same_people_and_members(node, everything):
    assert ids(node["people"], "cio_id") == ids(everything.records["people"], "cio_id")
    members = [one for one in everything.records["segment_memberships"] if one["segment_id"] == 1]
    assert ids(node["members"], "cio_id") == ids(members, "cio_id")
    assert node["count"] == len(members)
    asked_for = node["asked_for"]
    assert asked_for["cio_id"] in ids(node["by_email"], "cio_id")
    assert node["attributes"]["attributes"] == asked_for["attributes"]
    assert node["attributes"]["devices"] == asked_for["devices"]
    assert node["preferences"]["identifiers"]["cio_id"] == asked_for["cio_id"]


def test_it_finds_the_same_objects_and_relationships(node, everything):
    companies = [one for one in everything.records["objects"] if one["object_type_id"] == "1"]
    assert ids(node["objects"], "cio_object_id") == ids(companies, "cio_object_id")
    (first,) = [one for one in companies if one["object_id"] == "company-001"]
    assert node["object"]["attributes"] == first["attributes"]
    related = [
        one for one in everything.records["relationships"] if one["cio_object_id"] == first["cio_object_id"]
    ]
    assert sorted(one["identifiers"]["cio_id"] for one in node["related"]) == ids(related, "cio_id")


def test_it_finds_the_same_events(node, everything):
    events = [one for one in everything.records["activities"] if one["type"] == "event"]
    assert ids(node["activities"]) == ids(events)


@pytest.mark.parametrize(
    ("theirs", "stream", "where"),
    [
        ("campaign_links", "campaign_link_metrics", {"campaign_id": 1}),
        ("action_links", "campaign_action_link_metrics", {"campaign_id": 1, "action_id": 101}),
        ("broadcast_links", "broadcast_link_metrics", {"broadcast_id": 51}),
        ("newsletter_links", "newsletter_link_metrics", {"newsletter_id": 1}),
        ("transactional_links", "transactional_link_metrics", {"transactional_message_id": 2}),
    ],
)
def test_it_finds_the_same_links(node, everything, theirs, stream, where):
    ours = {
        one["link_id"]: one["series"] for one in everything.records[stream] if where.items() <= one.items()
    }
    assert {one["link"]["id"]: one["metric"]["series"] for one in node[theirs]} == ours != {}


def test_it_gets_metrics_in_their_forms(node):
    for name in ("campaign_metrics", "action_metrics"):
        assert node[name]["res"] == "months"
        assert "sent" in node[name]["series"]
    assert node["journey_metrics"]["messaged"]
    assert "series" in node["broadcast_metrics"]
    assert (node["trigger_status"]["id"], len(node["trigger_errors"])) == ("1", 10)


def test_it_accepts_the_signature_that_the_receiver_checks(node):
    assert node["signature"] is True


@pytest.fixture(scope="module")
def airbyte(shared):
    """What Airbyte's extractor reads, by stream."""
    python = pip(*AIRBYTE)
    done = subprocess.run(
        [python, HERE / "foreign_airbyte.py", shared.url, "sandbox-app-key"],
        capture_output=True,
        text=True,
        timeout=180,
    )
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found: dict[str, list[dict[str, object]]] = {}
    for message in messages:
        if message["type"] == "RECORD":
            record = message["record"]
            found.setdefault(record["stream"], []).append(record["data"])
    return found


@pytest.mark.parametrize("stream", ["campaigns", "newsletters"])
def test_airbytes_extractor_reads_what_the_tap_reads(airbyte, everything, stream):
    assert ids(airbyte[stream]) == ids(everything.records[stream]) != []


def test_the_tap_reads_the_actions_that_airbytes_extractor_leaves_out(airbyte, everything):
    # It does not follow the cursor, so that a campaign's eleventh action and those after it are lost.
    theirs = ids(airbyte["campaigns_actions"])
    ours = ids(everything.records["campaign_actions"])
    assert set(theirs) < set(ours)
    assert set(ours) - set(theirs) == {"211", "212", "213"}
