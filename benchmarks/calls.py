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

PEOPLE = 5_000


def main() -> None:
    """Load a workspace into each installed target's sandbox, twice, and count what was asked of it."""
    for name in plugins.names(plugins.TARGETS):
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
                fewest = {
                    entity: sum(
                        math.ceil(counter.get(result, 0) / crm.entities[entity].batch_limit)
                        for result in ("created", "updated", "merged")
                    )
                    for entity, counter in counts.items()
                }
        writes = {call: number for call, number in calls.items() if number > empty.get(call, 0)}
        rows = sum(
            counter.get(result, 0)
            for counter in counts.values()
            for result in ("created", "updated", "merged")
        )
        print_table(
            f"Calls to {name} for {rows:,} rows written (an empty run asks {sum(empty.values())} times)",
            ("what", "calls", "per 1,000 rows"),
            [
                *(
                    (call, f"{number:,}", f"{1000 * number / rows:.3f}")
                    for call, number in sorted(writes.items())
                ),
                (
                    "all calls of the first run",
                    f"{sum(calls.values()):,}",
                    f"{1000 * sum(calls.values()) / rows:.3f}",
                ),
                (
                    "fewest writes by batch limit",
                    f"{sum(fewest.values()):,}",
                    f"{1000 * sum(fewest.values()) / rows:.3f}",
                ),
                (
                    "all calls of a second run",
                    f"{sum(again.values()):,}",
                    f"{1000 * sum(again.values()) / rows:.3f}",
                ),
            ],
        )


if __name__ == "__main__":
    main()
