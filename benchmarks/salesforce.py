"""Salesforce: calls against the fewest, by Collections and by jobs; memory while events stream through jobs.

`python benchmarks salesforce` streams 20,000 events, `python benchmarks salesforce-million` a million in some
ten minutes.

How the fewest are counted: sObject Collections take 200 rows of one object a call. A job of Bulk API 2.0 is
five calls (open, upload, close, ask, fetch the successes) for the 10,000 rows that are settled at once. Rows
of calls are counted per object and kind of write over the whole run, as the sandbox saw them, those of jobs
per entity; a row that is changed twice counts twice. What is read (before an update, to adopt, to check) and
the other calls (describes, deploys, limits, counts) hardly grow with the rows, and stand beside it.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from process import ended, memory
from tables import print_table

from crmlift.sandbox.server import serve
from crmlift.testing.conformance import Migration
from crmlift.testing.workspace import KEYS, NOW, Workspace
from target_salesforce.bulk import CALLS_PER_JOB
from target_salesforce.entities import BATCH, BULK_FROM
from target_salesforce.sending import PER_CALL
from target_salesforce.target import TargetSalesforce

SANDBOX = "target_salesforce.sandbox:create_app"
ROOM = {"api_calls": 10_000_000, "storage_mb": 1_000_000}
LOADED = 4_000
"""People whose load is counted."""
EVENTS = 20_000
PEOPLE = 1_000
PER_JOB, ROWS_PER_JOB = CALLS_PER_JOB, BATCH
STATE_EVERY = 1_000
_BY_JOB = ".insert"
"""What only jobs do; a load of this size changes no object so often that a job would."""
_WRITES = (_BY_JOB, ".create", ".update")
_READS = ("retrieve", "query")
_JOBS = "/services/data/v66.0/jobs/ingest"


def main(events: int = EVENTS) -> None:
    """Count the calls of small loads; then look at memory and calls while events stream through jobs."""
    _load("by sObject Collections alone", {"bulk_from": 10**9})
    _load("by calls or jobs, as their number decides", {})
    _stream(events)


def _load(way: str, settings: dict[str, Any]) -> None:
    """Load a workspace, then again with every tenth person changed; count calls that write and that read."""
    with serve(SANDBOX) as server, tempfile.TemporaryDirectory() as folder:
        server.post("/_sandbox/org", ROOM)
        migration = Migration(TargetSalesforce, server, Path(folder), settings)
        workspace = Workspace(LOADED)
        rows = []
        for what in ("first load", "every tenth changed"):
            server.stats(reset=True)
            counts = migration.load(workspace)
            rows.append((what, *_ratios(server.stats(), counts)))
            for person in workspace.streams["people"][::10]:
                person["attributes"]["job_title"] = "Changed"
    print_table(
        f"{LOADED:,} people and what hangs on them, {way}",
        ("run", "rows written", "calls that write", "the fewest", "ratio", "calls that read", "other calls"),
        rows,
    )


def _ratios(stats: dict[str, dict[str, int]], counts: dict[str, dict[str, int]]) -> tuple[str, ...]:
    rows = {name: number for name, number in stats["rows"].items() if name.endswith(_WRITES)}
    by_call = {name: number for name, number in rows.items() if not name.endswith(_BY_JOB)}
    made = sum(stats["calls"][name] for name in by_call) + _job_calls(stats)
    fewest = sum(math.ceil(number / PER_CALL) for number in by_call.values())
    if by_call.keys() < rows.keys():
        # The three kinds of tasks are one object, and a job each.
        new = [counter.get("created", 0) for counter in counts.values()]
        fewest += sum(PER_JOB * math.ceil(number / ROWS_PER_JOB) for number in new if number >= BULK_FROM)
    reads = sum(number for name, number in stats["calls"].items() if name.endswith(_READS))
    rest = sum(stats["requests"].values()) - made - reads
    return (
        f"{sum(rows.values()):,}", str(made), str(fewest), f"{made / fewest:.2f}", str(reads), str(rest),
    )  # fmt: skip


def _job_calls(stats: dict[str, dict[str, int]]) -> int:
    """Return the calls of jobs, without the looks for jobs that a broken-off run may have left."""
    jobs = sum(number for name, number in stats["calls"].items() if name.endswith(".job"))
    looks = stats["requests"].get(_JOBS, 0) - jobs
    return sum(number for path, number in stats["requests"].items() if path.startswith(_JOBS)) - looks


def _stream(events: int) -> None:
    """Run the target as a process over generated messages; look at its memory on the way."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(SANDBOX, {"SALESFORCE_SANDBOX_DB": f"{folder}/org.db"}) as server,
    ):
        migration = Migration(TargetSalesforce, server, Path(folder), {})
        server.post("/_sandbox/org", ROOM)
        rss, peak, seconds = _run(migration, events)
        stats = server.stats()
    print_table(
        f"{events:,} events as tasks in {seconds:,.0f} s",
        ("after", "memory of the target, MB"),
        [(f"{share:.0%}", f"{megabytes:,.0f}") for share, megabytes in rss] + [("peak", f"{peak:,.0f}")],
    )
    jobs = sum(number for name, number in stats["calls"].items() if name.endswith(".job"))
    per_job = _job_calls(stats) / jobs
    print(f"Calls per job to the fewest: {per_job:.2f} / {PER_JOB} = {per_job / PER_JOB:.2f}")
    total = sum(stats["requests"].values())
    print(f"All calls of the run: {total:,}, that is {1000 * total / events:.2f} per 1,000 events")


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
                rss.append((marks.pop(0), memory(child.pid, "VmRSS")))
        child.stdin.close()
        _, peak = ended(child)
    assert child.returncode == 0, f"the target ended with {child.returncode}"
    return rss, peak, time.monotonic() - started


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
