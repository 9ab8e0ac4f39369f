"""Partners, events and messages into a real Odoo, beside OdooRPC and the floor.

The floor is the same rows through Odoo's own ORM inside the server's process (`odoo shell`): no wire, no
key that makes a repetition harmless, no comparison, no ledger.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import odoorpc
import requests
from real_odoo import BATCH, Lab, people
from tables import print_table

from crmlift.testing.conformance import Migration
from crmlift.testing.workspace import NOW, Workspace
from target_odoo.target import TargetOdoo

DATABASE = "lab_bench_rows"
ROWS = 10_000
PERSONS = 50
ROUNDS = 3
QUIET = {"tracking_disable": True}
# What Odoo would compute for each message, where it is not given: the same for all three ways.
NOTE = {"model": "res.partner", "message_type": "comment", "email_from": "Customer.io", "reply_to": False}
FLOOR = """
import json, time
rows = json.load(open({path!r}))
model = env[{model!r}].with_context(tracking_disable=True)
# A server has its caches warm, a new process has not.
model.create(rows[:100])
env.cr.rollback()
began = time.perf_counter()
for start in range(0, len(rows), {batch}):
    model.create(rows[start:start + {batch}])
    env.cr.commit()
print("TOOK", time.perf_counter() - began)
"""


@dataclass(frozen=True)
class Kind:
    """One kind of rows: what is loaded, and where it then stands."""

    name: str
    stream: str
    entity: str
    model: str
    record: Callable[[int, dict[str, Any]], dict[str, Any]]
    more: dict[str, Any]


def event(number: int, who: dict[str, Any]) -> dict[str, Any]:
    """An event with a few properties."""
    data = {"amount": number / 4, "items": [{"sku": "a-1", "qty": 2}]}
    common = {
        "id": f"01BENCH{number:09d}",
        "type": "event",
        "name": "order_placed",
        "timestamp": NOW - number,
    }
    return {**common, "data": data, **who}


def text_message(number: int, who: dict[str, Any]) -> dict[str, Any]:
    """A text message that arrived."""
    metrics = {"created": NOW - number, "sent": NOW - number + 2, "delivered": NOW - number + 5}
    common = {"id": f"bench{number}", "type": "twilio", "created": NOW - number, "metrics": metrics}
    return {**common, "recipient": "+12015550123", "forgotten": False, **who}


KINDS = (
    Kind("partners", "people", "person", "res.partner", lambda _number, who: who, {}),
    Kind("events", "activities", "event", "x_cio_event", event, {}),
    Kind("messages", "deliveries", "message", "mail.message", text_message, NOTE),
)


def workspace_of(kind: Kind) -> tuple[Workspace, Workspace]:
    """Return what must be there before, and what is timed."""
    if kind.stream == "people":
        return people(2), people(ROWS)
    before, timed = people(PERSONS), people(0)
    who = [{"cio_id": person["cio_id"]} for person in before.streams["people"]]
    timed.streams[kind.stream] = [kind.record(number, who[number % PERSONS]) for number in range(ROWS)]
    return before, timed


def main() -> None:
    """Measure all kinds, each way, in turn."""
    lab = Lab()
    ran_before = lab.running() is not None
    lab.setup()
    lab.start()
    try:
        rows = [row for kind in KINDS for row in _compare(lab, kind)]
    finally:
        if not ran_before:
            lab.stop()
    print_table(
        f"{ROWS:,} rows each into a real Odoo 19, median of {ROUNDS}",
        ("rows", "way", "rows per second", "share of the floor"),
        rows,
    )


def _compare(lab: Lab, kind: Kind) -> list[tuple[str, str, str, str]]:
    took: dict[str, list[float]] = {
        "floor: ORM in the server": [],
        "OdooRPC, create": [],
        "crmlift": [],
        "crmlift, without its checks before the first row": [],
    }
    for _ in range(ROUNDS):
        for way, seconds in zip(took, _round(lab, kind), strict=True):
            took[way].append(seconds)
    floor, *_others = took.values()
    return [
        (
            kind.name,
            way,
            f"{ROWS / statistics.median(times):,.0f}",
            f"{statistics.median(f / t for f, t in zip(floor, times, strict=True)):.2f}",
        )
        for way, times in took.items()
    ]


def _round(lab: Lab, kind: Kind) -> tuple[float, ...]:
    run = lab.running()
    assert run
    lab.reset(DATABASE)
    before, timed = workspace_of(kind)
    with tempfile.TemporaryDirectory() as folder:
        settings = {"url": run["url"], "database": DATABASE, "api_key": run["api_key"]}
        server = SimpleNamespace(url=run["url"])
        migration = Migration(TargetOdoo, server, Path(folder), settings)  # type: ignore[arg-type]
        migration.load(before)
        began = time.perf_counter()
        migration.load(people(0))
        empty = time.perf_counter() - began
        began = time.perf_counter()
        migration.load(timed)
        lifted = time.perf_counter() - began
        rows = _written(run, migration, kind)
        assert len(rows) >= ROWS
        rpc = _by_odoorpc(run, kind, rows[:ROWS])
        floor = _in_the_server(lab, kind, rows[:ROWS], Path(folder) / "rows.json")
    lab.drop(DATABASE)
    return floor, rpc, lifted, lifted - empty


def _written(run: dict[str, Any], migration: Migration, kind: Kind) -> list[dict[str, Any]]:
    """Read the very values that our load wrote, as `create` takes them, without our keys."""
    rules = [rule for rules in migration.mapping.streams.values() for rule in rules]
    names = {name for rule in rules if rule.entity == kind.entity for name in (*rule.fields, *rule.links)}
    answer = requests.post(
        f"{run['url']}/json/2/{kind.model}/search_read",
        json={
            "domain": [["create_uid", "!=", 1]],
            "fields": sorted(names),
            "order": "id desc",
            "limit": ROWS,
        },
        headers={"Authorization": f"bearer {run['api_key']}", "X-Odoo-Database": DATABASE},
        timeout=300,
    )
    answer.raise_for_status()
    return [
        kind.more | {name: _wire(value) for name, value in row.items() if name != "id" and value is not False}
        for row in answer.json()
    ]


def _wire(value: Any) -> Any:
    """A many2one is read as `[id, name]`."""
    is_link = isinstance(value, list) and len(value) == 2 and isinstance(value[0], int)
    return value[0] if is_link else value


def _by_odoorpc(run: dict[str, Any], kind: Kind, rows: list[dict[str, Any]]) -> float:
    host, _, port = run["url"].removeprefix("http://").partition(":")
    odoo = odoorpc.ODOO(host, port=int(port), timeout=300)
    odoo.login(DATABASE, run["login"], run["api_key"])
    began = time.perf_counter()
    for start in range(0, len(rows), BATCH):
        odoo.execute_kw(kind.model, "create", [rows[start : start + BATCH]], {"context": QUIET})
    return time.perf_counter() - began


def _in_the_server(lab: Lab, kind: Kind, rows: list[dict[str, Any]], path: Path) -> float:
    path.parent.chmod(0o755)
    path.write_text(json.dumps(rows))
    script = FLOOR.format(path=str(path), model=kind.model, batch=BATCH)
    printed = lab.odoo.once(["-d", DATABASE], stdin=script, subcommand="shell")
    return next(float(line.partition("TOOK ")[2]) for line in printed.splitlines() if "TOOK " in line)


if __name__ == "__main__":
    main()
