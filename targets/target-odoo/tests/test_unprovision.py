"""What provisioning adds to Odoo can be taken back, as far as it holds nothing."""

from __future__ import annotations

from crmlift.destination import Create, Unprovisions
from crmlift.mapping import schema_changes
from crmlift.mapping.load import read_mapping
from target_odoo.destination import OdooDestination
from target_odoo.target import TargetOdoo

MANUAL = [["state", "=", "manual"]]
OURS = [["name", "like", "crmlift."]]
TRACES = {
    "ir.model.fields": MANUAL,
    "ir.model": MANUAL,
    "ir.ui.view": OURS,
    "ir.ui.menu": [["name", "like", "Customer.io"]],
    "ir.actions.act_window": [["name", "like", "Customer.io"]],
    "ir.model.data": [["module", "=", "__cio__"]],
}


def traces(crm: OdooDestination) -> dict[str, int]:
    found = {
        model: crm.client.call(model, "search_count", domain=domain, context={"active_test": False})
        for model, domain in TRACES.items()
    }
    return {model: number for model, number in found.items() if number}


def test_an_empty_schema_goes_without_a_trace(fresh: OdooDestination) -> None:
    mapping = read_mapping(TargetOdoo.default_mapping)
    assert isinstance(fresh, Unprovisions)
    assert traces(fresh) == {}
    schema_changes.apply(mapping, fresh)
    provisioned = traces(fresh)
    assert provisioned.keys() == TRACES.keys()
    told = fresh.unprovision(dry_run=True)
    assert traces(fresh) == provisioned
    taken = fresh.unprovision()
    assert sorted(taken.removed) == sorted({*told.removed, *taken.removed})
    assert taken.kept == {}
    assert traces(fresh) == {}
    assert fresh.describe("event") == {}
    # And can be made anew.
    schema_changes.apply(mapping, fresh)
    assert traces(fresh) == provisioned


def test_what_holds_a_value_stays_and_is_named(fresh: OdooDestination) -> None:
    schema_changes.apply(read_mapping(TargetOdoo.default_mapping), fresh)
    values = {"name": "Ann", "x_cio_plan": "pro", "x_cio_lead_score": 0}
    (person,) = fresh.create("person", [Create("p", values)])
    fresh.create("event", [Create("e", {"x_name": "Signed up", "x_partner_id": person.id})])
    taken = fresh.unprovision()
    assert taken.kept == {
        "res.partner.x_cio_plan": "1 records hold a value",
        "x_cio_event": "1 records are in it",
    }
    (view,) = fresh.client.call(
        "ir.ui.view", "search_read", domain=[["name", "=", "crmlift.partner.page"]], fields=["arch"]
    )
    assert 'name="x_cio_plan"' in view["arch"]
    assert 'name="x_cio_bio"' not in view["arch"]
    assert fresh.read("person", [str(person.id)], ["x_cio_plan"])[str(person.id)] == {"x_cio_plan": "pro"}
    assert fresh.count("event") == 1
