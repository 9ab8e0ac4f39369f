"""CPU that a target spends on a record before any API call, beside the floor and the SDK's stock target."""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tables import print_table

ROUNDS = 3
SHAPES = {"20 flat fields": (40_000, False), "60 fields, nested": (12_000, True)}


def record(number: int, nested: bool) -> dict[str, Any]:
    """A person with texts and numbers; nested, with three groups of fifteen fields."""
    flat = {
        f"f{i}": f"value {i} of {number}" if i % 3 else number * i for i in range(20 if not nested else 15)
    }
    if nested:
        for group in "abc":
            flat[group] = {f"{group}{i}": f"text {number} {i}" if i % 2 else {"n": i} for i in range(15)}
    return {"id": f"p{number}", **flat}


def singer_lines(count: int, nested: bool) -> bytes:
    """Return the records as a tap writes them, with a state per 1,000."""
    text = {"type": ["string", "null"]}
    number = {"type": ["integer", "null"]}
    properties: dict[str, Any] = {"id": {"type": "string"}}
    for name, value in record(0, nested).items():
        if isinstance(value, dict):
            inner = {
                k: text if isinstance(v, str) else {"type": ["object", "null"], "properties": {"n": number}}
                for k, v in value.items()
            }
            properties[name] = {"type": ["object", "null"], "properties": inner}
        elif name != "id":
            properties[name] = text if isinstance(value, str) else number
    schema = {"type": "object", "properties": properties}
    lines = [json.dumps({"type": "SCHEMA", "stream": "people", "schema": schema, "key_properties": ["id"]})]
    for position in range(count):
        lines.append(json.dumps({"type": "RECORD", "stream": "people", "record": record(position, nested)}))
        if position % 1000 == 999:
            lines.append(json.dumps({"type": "STATE", "value": {"n": position}}))
    return ("\n".join(lines) + "\n").encode()


def bare_loop(lines: bytes) -> None:
    """The floor: read the lines and parse them with the standard library."""
    for line in io.BytesIO(lines):
        json.loads(line)


def stock_target(lines: bytes) -> None:
    """The SDK's own target with a batch sink that does nothing."""
    from singer_sdk import BatchSink, Target
    from singer_sdk import typing as th

    class NullSink(BatchSink):
        max_size = 500

        def process_batch(self, context: dict[str, Any]) -> None:
            """Do nothing."""

    class StockTarget(Target):
        name = "target-stock"
        config_jsonschema = th.PropertiesList().to_dict()
        default_sink_class = NullSink

    StockTarget(config={}).listen(io.StringIO(lines.decode()))


def whole_way(lines: bytes) -> None:
    """Read, validate, hooks, mapping, ledger, and a CRM that does nothing."""
    fields = ", ".join(f"f{number}: f{number}" for number in range(15))
    hooks = "{flatten: {streams: {people: a}}, dedupe: {stream: people, by: [f1]}}"
    ours(lines, f"{{people: [{{entity: person, key: id, fields: {{{fields}}}}}]}}", hooks)


def read_and_validate(lines: bytes) -> None:
    """Read and validate only: no record becomes a row."""
    ours(lines, "{people: [{entity: person, key: id, when: 'None', fields: {f0: f0}}]}", "{}")


def ours(lines: bytes, streams: str, hooks: str) -> None:
    """Run our target over the lines with a mapping of its own."""
    from null_target import NullTarget

    from crmlift.mapping.approval import approve

    with _in_new_folder():
        path = Path("crmlift/null.yml")
        path.parent.mkdir()
        path.write_text(f"destination: 'null'\nworkspace: bench\nhooks: {hooks}\nstreams: {streams}\n")
        approve(path, by="bench")
        NullTarget(config={}).listen(io.BytesIO(lines))  # type: ignore[arg-type]


@contextmanager
def _in_new_folder() -> Iterator[None]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


VARIANTS: dict[str, Callable[[bytes], None]] = {
    "bare JSON line loop": bare_loop,
    "SDK BatchSink, stock": stock_target,
    "crmlift, read and validate": read_and_validate,
    "crmlift, the whole way": whole_way,
}


def measure(variant: str, shape: str) -> float:
    """Return CPU seconds of one run in a process of its own, start-up left out."""
    done = subprocess.run(
        [sys.executable, __file__, variant, shape], capture_output=True, text=True, check=True
    )
    return float(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Print CPU per record of each variant as a share of the stock target's."""
    for shape, (count, _) in SHAPES.items():
        times: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
        for _round in range(ROUNDS):
            for variant in VARIANTS:
                times[variant].append(measure(variant, shape))
        stock = times["SDK BatchSink, stock"]
        print_table(
            f"Target overhead, {shape}, {count:,} records: CPU, median of {ROUNDS}",
            ("variant", "records per CPU second", "times as fast as stock"),
            [
                (
                    variant,
                    f"{count / statistics.median(took):,.0f}",
                    f"{statistics.median(s / t for s, t in zip(stock, took, strict=True)):.2f}",
                )
                for variant, took in times.items()
            ],
        )


if __name__ == "__main__":
    rows, is_nested = SHAPES[sys.argv[2]]
    data = singer_lines(rows, is_nested)
    VARIANTS[sys.argv[1]](singer_lines(1, is_nested))
    began = time.process_time()
    VARIANTS[sys.argv[1]](data)
    print(time.process_time() - began)
