"""The hand-off in a real Odoo: what is called exact is evaluated, the drafts are imported and tried."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import deeds
import pytest
from migration import Project, fill
from proof import InOdoo, prove, with_journeys

from crmlift import plugins
from crmlift.sandbox.server import serve
from target_odoo.client import OdooClient
from target_odoo.import_module import MODULE
from target_odoo.journey_runs import RUN
from target_odoo.target import TargetOdoo

PEOPLE = 150
PARTNER, EVENT, RULE = "res.partner", "x_cio_event", "base.automation"
LONG_AGO = "2020-01-01 00:00:00"
ALL: dict[str, Any] = {"context": {"active_test": False}}


@pytest.fixture(scope="module")
def handoff(odoo: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The hand-off of a bundled workspace that was loaded into Odoo; what it calls exact is proven."""
    factory = plugins.find(plugins.SANDBOXES, "customerio").value
    with serve(factory, {"CUSTOMERIO_SANDBOX_RATE": "1000"}) as customerio:
        fill(customerio, people=PEOPLE)
        deeds.add(customerio)
        secrets = {f"TARGET_ODOO_{name.upper()}": value for name, value in odoo.settings.items()}
        folder = tmp_path_factory.mktemp("handoff") / "project"
        project = Project(folder, {**with_journeys(customerio), **secrets})
        project.approve_default()
        project.meltano_run()
        with TargetOdoo.destination(odoo.settings, "demo") as crm:
            prove(project, "odoo", InOdoo(crm.client), merging=True)
        yield project.folder / ".crmlift" / "handoff"


@pytest.fixture
def client(odoo: Any) -> Iterator[OdooClient]:
    with TargetOdoo.destination(odoo.settings, "demo") as crm:
        yield crm.client


@contextmanager
def imported(odoo: Any, handoff: Path) -> Iterator[None]:
    """The drafts in Odoo, as an administrator gets them there: Apps, Import Module; and uninstalled again."""
    archive = base64.b64encode((handoff / "advice" / "odoo" / f"{MODULE}.zip").read_bytes()).decode()
    (wizard,) = odoo.call("base.import.module", "create", vals_list=[{"module_file": archive}])
    odoo.call("base.import.module", "import_module", ids=[wizard])
    try:
        yield
    finally:
        module = odoo.call("ir.module.module", "search", domain=[("name", "=", MODULE)])
        odoo.call("ir.module.module", "button_immediate_uninstall", ids=module)


def drafts(odoo: Any, model: str, *fields: str) -> dict[str, dict[str, Any]]:
    """Records of a model that the module brought, by their external names."""
    rows = odoo.call(
        "ir.model.data",
        "search_read",
        domain=[("module", "=", MODULE), ("model", "=", model)],
        fields=["name", "res_id"],
    )
    found = odoo.call(model, "read", ids=[row["res_id"] for row in rows], fields=list(fields), **ALL)
    by_id = {row["id"]: row for row in found}
    return {row["name"]: by_id[row["res_id"]] for row in rows}


def test_what_is_called_exact_picks_exactly_the_segments_people(handoff: Path):
    assert (handoff / "index.html").exists(), "the fixture has proven it"


def test_drafts_are_imported_do_nothing_and_are_removed_without_a_trace(odoo: Any, handoff: Path):
    mails, before = odoo.send_queued_mail(), odoo.fingerprints()
    with imported(odoo, handoff):
        rules, jobs = drafts(odoo, RULE, "active"), drafts(odoo, "ir.cron", "active")
        assert len(list((handoff / "advice" / "odoo").glob("campaign-*.automation.xml"))) == 12
        assert len(rules) > 80
        assert not any(row["active"] for row in [*rules.values(), *jobs.values()])
        assert jobs.keys() >= {f"crmlift_segment_{one.id}_job" for one in deeds.SEGMENTS}
        assert len(drafts(odoo, "ir.filters", "name")) >= 15

        (who,) = odoo.call(PARTNER, "create", vals_list=[{"name": "Try", "x_cio_id": "try"}])
        did(odoo, who, "order_placed")
        assert odoo.call(RUN, "search_count", domain=[]) == 0
        odoo.call(PARTNER, "unlink", ids=[who])
    assert odoo.send_queued_mail() == mails
    assert odoo.call("ir.model", "search", domain=[("model", "=", RUN)]) == []
    assert odoo.fingerprints() == before


