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

from target_odoo.client import OdooClient
from target_odoo.target import TargetOdoo

EXACT = {1, 2, 3, 10, 11, 12, 13, 14, 15}
"""Segments of the bundled workspace that its rule or tag picks exactly, on what the default mapping loads."""


@pytest.fixture
def project(tmp_path: Path, customerio, odoo_sandbox) -> Project:
    odoo = {f"TARGET_ODOO_{name.upper()}": value for name, value in TargetOdoo.sandbox_config.items()}
    journeys = {
        "TAP_CUSTOMERIO_SERVICE_ACCOUNT_TOKEN": "sandbox-service-account",
        "TAP_CUSTOMERIO_UI_API_URL": f"{customerio.url}/ui",
    }
    settings = {**customerio_settings(customerio), **journeys, "TARGET_ODOO_URL": odoo_sandbox.url, **odoo}
    return Project(tmp_path / "a project", settings)


@pytest.mark.parametrize("merging", [True, False], ids=["people merged by email", "nobody merged"])
def test_what_is_called_exact_picks_exactly_the_segments_people(project, odoo_sandbox, merging: bool):
    project.crmlift("propose", "--workspace", "demo")
    if not merging:
        drop_dedupe(project.folder / "crmlift" / "odoo.yml")
    project.crmlift("approve", "--by", "tester")
    project.meltano_run()
    index = project.crmlift("handoff", "--target", "odoo", "--show-people", "--json").json
    assert index["mapping_approved"]
    folder = project.folder / ".crmlift" / "handoff"
    segments = [entry for entry in index["items"] if entry["kind"] == "segment"]
    exact = {entry["id"] for entry in segments if entry["exactness"] == {"Odoo": "exact"}}
    assert exact == {str(id) for id in EXACT}

    client = OdooClient(
        odoo_sandbox.url, *(TargetOdoo.sandbox_config[name] for name in ("database", "api_key", "login"))
    )
    everybody = people(folder, "1")
    owners = merged_into(client, everybody)
    sizes = {}
    for id in sorted(exact, key=int):
        domain = ast.literal_eval((folder / "advice" / "odoo" / f"segment-{id}.domain.txt").read_text())
        found = cio_ids(client, domain)
        held = set(people(folder, id))
        several = {who for group in owners.values() if len(group) > 1 for who in group}
        assert merging or not several
        assert found - several == held - several, f"segment {id}"
        # A merged contact has the values of the first of them, and the tags of all.
        assert all(owners[who] & held for who in found & several), f"segment {id}"
        sizes[id] = len(held)
    assert sizes["15"] == 0, "one of them has nobody in it"
    assert sum(size > 0 for size in sizes.values()) == len(sizes) - 1


def test_the_documents_of_the_bundled_workspace_are_complete(project):
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


def cio_ids(client: OdooClient, domain: list[Any]) -> set[str]:
    rows = client.call("res.partner", "search_read", domain=domain, fields=["x_cio_id"])
    return {row["x_cio_id"] for row in rows}


def merged_into(client: OdooClient, everybody: dict[str, str]) -> dict[str, set[str]]:
    """People by the contact that they are in: those with one address may be in one."""
    contacts = cio_ids(client, [("is_company", "=", False), ("x_cio_id", "!=", False)])
    by_email: dict[str, set[str]] = {}
    for who, email in everybody.items():
        by_email.setdefault(email.casefold(), set()).add(who)
    found: dict[str, set[str]] = {who: {who} for who in contacts}
    for group in by_email.values():
        there = group & contacts
        if len(there) < len(group):
            for who in group:
                found[who] = group
    return found
