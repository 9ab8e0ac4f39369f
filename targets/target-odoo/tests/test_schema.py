from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlift.destination import Field, FieldType
from crmlift.errors import ConfigError
from crmlift.mapping import schema_changes
from crmlift.mapping.load import read_mapping
from target_odoo.destination import OdooDestination
from target_odoo.pages import VIEW
from target_odoo.schema import field_name
from target_odoo.target import TargetOdoo

if TYPE_CHECKING:
    from conftest import Odoo


def test_field_names_follow_the_label() -> None:
    assert field_name("subscription.plan_name") == "x_subscription_plan_name"
    assert field_name("x_ready") == "x_ready"
    assert field_name("Größe (cm)") == "x_Gr__e__cm_"


@given(st.text(max_size=200), st.text(max_size=200))
def test_field_names_are_legal_and_long_labels_stay_apart(one: str, two: str) -> None:
    a, b = field_name(one + "a" * 70), field_name(two + "a" * 70)
    assert len(a) <= 63
    assert a.startswith("x_")
    assert a[2:].replace("_", "a").isascii()
    assert a[2:].replace("_", "a").isalnum()
    assert (a == b) == (one == two)


def test_the_default_mapping_fits_the_schema_that_it_provisions(crm: OdooDestination) -> None:
    mapping = read_mapping(TargetOdoo.default_mapping)
    schema_changes.apply(mapping, crm)
    assert schema_changes.missing(mapping, crm) == {}
    people = crm.describe("person")
    wanted = schema_changes.wanted(mapping)
    assert {name: people[name].type for name in wanted["person"]} == {
        name: field.type for name, field in wanted["person"].items()
    }
    events = crm.describe("event")
    assert events["x_partner_id"].type is FieldType.LINK
    assert events["x_partner_id"].links_to == "res.partner"
    assert events["x_cio_key"].custom
    assert people["name"].label == "Name"
    assert people["email_normalized"].readonly
    assert not people["name"].custom


def test_all_missing_fields_are_created_in_one_call_and_once(sandbox_crm: OdooDestination) -> None:
    fields = [Field(f"x_once_{n}", FieldType.TEXT, label=f"Once {n}") for n in range(50)]
    calls = sandbox_crm.client.http.calls
    sandbox_crm.provision("person", fields[:40])
    assert calls["ir.model.fields.create"] == 1
    sandbox_crm.provision("person", fields)
    assert calls["ir.model.fields.create"] == 2
    sandbox_crm.provision("person", fields)
    sandbox_crm.provision("company", fields)
    assert calls["ir.model.fields.create"] == 2


@pytest.mark.parametrize("after", [True, False])
def test_provisioning_survives_a_lost_answer(
    sandbox: Odoo, sandbox_crm: OdooDestination, after: bool
) -> None:
    field = Field(f"x_lost_{after}".lower(), FieldType.INTEGER)
    sandbox.sandbox.faults(  # type: ignore[union-attr]
        {"kind": "cut", "match": "ir.model.fields/create", "times": 1, "after": after}
    )
    if after:
        sandbox_crm.provision("person", [field])
    else:
        with pytest.raises(Exception, match="closed the connection"):
            sandbox_crm.provision("person", [field])
        sandbox_crm.provision("person", [field])
    assert sandbox_crm.describe("person")[field.name].type is FieldType.INTEGER


def test_a_field_of_another_type_is_reported_before_anything_is_created(crm: OdooDestination) -> None:
    crm.provision("person", [Field("x_typed", FieldType.TEXT)])
    with pytest.raises(
        ConfigError, match=r"x_typed is there as char; the mapping wants integer.*another name"
    ):
        crm.provision("person", [Field("x_new", FieldType.TEXT), Field("x_typed", FieldType.INTEGER)])
    assert "x_new" not in crm.describe("person")


def test_a_name_that_odoo_refuses_is_reported_with_its_rule(crm: OdooDestination) -> None:
    with pytest.raises(ConfigError, match="must have a name that starts with 'x_'"):
        crm.provision("person", [Field("plan", FieldType.TEXT)])


def test_our_fields_stand_on_a_page_of_the_contact_form(odoo: Odoo, crm: OdooDestination) -> None:
    crm.provision("person", [Field("x_cio_one", FieldType.TEXT)])
    crm.provision("person", [Field("x_cio_two", FieldType.DATE), Field("x_cio_raw", FieldType.JSON)])
    views = odoo.raw(
        "ir.ui.view", "search_read", domain=[["name", "=", VIEW]], fields=["arch", "inherit_id"]
    )[1]
    assert len(views) == 1
    assert 'name="x_cio_one"' in views[0]["arch"]
    assert 'name="x_cio_two"' in views[0]["arch"]
    assert 'name="x_cio_raw"' not in views[0]["arch"]


def test_links_are_indexed_so_that_contacts_can_still_be_deleted_fast(
    odoo: Odoo, crm: OdooDestination
) -> None:
    crm.provision("event", [Field("x_partner_id", FieldType.LINK, links_to="person")])
    crm.provision("person", [Field("x_cio_link", FieldType.LINK, links_to="company")])
    rows = odoo.raw(
        "ir.model.fields",
        "search_read",
        domain=[["name", "in", ["x_partner_id", "x_cio_link", "x_cio_key"]], ["state", "=", "manual"]],
        fields=["model", "name", "index", "on_delete"],
    )[1]
    found = {(row["model"], row["name"]): (row["index"], row["on_delete"]) for row in rows}
    assert found["x_cio_event", "x_partner_id"] == (True, "cascade")
    assert found["res.partner", "x_cio_link"] == (True, "set null")
    assert found["x_cio_event", "x_cio_key"][0] is True
