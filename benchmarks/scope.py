"""Time and memory of scope, streamed: `python benchmarks scope`, sized by SCOPE_PEOPLE and SCOPE_EVENTS."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
from process import ended
from tables import print_table

PEOPLE = int(os.environ.get("SCOPE_PEOPLE", "20000"))
EVENTS = int(os.environ.get("SCOPE_EVENTS", "200000"))
NOW = 1_790_000_000
FORMS = 500
"""Records are made of so many forms, so that making them does not take the machine from reading them."""


def messages(people: int, events: int) -> Iterator[bytes]:
    """Singer lines of people with thirty attributes and events with five properties."""
    rng = random.Random(1)
    keys = {"people": ["cio_id"], "activities": ["id"]}
    for stream, key in keys.items():
        yield orjson.dumps(
            {"type": "SCHEMA", "stream": stream, "schema": {"properties": {}}, "key_properties": key}
        )
    yield from _filled("people", [_person(rng) for _ in range(FORMS)], people, people)
    yield from _filled("activities", [_event(rng) for _ in range(FORMS)], events, people)


def _filled(stream: str, forms: list[dict[str, object]], number: int, people: int) -> Iterator[bytes]:
    lines = [orjson.dumps({"type": "RECORD", "stream": stream, "record": form}) for form in forms]
    for n in range(number):
        yield lines[n % FORMS].replace(b"#N#", b"%d" % n).replace(b"#P#", b"%d" % (n * 7919 % people))


def _person(rng: random.Random) -> dict[str, object]:
    attributes: dict[str, object] = {f"choice_{n}": rng.choice(["a", "b", "c", None]) for n in range(12)}
    attributes |= {f"number_{n}": rng.randint(0, 10**6) for n in range(8)}
    attributes |= {f"text_{n}": f"text {n} #N#" for n in range(6)}
    attributes |= {"last_seen_at": NOW - rng.randint(0, 10**8), "score": rng.choice([1, "n/a"])}
    attributes |= {"subscription": {"mrr": rng.randint(1, 500), "plan": "pro"}, "tags": ["x", "y"]}
    who = {"cio_id": "c#N#", "id": "user-#N#", "email": "person.#N#@example.com"}
    return who | {"unsubscribed": False, "attributes": attributes, "devices": [], "timestamps": {}}


def _event(rng: random.Random) -> dict[str, object]:
    data = {"amount": rng.randint(1, 999), "currency": "EUR", "source": rng.choice(["web", "app"])}
    data |= {"sku": f"sku-{rng.randint(1, 500)}", "reference": "r-#N#"}
    event = {"id": "e#N#", "type": "event", "name": f"event_{rng.randint(1, 40)}", "cio_id": "c#P#"}
    return event | {"timestamp": NOW - rng.randint(0, 30 * 86_400), "data": data}


def main() -> None:
    """Pipe the records into `crmlift-scope` and print seconds, records per second and memory."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_bytes(orjson.dumps({"output": str(Path(folder) / "out")}))
        started = time.perf_counter()
        child = subprocess.Popen(
            [Path(sys.executable).with_name("crmlift-scope"), "--config", config], stdin=subprocess.PIPE
        )
        assert child.stdin is not None
        for line in messages(PEOPLE, EVENTS):
            child.stdin.write(line + b"\n")
        child.stdin.close()
        usage, peak = ended(child)
        assert child.returncode == 0
        seconds = time.perf_counter() - started
    row = (f"{PEOPLE:,}", f"{EVENTS:,}", f"{seconds:.1f}", f"{usage.ru_utime + usage.ru_stime:.1f}",
           f"{(PEOPLE + EVENTS) / seconds:,.0f}", f"{peak:.0f}")  # fmt: skip
    print_table("Scope", ("People", "Events", "Seconds", "CPU s", "Records/s", "MB at most"), [row])


if __name__ == "__main__":
    main()