def test_a_scheduled_action_gives_its_tag_to_those_whom_the_rule_picks(
    odoo: Any, handoff: Path, client: OdooClient
):
    with imported(odoo, handoff):
        jobs = drafts(odoo, "ir.cron", "name")
        for segment in deeds.SEGMENTS:
            tag = [("category_id.name", "=", segment.name)]
            tagged = odoo.call(PARTNER, "search", domain=tag)
            (category,) = odoo.call("res.partner.category", "search", domain=[("name", "=", segment.name)])
            others = odoo.call(PARTNER, "search", domain=["!", *tag, ("x_cio_id", "!=", False)], limit=3)
            odoo.call(PARTNER, "write", ids=tagged, vals={"category_id": [[3, category]]})
            odoo.call(PARTNER, "write", ids=others, vals={"category_id": [[4, category]]})
            odoo.call(
                "ir.cron", "method_direct_trigger", ids=[jobs[f"crmlift_segment_{segment.id}_job"]["id"]]
            )
            now = {
                row["x_cio_id"] for row in odoo.call(PARTNER, "search_read", domain=tag, fields=["x_cio_id"])
            }
            assert now == InOdoo(client).of(handoff / "advice", str(segment.id))
            assert now


def test_rules_that_are_switched_on_take_people_through_the_journey(odoo: Any, handoff: Path):
    mails = odoo.send_queued_mail()
    with imported(odoo, handoff):
        rules = drafts(odoo, RULE, "name")
        on = [row["id"] for name, row in rules.items() if name.startswith(JOURNEYS)]
        odoo.call(RULE, "write", ids=on, vals={"active": True})
        make = {"city": "Köln"}
        pro, free, buyer, payer, rich = odoo.call(
            PARTNER,
            "create",
            vals_list=[
                {"name": "Pro", "x_cio_id": "try-1", "x_cio_plan": "pro", **make},
                {"name": "Free", "x_cio_id": "try-2", "x_cio_plan": "free", **make},
                {"name": "Buyer", "x_cio_id": "try-3"},
                {"name": "Payer", "x_cio_id": "try-4"},
                {"name": "Rich", "x_cio_id": "try-5", "city": "Köln", "x_cio_lead_score": 80},
            ],
        )
        # A branch whose ways meet again, with a wait on one of them.
        assert went(odoo, pro, "3") == (False, ["waits until", "splits by", "Trial ends soon 1",
                                                "Trial ends soon 2", "Trial ends soon 3"])  # fmt: skip
        assert went(odoo, free, "3") == ("3003", ["waits until", "splits by"])
        # A wait for an event; a branch by several fields.
        for who in (buyer, payer, rich):
            did(odoo, who, "order_placed")
        assert went(odoo, payer, "6") == ("6001", ["Upgrade to Pro 1"])
        did(odoo, payer, "invoice_paid")
        assert went(odoo, payer, "6")[0] is False
        assert went(odoo, rich, "4")[1][1] == "Win back 1"
        assert went(odoo, buyer, "4")[1][1] == "sets segment_of"
        # Time goes by.
        runs = odoo.call(RUN, "search", domain=[("x_step", "!=", False)])
        odoo.call(RUN, "write", ids=runs, vals={"x_since": LONG_AGO})
        clock = odoo.call("ir.cron", "search", domain=[("model_id.model", "=", RULE)])
        odoo.call("ir.cron", "method_direct_trigger", ids=clock)
        assert went(odoo, free, "3") == (False, ["waits until", "splits by", "waits 1 hour",
                                                 "Trial ends soon 2", "Trial ends soon 3"])  # fmt: skip
        assert went(odoo, buyer, "6")[1][:3] == ["Upgrade to Pro 1", "waits until", "creates the"]
        placed = [("x_name", "=", "order_placed"), ("x_partner_id", "=", buyer)]
        assert odoo.call(EVENT, "search_count", domain=placed) == 2, "the journey has made one"
        odoo.call(PARTNER, "unlink", ids=[pro, free, buyer, payer, rich])
    assert odoo.send_queued_mail() == mails, "what sends in Customer.io is empty here"


JOURNEYS = tuple(f"crmlift_journey_{id}_" for id in ("3", "4", "6"))


def did(odoo: Any, who: int, name: str) -> None:
    event = {"x_name": name, "x_type": "event", "x_partner_id": who}
    odoo.call(EVENT, "create", vals_list=[event])


def went(odoo: Any, who: int, journey: str) -> tuple[Any, list[str]]:
    """At which step somebody's first run is, and the beginnings of what it has been through."""
    domain = [("x_partner_id", "=", who), ("x_journey", "=", journey)]
    (run, *_) = odoo.call(RUN, "search_read", domain=domain, fields=["x_step", "x_log"], order="id")
    lines = (run["x_log"] or "").splitlines()
    return run["x_step"], [_beginning(line) for line in lines]


def _beginning(line: str) -> str:
    title = line.partition(":")[0]
    return title if title[-1:].isdigit() else " ".join(title.split()[: 3 if "1 hour" in title else 2])
