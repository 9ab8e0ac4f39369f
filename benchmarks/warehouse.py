"""People and deliveries from data-warehouse files, beside a bare loop over the same files.

`make bench-warehouse`, or `python benchmarks warehouse`; the larger size is set by WAREHOUSE_PEOPLE. The
bare loop makes a dict of each row of each file (`to_pylist`) and does nothing with it; the tap joins
people with attributes, and deliveries with metrics, contents and people, and writes Singer messages.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from process import ended
from tables import print_table

from tap_customerio.sandbox import Settings, create_app
from tap_customerio.sandbox.server import Server

PEOPLE = int(os.environ.get("WAREHOUSE_PEOPLE", "1000000"))
PER_PERSON = 3  # deliveries
ATTRIBUTES = ("first_name", "plan", "country", "created_at", "unsubscribed")
METRICS = ("sent", "delivered", "opened")
ROWS_PER_FILE = 100_000
NOW = 1_760_000_000


def write(folder: Path, people: int) -> int:
    """Write the files, column by column; the number of their rows."""
    total = 0
    for sequence, first in enumerate(range(0, people, ROWS_PER_FILE), 1):
        for table, columns in tables(first, min(ROWS_PER_FILE, people - first)):
            made = pa.table({"workspace_id": pa.repeat(1, len(next(iter(columns.values())))), **columns})
            pq.write_table(made, folder / f"{table}_v5_1_{sequence}.parquet")
            total += made.num_rows
    return total


def tables(first: int, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tables of so many people from a number on."""
    numbers = range(first, first + count)
    cio_ids = pa.array([f"a1b2{n:08x}" for n in numbers])
    times = _moments(count)
    yield (
        "people",
        {
            "customer_id": pa.array([f"user-{n}" for n in numbers]),
            "internal_customer_id": cio_ids,
            "deleted": pa.repeat(False, count),
            "suppressed": pa.repeat(False, count),
            "created_at": times,
            "updated_at": times,
            "email_addr": pa.array([f"person.{n}@example.com" for n in numbers]),
        },
    )
    yield (
        "attributes",
        {
            "internal_customer_id": _repeated(cio_ids, len(ATTRIBUTES)),
            "attribute_name": _cycled(ATTRIBUTES, count),
            "attribute_value": _cycled(("Ann", "pro", "DE", str(NOW), "false"), count),
            "timestamp": _repeated(times, len(ATTRIBUTES)),
        },
    )
    sent = count * PER_PERSON
    ids = pa.array([f"delivery-{n:010}" for n in range(first * PER_PERSON, first * PER_PERSON + sent)])
    created = _moments(sent)
    yield (
        "deliveries",
        {
            "delivery_id": ids,
            "internal_customer_id": _repeated(cio_ids, PER_PERSON),
            "delivery_type": pa.repeat("email", sent),
            "campaign_id": _cycled((1, 2, 3), count),
            "action_id": _cycled((11, 12, 13), count),
            "created_at": created,
            "seq_num": pa.array(range(sent)),
        },
    )
    yield (
        "metrics",
        {
            "event_id": pa.array([f"{n}" for n in range(sent * len(METRICS))]),
            "delivery_id": _repeated(ids, len(METRICS)),
            "metric": _cycled(METRICS, sent),
            "created_at": _repeated(created, len(METRICS)),
        },
    )
    yield (
        "delivery_content",
        {
            "delivery_id": ids,
            "recipient": pa.array([f"person.{first + n // PER_PERSON}@example.com" for n in range(sent)]),
            "subject": _cycled(("Welcome", "Your week", "News"), count),
        },
    )


def _moments(count: int) -> Any:
    return pa.array(range(NOW * 1000, (NOW + count) * 1000, 1000), pa.timestamp("ms", tz="UTC"))


def _repeated(values: Any, times: int) -> Any:
    return values.take(pa.array([n for n in range(len(values)) for _ in range(times)]))


def _cycled(values: tuple[Any, ...], times: int) -> Any:
    return pa.array(values * times)


def bare(folder: Path) -> None:
    """Read every row of every file into a dict."""
    for path in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches():
            batch.to_pylist()


def run(*command: str | Path) -> tuple[float, float, float]:
    """Run a command: seconds, CPU seconds and peak memory in MB of that process alone."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        usage, peak = ended(child)
        log.seek(0)
        assert child.returncode == 0, log.read()[-3000:]
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, peak


def measure(people: int, url: str, folder: Path) -> list[tuple[str, ...]]:
    """One size: figures of the tap and of the bare loop."""
    files = folder / "files"
    files.mkdir()
    rows = write(files, people)
    catalog, config = folder / "catalog.json", folder / "config.json"
    config.write_text(
        json.dumps({"app_api_key": "sandbox-app-key", "api_url": url, "warehouse_path": str(files),
                    "routes": {"default": "warehouse"}})
    )  # fmt: skip
    tap = [Path(sys.executable).with_name("tap-customerio"), "--config", config]
    known = json.loads(subprocess.run([*tap, "--discover"], check=True, capture_output=True).stdout)
    for stream in known["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["stream"] in ("people", "deliveries")
    catalog.write_text(json.dumps(known))
    bare_seconds, bare_cpu, bare_peak = run(sys.executable, __file__, "bare", files)
    seconds, cpu, peak = run(*tap, "--catalog", catalog)
    records = people * (1 + PER_PERSON)
    size = f"{people:,} people, {people * PER_PERSON:,} deliveries"
    figures = (f"{rows:,}", f"{seconds:.0f}", f"{cpu:.0f}", f"{records / cpu:,.0f}", f"{rows / cpu:,.0f}")
    beside = ("", f"{bare_seconds:.0f}", f"{bare_cpu:.0f}", "", f"{rows / bare_cpu:,.0f}")
    return [
        (size, *figures, f"{peak:.0f}", f"{cpu / bare_cpu:.2f}"),
        ("  bare loop over the same files", *beside, f"{bare_peak:.0f}", "1"),
    ]


def main() -> None:
    """Measure a tenth of the size and the whole: memory should be the same."""
    results: list[tuple[str, ...]] = []
    with Server(create_app(Settings())) as server:
        for people in (PEOPLE // 10, PEOPLE):
            with tempfile.TemporaryDirectory() as folder:
                results += measure(people, server.url, Path(folder))
    print_table(
        "Warehouse files: people + deliveries",
        ("read", "rows in files", "s", "CPU s", "records /CPU s", "rows /CPU s", "peak MB", "CPU"),
        results,
    )


if __name__ == "__main__":
    bare(Path(sys.argv[2]))
