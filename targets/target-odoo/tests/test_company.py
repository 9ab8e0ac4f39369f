"""Databases with several companies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmlift.destination import Create, Severity

if TYPE_CHECKING:
    from conftest import Odoo


def test_records_are_made_in_the_company_and_adopted_from_it(odoo: Odoo, workspace: str) -> None:
    second = odoo.id("res.company", name=f"Second {workspace}")
    ours = odoo.id("res.partner", name="Shared", email=f"shared.{workspace}@example.com")
    theirs = odoo.id("res.partner", name="Theirs", company_id=1, email=f"theirs.{workspace}@example.com")
    with odoo.destination(workspace, company_id=second) as crm:
        assert not [f for f in crm.preflight(["person"]) if "company" in f.text]
        (person,) = crm.create("person", [Create("p", {"name": "Ann"})])
        (lead,) = crm.create("lead", [Create("l", {"name": "Ann"})])
        found = {found.id for page in crm.scan("person", (), ours=False) for found in page}
        assert str(ours) in found
        assert str(theirs) not in found
        (row,) = odoo.raw("res.partner", "read", ids=[int(str(person.id))], fields=["company_id"])[1]
        assert row["company_id"][0] == second
        crm.delete("lead", {"l": str(lead.id)})
        crm.delete("person", {"p": str(person.id)})


def test_several_companies_and_none_named_is_said_and_a_wrong_one_stops(odoo: Odoo, workspace: str) -> None:
    second = odoo.id("res.company", name=f"Other {workspace}")
    with odoo.destination(workspace) as crm:
        (finding,) = [f for f in crm.preflight(["person"]) if "several companies" in f.text]
        assert finding.severity is Severity.WARNING
        assert f"{second} (Other {workspace})" in finding.fix
    with odoo.destination(workspace, company_id=second + 1000) as crm:
        (finding,) = [f for f in crm.preflight(["person"]) if "sees no company" in f.text]
        assert finding.severity is Severity.ERROR
