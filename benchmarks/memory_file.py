"""The tap's memory file at a million keys: rows a second, memory, and the file's size.

`python benchmarks/memory_file.py [keys]`
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tap_customerio.memory import Memory


def person(number: int, version: int) -> dict[str, object]:
    attributes = {"plan": "pro", "city": "Berlin", "version": version}
    email = f"user-{number}@example.com"
    return {"cio_id": f"a1b2{number:08x}", "id": f"user-{number}", "email": email, "attributes": attributes}


def main(keys: int = 1_000_000) -> None:
    runs = {
        "all new": (0, 0),
        "all as before": (0, 0),
        "1 % changed, 10 % gone": (keys // 10, 1),
        "all gone": (keys, 0),
    }
    state: dict[str, object] = {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "memory.db"
        memory = Memory(path)
        for name, (first, version) in runs.items():
            began = time.perf_counter()
            scan = memory.scan("people", ["cio_id"], state)
            new = sum(scan.is_new(person(n, version if n % 100 == 0 else 0)) for n in range(first, keys))
            gone = sum(1 for _ in scan.vanished())
            state = scan.finish()
            rate = keys / (time.perf_counter() - began)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            size = path.stat().st_size / 2**20
            print(
                f"{name}: {new} new, {gone} gone, {rate:,.0f} keys/s, peak {peak:.0f} MB, file {size:.0f} MB"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
