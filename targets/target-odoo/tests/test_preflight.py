from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crmlift.destination import Finding, Severity
from crmlift.errors import RunStopped
from crmlift.sandbox.server import serve
from target_odoo.client import OdooClient
from target_odoo.destination import OdooDestination
from target_odoo.entities import ENTITIES
from target_odoo.preflight import models_of, online
from target_odoo.rights import OPERATIONS, Rights

if TYPE_CHECKING:
    from conftest import Odoo


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def test_an_administrators_key_passes_and_writes_nothing(odoo: Odoo, crm: OdooDestination) -> None:
    before = odoo.raw("res.partner", "search_count", domain=[])[1]
    findings = crm.preflight(list(ENTITIES))
    assert errors(findings) == []
    assert any("Odoo 19.0" in finding.text for finding in findings)
    assert any("Installed modules" in finding.text for finding in findings)
    assert odoo.raw("res.partner", "search_count", domain=[])[1] == before


def test_missing_rights_are_named_with_the_group_to_add(sandbox: Odoo, workspace: str) -> None:
    with OdooDestination(sandbox.client(api_key="sandbox-limited"), workspace) as crm:
        findings = crm.preflight(["person", "tag"])
    found = {finding.text: finding.fix for finding in errors(findings)}
    rights = "The API key's user may not read, create, write, unlink ir.model.data."
    assert "Access Rights" in found[rights]
    assert any("automation rules" in text for text in found)
    assert any("custom fields" in f.text for f in findings if f.severity is Severity.WARNING)


def test_an_administrators_rights_are_read_from_the_rules_and_are_those_that_odoo_grants(odoo: Odoo) -> None:
    client = odoo.client()
    models = [*models_of(list(ENTITIES)), "ir.model.data", "ir.logging", "res.lang"]
    there = [model for model in models if odoo.raw(model, "search_count", domain=[])[0] == 200]
    rights = Rights(client, there)
    granted = {(model, op): rights.may(model, op) for model in there for op in OPERATIONS}
    assert not any(call.endswith("has_access") for call in client.http.calls)
    assert granted == {
        (model, op): odoo.raw(model, "has_access", ids=[], operation=op)[1]
        for model in there
        for op in OPERATIONS
    }
    assert len(there) > 15


def test_somebody_else_is_asked_right_by_right(sandbox: Odoo) -> None:
    rights = Rights(sandbox.client(api_key="sandbox-limited"), ["res.partner", "ir.model.data"])
    assert rights.lacking("res.partner") == []
    assert rights.lacking("ir.model.data") == list(OPERATIONS)


def test_an_active_automation_rule_stops_the_run_unless_it_is_allowed(odoo: Odoo, workspace: str) -> None:
    model = odoo.raw("ir.model", "search", domain=[["model", "=", "res.partner"]])[1][0]
    rule = odoo.id("base.automation", name="Welcome", model_id=model, trigger="on_create_or_write")
    try:
        with odoo.destination(workspace) as crm:
            found = errors(crm.preflight(["person"]))
            assert ["Welcome" in finding.text for finding in found] == [True]
            assert "Archive the rule" in found[0].fix
            assert errors(crm.preflight(["event"])) == []
        with odoo.destination(workspace, allow_automations=True) as crm:
            assert errors(crm.preflight(["person"])) == []
    finally:
        odoo.raw("base.automation", "unlink", ids=[rule])


def test_a_wrong_key_stops_at_once(sandbox: Odoo, workspace: str) -> None:
    crm = OdooDestination(sandbox.client(api_key="wrong-key"), workspace)
    with crm, pytest.raises(RunStopped, match="does not accept the API key"):
        crm.preflight(["person"])


def test_older_servers_are_told_to_be_slower(sandbox_17: Odoo, workspace: str) -> None:
    with sandbox_17.destination(workspace) as crm:
        findings = crm.preflight(["person"])
    assert errors(findings) == []
    assert any("XML-RPC" in finding.text for finding in findings)


def test_done_activities_are_not_for_odoo_16() -> None:
    with serve("target_odoo.sandbox:create_app", {"ODOO_SANDBOX_VERSION": "16"}) as server:
        client = OdooClient(server.url, "sandbox", "sandbox-key", "admin")
        with OdooDestination(client, "acme") as crm:
            (found,) = errors(crm.preflight(["activity"]))
        assert "deletes an activity that is done" in found.text
        assert "another form" in found.fix


def test_the_edition_is_named(sandbox: Odoo, sandbox_crm: OdooDestination) -> None:
    assert any("Community" in finding.text for finding in sandbox_crm.preflight(["person"]))
    module = sandbox.id("ir.module.module", name="web_enterprise", state="installed")
    assert any("Enterprise" in finding.text for finding in sandbox_crm.preflight(["person"]))
    sandbox.raw("ir.module.module", "unlink", ids=[module])


def test_odoo_online_is_known_by_its_address() -> None:
    assert [finding.severity for finding in online("acme.odoo.com")] == [Severity.WARNING]
    assert "Custom plan" in next(online("acme.odoo.com")).text
    assert list(online("crm.example.com")) == []
    assert list(online("notodoo.com")) == []


@pytest.mark.parametrize(("entity", "module"), [("delivery", "mass_mailing"), ("lead", "CRM")])
def test_a_module_that_is_not_installed_is_named(
    sandbox_crm: OdooDestination, monkeypatch: pytest.MonkeyPatch, entity: str, module: str
) -> None:
    assert errors(sandbox_crm.preflight([entity])) == []
    monkeypatch.setattr(sandbox_crm.schema, "columns", lambda _model: {})
    (found,) = errors(sandbox_crm.preflight([entity]))
    assert module in found.fix
    assert "out of the mapping" in found.fix
