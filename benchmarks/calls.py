"""Requests per 1,000 rows against the fewest that the CRM's batch limit allows, counted by its sandbox."""

from __future__ import annotations

import io
import math
import tempfile
from collections import Counter
from pathlib import Path

from tables import print_table

from crmlift import plugins
from crmlift.project import target_class
from crmlift.sandbox.server import serve
from crmlift.testing.conformance import Migration
from crmlift.testing.workspace import Workspace

PEOPLE = 20_000
READS = ("search", "read", "count", "access", "get", "get_param")
WRITTEN = ("created", "updated", "merged")
OWN = {"salesforce"}
"""Targets whose calls a bench of their own counts: a batch there is several calls."""


def main() -> None:
    """Load a workspace into each installed target's sandbox, twice, and count what was asked of it."""
    for name in sorted(set(plugins.names(plugins.TARGETS)) - OWN):
        target = target_class(name)
        with (
            serve(plugins.find(plugins.SANDBOXES, name).value) as server,
            tempfile.TemporaryDirectory() as folder,
        ):
            migration = Migration(target, server, Path(folder), {})
            workspace = Workspace(PEOPLE)
            target(config=migration.config).listen(io.BytesIO())  # type: ignore[arg-type]
            empty = Counter(server.stats(reset=True)["calls"])
            counts = migration.load(workspace)
            calls = Counter(server.stats(reset=True)["calls"])
            migration.load(workspace)
            again = Counter(server.stats(reset=True)["calls"])
            with migration.crm() as crm:
                limits = {entity: crm.entities[entity].batch_limit for entity in counts}
        fewest = sum(_fewest(counter, limits[entity]) for entity, counter in counts.items())
        rows = sum(counter.get(result, 0) for counter in counts.values() for result in WRITTEN)
        more = {call: number - empty[call] for call, number in calls.items() if number > empty[call]}
        written = sum(number for call, number in more.items() if not call.endswith(READS))
        print_table(
            f"Calls to {name} for {rows:,} rows written",
            ("what", "calls", "per 1,000 rows"),
            [
                (what, f"{number:,}", f"{1000 * number / rows:.3f}")
                for what, number in (
                    *sorted(more.items()),
                    ("all of these", sum(more.values())),
                    ("those that write", written),
                    ("fewest that could write these rows, by the batch limit", fewest),
                    ("asked by a run without rows: preflight and schema", sum(empty.values())),
                    ("asked by a second run over the same rows", sum(again.values())),
                )
            ],
        )
        print(f"Writing calls to the fewest: {written / fewest:.2f}")


def _fewest(counter: dict[str, int], limit: int) -> int:
    created = counter.get("created", 0)
    updated = counter.get("updated", 0) + counter.get("merged", 0)
    return math.ceil(created / limit) + math.ceil(updated / limit)


if __name__ == "__main__":
    main()
