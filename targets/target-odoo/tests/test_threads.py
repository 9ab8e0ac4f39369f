"""A contact's chatter reads in order of time, although it stands in the order of ids."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from choices import DEFAULT, uncommented

from crmlift.destination import Create
from crmlift.testing.workspace import NOW, Workspace
from target_odoo.destination import OdooDestination

if TYPE_CHECKING:
    from conftest import Odoo, Start

WAITS = "      deliveries: {at: [metrics.sent, created]}\n"
SMALL_CALLS = 7
DAY = 86_400


def shown(odoo: Odoo, partner: int) -> list[dict[str, Any]]:
    """The chatter as Odoo shows it: without an order being asked for, the newest on top."""
    domain = [["model", "=", "res.partner"], ["res_id", "=", partner]]
    rows = odoo.raw("mail.message", "search_read", domain=domain, fields=["date", "message_type"])[1]
    assert isinstance(rows, list)
    return rows


def busy(workspace: Workspace, people: Sequence[int], *, until: int) -> None:
    """Give some people many entries of each kind, in no order at all."""
    chance = random.Random(until)
    moments = [until - n * 3600 for n in range(60)]
    for number in people:
        person = workspace.streams["people"][number]
        who = {"cio_id": person["cio_id"], "person_id": person["id"], "email": person["email"]}
        for n, at in enumerate(moments):
            key, kind = f"{number}-{at}", ("email", "twilio", "push")[n % 3]
            if n % 2:
                event = {"id": f"01E{key}", "type": "event", "name": "order_placed", "timestamp": at}
                workspace.streams["activities"].append({**event, "data": {}, **who})
            else:
                sent = {"id": f"d{key}", "type": kind, "created": at - 9, "metrics": {"sent": at}}
                more = {"subject": key, "recipient": None, "forgotten": False, "campaign_id": 3}
                workspace.streams["deliveries"].append({**sent, **more, **who})
    for stream in ("activities", "deliveries"):
        chance.shuffle(workspace.streams[stream])


def test_a_thread_is_in_order_of_time_over_all_calls_and_streams(odoo: Odoo, start: Start) -> None:
    migration = start(uncommented(DEFAULT))
    migration.config["batch_size"] = SMALL_CALLS
    workspace = Workspace(6)
    workspace.streams["activities"], workspace.streams["deliveries"] = [], []
    busy(workspace, [1, 2, 3], until=NOW - 10 * DAY)
    migration.load(workspace)
    # What comes later stands above what is there.
    busy(workspace, [2], until=NOW)
    migration.load(workspace)
    assert migration.misses() == []
    with migration.crm() as crm:
        keys = [workspace.streams["people"][number]["cio_id"] for number in (1, 2, 3)]
        threads = [shown(odoo, int(id_)) for id_ in crm.find("person", keys).values()]
    assert sorted(map(len, threads)) == [60, 60, 120]
    for thread in threads:
        assert {row["message_type"] for row in thread} == {"comment", "email_outgoing", "sms"}
        dates = [row["date"] for row in thread]
        assert dates == sorted(dates, reverse=True)


def test_without_the_hook_a_thread_would_stand_as_it_was_read(odoo: Odoo, crm: OdooDestination) -> None:
    """Why the mapping lets deliveries wait: within a call our order holds, across calls nothing can help."""
    (person,) = crm.create("person", [Create("p", {"name": "Ann"})])
    times = [datetime(2023, month, 1, tzinfo=UTC) for month in (3, 1, 2)]
    rows = [
        Create(f"m{n}", {"res_id": person.id, "body": f"<p>{at:%B}</p>", "date": at})
        for n, at in enumerate(times)
    ]
    for part in (rows[:2], rows[2:]):
        crm.create("message", part)
    assert [row["date"][5:7] for row in shown(odoo, int(str(person.id)))] == ["02", "03", "01"]
    crm.delete("person", {"p": str(person.id)})


def test_the_default_mapping_lets_what_stands_in_the_chatter_wait() -> None:
    assert WAITS in DEFAULT
