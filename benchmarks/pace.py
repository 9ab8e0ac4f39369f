"""How much of its request budget the tap uses, and whether it keeps to it: by the sandbox's own clock."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import requests
from tables import print_table

from tap_customerio.sandbox import Settings, create_app
from tap_customerio.sandbox.server import Server
from tap_customerio.workspace import generate
from tap_customerio.workspace.load import Sandbox

PEOPLE = 2000
RATE = 10
PAUSE = 3
LATENCY_MS = 200
NOW = 1_760_000_000
LEAST = 0.95


def read(server: Server, folder: Path, *streams: str) -> dict[str, Any]:
    """Run the tap in a process of its own for these streams; what the sandbox counted."""
    config = {"app_api_key": "sandbox-app-key", "api_url": server.url, "requests_per_second": RATE}
    (folder / "config.json").write_text(json.dumps(config))
    tap = [Path(sys.executable).with_name("tap-customerio"), "--config", folder / "config.json"]
    catalog = json.loads(subprocess.run([*tap, "--discover"], check=True, capture_output=True).stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["stream"] in streams
    (folder / "catalog.json").write_text(json.dumps(catalog))
    requests.delete(f"{server.url}/_sandbox/stats", timeout=10)
    log = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*tap, "--catalog", folder / "catalog.json"], check=True, **log)  # type: ignore[call-overload]
    counted: dict[str, Any] = requests.delete(f"{server.url}/_sandbox/stats", timeout=10).json()
    return counted


def share(counted: dict[str, Any], paused: float = 0) -> float:
    """Requests that were made, as a share of those that the time allowed."""
    return float((counted["requests"] - 1) / ((counted["seconds"] - paused) * RATE))


def break_at(server: Server, **fault: Any) -> None:
    """Switch a failure on."""
    requests.post(f"{server.url}/_sandbox/faults", json=fault, timeout=10).raise_for_status()


def main() -> None:
    """Read a workspace under its limit: near, far away, and with a 429 on the way."""
    settings = Settings(clock=NOW, rate=RATE, rate_limit=False)
    with Server(create_app(settings)) as server, tempfile.TemporaryDirectory() as folder:
        Sandbox(server.url).load(generate(PEOPLE, now=NOW))
        settings.rate_limit = True
        plain = read(server, Path(folder), "people", "objects", "relationships")
        break_at(server, kind="slow", ms=LATENCY_MS, count=10_000)
        far = read(server, Path(folder), "objects", "relationships")
        requests.delete(f"{server.url}/_sandbox/faults", timeout=10)
        break_at(server, kind="status", status=429, retry_after=PAUSE, after=40, path="/v1/objects")
        held = read(server, Path(folder), "objects")
    runs = {
        "people, objects, relationships": (plain, 0),
        f"objects, relationships, {LATENCY_MS} ms away": (far, 0),
        f"objects, a 429 of {PAUSE} s": (held, PAUSE),
    }
    print_table(
        f"Pace at {RATE} requests a second, by the sandbox's clock",
        ("read", "requests", "seconds", "share of the budget", "most in a second", "429", "early after it"),
        [
            (
                name,
                f"{counted['requests']}",
                f"{counted['seconds']:.1f}",
                f"{share(counted, pause):.1%}",
                f"{counted['most_per_second']}",
                f"{counted['statuses'].get('429', 0)}",
                f"{counted['early']}",
            )
            for name, (counted, pause) in runs.items()
        ],
    )
    people = sum(
        number for call, number in plain["endpoints"].items() if call.startswith("POST /v1/customers")
    )
    print(f"Calls per 1,000 people: {people * 1000 / PEOPLE:g}")
    for counted, pause in runs.values():
        assert share(counted, pause) >= LEAST, "the budget was not used"
        assert counted["most_per_second"] <= RATE, "the budget was passed"
    assert not plain["statuses"].get("429")
    assert not far["statuses"].get("429")
    assert held["early"] == 0, "Retry-After was not followed"


if __name__ == "__main__":
    main()
