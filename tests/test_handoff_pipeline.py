"""The hand-off over the whole pipeline, and the proof of what it calls exact: evaluated on the loaded CRM."""

from __future__ import annotations

import json
from pathlib import Path

import deeds
import fastjsonschema
import pytest
from migration import ROOT, Project
from proof import InOdoo, InSalesforce, prove, with_journeys
from ruamel.yaml import YAML


@pytest.fixture
def project(tmp_path: Path, customerio, crm, crm_sandbox) -> Project:
    settings = {**with_journeys(customerio), **crm.settings(crm_sandbox.url)}
    return Project(tmp_path / "a project", settings, crm.target.name)


@pytest.mark.parametrize("merging", [True, False], ids=["people merged by email", "nobody merged"])
def test_what_is_called_exact_picks_exactly_the_segments_people(
    project, crm, crm_sandbox, customerio, merging: bool
):
    deeds.add(customerio)
    project.crmlift("propose", "--workspace", "demo")
    if not merging:
        drop_dedupe(project.folder / "crmlift" / f"{crm.short}.yml")
    project.crmlift("approve", "--by", "tester")
    project.meltano_run()
    client = crm.target.destination({"url": crm_sandbox.url, **crm.target.sandbox_config}, "demo").client
    prove(project, crm.short, (InOdoo if crm.short == "odoo" else InSalesforce)(client), merging=merging)


def test_the_documents_of_the_bundled_workspace_are_complete(tmp_path, customerio):
    project = Project(tmp_path / "a project", with_journeys(customerio))
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
