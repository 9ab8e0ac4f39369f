"""The hand-off over the whole pipeline, and the proof of what it calls exact: evaluated on the loaded CRM."""

from __future__ import annotations

import ast
import csv
import json
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from migration import ROOT, Project, customerio_settings
from ruamel.yaml import YAML

from crmlift.singer.target import CrmTarget

EXACT = {1, 2, 3, 10, 11, 12, 13, 14, 15}
"""Segments of the bundled workspace that a rule or list picks exactly, on what the default mappings load.

Those of the unsubscribed are not among them: the CRM has what the consent hook says, more than one attribute.
"""
JOURNEYS = {"TAP_CUSTOMERIO_SERVICE_ACCOUNT_TOKEN": "sandbox-service-account"}


class People:
    """Whom a loaded CRM finds, by Customer.io's ids."""

    def __init__(self, target: type[CrmTarget], url: str) -> None:
        self.client = target.destination({"url": url, **target.sandbox_config}, "demo").client  # type: ignore[attr-defined]

    def everybody(self) -> set[str]:
        raise NotImplementedError

    def of(self, advice: Path, segment: str) -> set[str]:
        """Those that the advice on a segment picks."""
        raise NotImplementedError


class InOdoo(People):
    def everybody(self) -> set[str]:
        return self._search([("is_company", "=", False), ("x_cio_id", "!=", False)])

    def of(self, advice: Path, segment: str) -> set[str]:
        return self._search(ast.literal_eval((advice / "odoo" / f"segment-{segment}.domain.txt").read_text()))

    def _search(self, domain: list[Any]) -> set[str]:
        rows = self.client.call("res.partner", "search_read", domain=domain, fields=["x_cio_id"])
        return {row["x_cio_id"] for row in rows}


class InSalesforce(People):
    def everybody(self) -> set[str]:
        return self._query("SELECT cio_id__c FROM Lead") | self._query("SELECT cio_id__c FROM Contact")

    def of(self, advice: Path, segment: str) -> set[str]:
        files = [advice / "salesforce" / f"segment-{segment}.{kind}.soql" for kind in ("lead", "contact")]
        return {who for file in files for who in self._query(file.read_text())}

    def _query(self, soql: str) -> set[str]:
        return {row["cio_id__c"] for page in self.client.query(soql) for row in page if row["cio_id__c"]}


@pytest.fixture
def project(tmp_path: Path, customerio, crm, crm_sandbox) -> Project:
    token = {**JOURNEYS, "TAP_CUSTOMERIO_UI_API_URL": f"{customerio.url}/ui"}
    settings = {**customerio_settings(customerio), **token, **crm.settings(crm_sandbox.url)}
    return Project(tmp_path / "a project", settings, crm.target.name)


@pytest.mark.parametrize("merging", [True, False], ids=["people merged by email", "nobody merged"])
def test_what_is_called_exact_picks_exactly_the_segments_people(project, crm, crm_sandbox, merging: bool):
    project.crmlift("propose", "--workspace", "demo")
    if not merging:
        drop_dedupe(project.folder / "crmlift" / f"{crm.short}.yml")
    project.crmlift("approve", "--by", "tester")
    project.meltano_run()
    index = project.crmlift("handoff", "--target", crm.short, "--show-people", "--json").json
    assert index["mapping_approved"]
    folder = project.folder / ".crmlift" / "handoff"
    segments = [entry for entry in index["items"] if entry["kind"] == "segment"]
    exact = {entry["id"] for entry in segments if list(entry["exactness"].values()) == ["exact"]}
    assert exact == {str(id) for id in EXACT}

    loaded = (InOdoo if crm.short == "odoo" else InSalesforce)(crm.target, crm_sandbox.url)
    owners = merged_into(loaded.everybody(), people(folder, "1"))
    several = {who for group in owners.values() if len(group) > 1 for who in group}
    assert merging or not several
    sizes = {}
    for id in sorted(exact, key=int):
        found, held = loaded.of(folder / "advice", id), set(people(folder, id))
        assert found - several == held - several, f"segment {id}"
        # A merged record has the values of the first of its people, and the tags of all.
        assert all(owners[who] & held for who in found & several), f"segment {id}"
        sizes[id] = len(held)
    assert sizes["15"] == 0, "one of them has nobody in it"
    assert sum(size > 0 for size in sizes.values()) == len(sizes) - 1


def test_the_documents_of_the_bundled_workspace_are_complete(tmp_path, customerio):
    token = {**JOURNEYS, "TAP_CUSTOMERIO_UI_API_URL": f"{customerio.url}/ui"}
    project = Project(tmp_path / "a project", {**customerio_settings(customerio), **token})
    index = project.crmlift("handoff", "--json").json
    assert index["counts"] == {
        "segment": 16, "campaign": 12, "broadcast": 3, "newsletter": 8, "transactional": 4, "push": 1,
        "settings": 1, "deleted": 1, "messages": 1, "completeness": 1,
    }  # fmt: skip
    folder = project.folder / ".crmlift" / "handoff"
    check = fastjsonschema.compile(json.loads((ROOT / "docs" / "schemas" / "handoff-item.json").read_text()))
    items = {}
    for entry in index["items"]:
        items[entry["key"]] = json.loads((folder / "items" / f"{entry['key']}.json").read_text())
        check(items[entry["key"]])
    drawn = {key: item["journey"]["drawn"] for key, item in items.items() if item["journey"]}
    assert list(drawn.values()).count("graph") == 14
    assert drawn["campaign-7"] == "order"
    assert "quantum_action" in " ".join(items["campaign-9"]["statements"])
    assert items["settings-workspace"]["tables"]
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    assert not [text for text in texts if "secret-word" in text or "Token-42" in text or "editor@" in text]


def drop_dedupe(path: Path) -> None:
    yaml = YAML()
    mapping = yaml.load(path)
    del mapping["hooks"]["dedupe"]
    for rules in mapping["streams"]["people"]:
        rules.pop("match", None)
    yaml.dump(mapping, path)


def people(folder: Path, segment: str) -> dict[str, str]:
    """Addresses by cio_id of a segment's people, as the hand-off lists them."""
    path = folder / "people" / f"segment-{segment}.csv"
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {row["cio_id"]: row["email"] for row in csv.DictReader(file)}


def merged_into(loaded: set[str], everybody: dict[str, str]) -> dict[str, set[str]]:
    """People by the record that they are in: those with one address may be in one."""
    by_email: dict[str, set[str]] = {}
    for who, email in everybody.items():
        by_email.setdefault(email.casefold(), set()).add(who)
    found: dict[str, set[str]] = {who: {who} for who in loaded}
    for group in by_email.values():
        if len(group & loaded) < len(group):
            for who in group:
                found[who] = group
    return found
