"""A million events as tasks through Bulk API 2.0 jobs: memory of the target, and calls against the fewest.

`python benchmarks/salesforce.py [EVENTS]`; one million takes some ten minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
from tables import print_table

from crmlift.sandbox.server import serve
from crmlift.testing.conformance import Migration
from crmlift.testing.workspace import KEYS, NOW
from target_salesforce.target import TargetSalesforce

EVENTS = 1_000_000
PEOPLE = 1_000
PER_JOB = 5
"""Calls that a job of 10,000 rows needs: open, upload, close, ask, fetch the successes."""
PER_CALL = 200
STATE_EVERY = 1_000


def main(events: int = EVENTS) -> None:
    """Run the target as a process over generated messages; look at its memory on the way."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"SALESFORCE_SANDBOX_DB": f"{folder}/org.db"}
        with serve("target_salesforce.sandbox:create_app", env) as server:
            migration = Migration(TargetSalesforce, server, Path(folder), {})
            server.post("/_sandbox/org", {"api_calls": 10_000_000, "storage_mb": 1_000_000})
            rss, peak, seconds = _run(migration, events)
            stats = server.stats()
    requests = stats["requests"]
    jobs = stats["calls"]["Task.job"]
    of_jobs = sum(number for path, number in requests.items() if "/jobs/ingest" in path)
    # The one look for jobs that a broken-off run may have left.
    of_jobs -= requests.get("/services/data/v66.0/jobs/ingest", 0) - jobs - _others(stats["calls"])
    print_table(
        f"{events:,} events as tasks in {seconds:,.0f} s",
        ("after", "memory of the target, MB"),
        [(f"{share:.0%}", f"{megabytes:,.0f}") for share, megabytes in rss] + [("peak", f"{peak:,.0f}")],
    )
    per_job = of_jobs / (jobs + _others(stats["calls"]))
    print(f"Calls per job to the fewest: {per_job:.2f} / {PER_JOB} = {per_job / PER_JOB:.2f}")
    total = sum(requests.values())
    print(f"All calls of the run: {total:,}, that is {1000 * total / events:.2f} per 1,000 events")


def _others(calls: dict[str, int]) -> int:
    return sum(number for name, number in calls.items() if name.endswith(".job") and name != "Task.job")


def _run(migration: Migration, events: int) -> tuple[list[tuple[float, float]], float, float]:
    config = migration.folder / "config.json"
    config.write_bytes(orjson.dumps(migration.config))
    code = "from target_salesforce.target import TargetSalesforce; TargetSalesforce.cli()"
    started = time.monotonic()
    rss: list[tuple[float, float]] = []
    with subprocess.Popen(
        [sys.executable, "-c", code, "--config", str(config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as child:
        assert child.stdin is not None
        marks = [0.1, 0.25, 0.5, 0.75, 1.0]
        for number, line in _messages(events):
            child.stdin.write(line)
            if marks and number >= marks[0] * events:
                rss.append((marks.pop(0), _memory(child.pid)))
        child.stdin.close()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, f"the target ended with {child.returncode}"
    return rss, usage.ru_maxrss / 1024, time.monotonic() - started


def _memory(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def _messages(events: int) -> Iterator[tuple[int, bytes]]:
    """Yield Singer messages with the number of events before them."""
    for stream in ("people", "activities"):
        schema = {"type": "object", "properties": {name: {} for name in KEYS[stream]}}
        about = {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": KEYS[stream]}
        yield 0, orjson.dumps(about) + b"\n"
        if stream == "people":
            for number in range(PEOPLE):
                stage = "customer" if number % 2 else "lead"
                attributes = {"last_name": f"Person {number}", "lifecycle_stage": stage}
                record = {"cio_id": f"p{number}", "email": f"p{number}@example.com", "attributes": attributes}
                yield 0, _record(stream, record)
            yield 0, _state(0)
            continue
        for number in range(1, events + 1):
            record = {
                "id": f"01EVENT{number:012d}", "type": "event", "name": "order_placed",
                "timestamp": NOW - number, "cio_id": f"p{number % PEOPLE}",
                "data": {"amount": number / 4, "items": [{"sku": f"a-{number % 97}", "qty": 2}]},
            }  # fmt: skip
            yield number, _record(stream, record)
            if number % STATE_EVERY == 0:
                yield number, _state(number)


def _record(stream: str, record: dict[str, object]) -> bytes:
    return orjson.dumps({"type": "RECORD", "stream": stream, "record": record}) + b"\n"


def _state(position: int) -> bytes:
    return (
        orjson.dumps({"type": "STATE", "value": {"bookmarks": {"activities": {"position": position}}}})
        + b"\n"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
