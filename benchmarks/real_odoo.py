"""Rows per second into a real Odoo, beside a plain script that calls `create` with the best batch size."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import requests
from tables import print_table

from crmlift.testing.conformance import Migration
from crmlift.testing.workspace import Workspace
from target_odoo.target import TargetOdoo

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
from odoo_lab import Lab

PEOPLE = 4_000
BATCH = 1_000
DATABASE = "lab_bench"
ROUNDS = 3


def people(count: int) -> Workspace:
    """A workspace of people alone, none of them a twin."""
    workspace = Workspace(count)
    for number, person in enumerate(workspace.streams["people"]):
        person["email"] = person["attributes"]["email"] = f"person{number}@example.org"
    for stream in workspace.streams.keys() - {"people"}:
        workspace.streams[stream] = []
    return workspace


def plain_script(run: dict[str, Any], database: str, rows: list[dict[str, Any]]) -> None:
    """What a careful person writes: JSON-2, 1,000 rows a call, no tracking; no key, no check, no resume."""
    session = requests.Session()
    headers = {"Authorization": f"bearer {run['api_key']}", "X-Odoo-Database": database}
    for start in range(0, len(rows), BATCH):
        answer = session.post(
            f"{run['url']}/json/2/res.partner/create",
            json={"vals_list": rows[start : start + BATCH], "context": {"tracking_disable": True}},
            headers=headers,
            timeout=300,
        )
        answer.raise_for_status()


def main() -> None:
    """Load the same people both ways into fresh databases, in turn."""
    lab = Lab()
    ran_before = lab.running() is not None
    lab.setup()
    lab.start()
    try:
        _compare(lab)
    finally:
        if not ran_before:
            lab.stop()


def _compare(lab: Lab) -> None:
    run = lab.running()
    assert run
    workspace = people(PEOPLE)
    plain: list[float] = []
    lifted: list[float] = []
    again: list[float] = []
    for _ in range(ROUNDS):
        lab.reset(DATABASE)
        with tempfile.TemporaryDirectory() as folder:
            settings = {"url": run["url"], "database": DATABASE, "api_key": run["api_key"]}
            server = SimpleNamespace(url=run["url"])
            migration = Migration(TargetOdoo, server, Path(folder), settings)  # type: ignore[arg-type]
            migration.load(Workspace(2))  # creates the custom fields
            migration.roll_back_everything()
            lifted.append(_timed(migration.load, workspace))
            again.append(_timed(migration.load, workspace))
            rows = _wire_rows(migration, run)
            migration.roll_back_everything()
            assert len(rows) == PEOPLE
            plain.append(_timed(plain_script, run, DATABASE, rows))
        lab.drop(DATABASE)
    base = statistics.median(plain)
    print_table(
        f"{PEOPLE:,} people into a real Odoo 19, median of {ROUNDS}",
        ("way", "rows per second", "share of the plain script"),
        [
            ("plain script, create", f"{PEOPLE / base:,.0f}", "1.00"),
            *(
                (
                    name,
                    f"{PEOPLE / statistics.median(took):,.0f}",
                    f"{statistics.median(p / t for p, t in zip(plain, took, strict=True)):.2f}",
                )
                for name, took in (("crmlift, first load", lifted), ("crmlift, nothing changed", again))
            ),
        ],
    )


def _timed(work: Callable[..., object], *arguments: Any) -> float:
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def _wire_rows(migration: Migration, run: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the very values that our load wrote, as `create` takes them."""
    rules = [rule for rule in migration.mapping.streams["people"] if rule.entity == "person"]
    fields = sorted({name for rule in rules for name in rule.fields})
    answer = requests.post(
        f"{run['url']}/json/2/res.partner/search_read",
        json={"domain": [["email", "like", "@example.org"]], "fields": fields},
        headers={"Authorization": f"bearer {run['api_key']}", "X-Odoo-Database": DATABASE},
        timeout=300,
    )
    answer.raise_for_status()
    return [
        {name: _wire(value) for name, value in row.items() if name != "id" and value is not False}
        for row in answer.json()
    ]


def _wire(value: Any) -> Any:
    """A many2one is read as `[id, name]`."""
    is_link = isinstance(value, list) and len(value) == 2 and isinstance(value[0], int)
    return value[0] if is_link else value


if __name__ == "__main__":
    main()
