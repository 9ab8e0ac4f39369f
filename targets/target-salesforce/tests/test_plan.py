"""A plan foresees the calls that the run then makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from crmlift.sandbox.server import serve
from crmlift.testing.conformance import Migration
from crmlift.testing.workspace import Workspace
from target_salesforce.target import TargetSalesforce

if TYPE_CHECKING:
    from pathlib import Path

OBJECTS = {"lead": "Lead", "contact": "Contact", "account": "Account", "campaign": "Campaign"}
TASKS = ("event", "delivery", "engagement")


@pytest.mark.parametrize("bulk_from", [2_000, 100], ids=["calls", "jobs"])
def test_a_plan_counts_the_calls_of_a_load(tmp_path: Path, bulk_from: int) -> None:
    with serve("target_salesforce.sandbox:create_app") as server:
        migration = Migration(TargetSalesforce, server, tmp_path, {"bulk_from": bulk_from})
        lines = Workspace(500).lines()
        migration.run(lines, plan_file=str(tmp_path / "plan.json"))
        plan = orjson.loads((tmp_path / "plan.json").read_bytes())
        planned = {row["entity"]: row["writing_calls"] for row in plan["entities"]}
        server.stats(reset=True)
        migration.run(lines)
        stats = server.stats()
    made = {entity: _writes(stats, sobject) for entity, sobject in OBJECTS.items()}
    assert {entity: planned[entity] for entity in OBJECTS} == made
    assert sum(planned[entity] for entity in TASKS) == _writes(stats, "Task")
    if bulk_from == 100:
        assert planned["event"] == 5


def _writes(stats: dict[str, dict[str, int]], sobject: str) -> int:
    """Count what was sent: calls of Collections, and five for each job."""
    calls: dict[str, Any] = stats["calls"]
    jobs = calls.get(f"{sobject}.job", 0)
    by_job = sum(calls.get(f"{sobject}.{verb}", 0) for verb in ("create", "insert", "update")) - jobs
    return by_job + 5 * jobs
