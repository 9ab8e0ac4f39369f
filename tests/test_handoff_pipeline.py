"""The hand-off over the whole pipeline, and the proof of what it calls exact: evaluated on the loaded CRM."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deeds
import fastjsonschema
import pytest
import requests
from migration import ROOT, Project
from proof import InOdoo, InSalesforce, prove, with_journeys
from ruamel.yaml import YAML

from crmlift.sandbox.server import Server
from target_odoo.target import TargetOdoo


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


# What issues and the published maps promise of the hand-off, and where it is found.
PROMISED: dict[str, Callable[[Documents], bool]] = {
    "segments: rule criteria as JSON, and the count": lambda found: all(
        item["rule"]["raw"] and item["members"]["counted"] >= 0
        for item in found.of("segment") if item["rule"] and item["members"]
    ),
    "segments: which tag or campaign each became": lambda found: (
        len(found.table("became-crm", "Segments")) == len(found.of("segment"))
    ),
    "segments: what to rebuild, each with a mark": lambda found: all(
        item["advice"][0]["exactness"] in ("exact", "partial", "by_hand") for item in found.of("segment")
    ),
    "campaigns: trigger, steps, waits, branches, channels as JSON": lambda found: (
        {step["kind"] for item in found.of("campaign") for step in item["journey"]["steps"]}
        >= {"message", "wait", "branch", "random split", "by language", "wait until", "exit"}
        and all(item["journey"]["trigger"]["words"] for item in found.of("campaign"))
    ),
    "campaigns: the flow is drawn": lambda found: all(
        "<svg" in found.page(item["key"]) for item in found.of("campaign")
    ),
    "campaigns: a draft that is not active": lambda found: (
        sum(bool(item["advice"][0]["artefacts"]) for item in found.of("campaign")) == 12
    ),
    "campaigns: content with its Liquid": lambda found: any(
        message["liquid"]["variables"] for item in found.of("campaign") for message in item["messages"]
    ),
    "broadcasts: audience, and the limit that callers know": lambda found: all(
        item["audience"] and "every 10 seconds" in " ".join(item["statements"])
        for item in found.of("broadcast")
    ),
    "newsletters: audience with size, when sent, a plan to send again": lambda found: all(
        item["audience"] and {"Size", "Sent"} <= {fact["label"] for fact in item["facts"]}
        and any("sent again" in task for task in item["tasks"])
        for item in found.of("newsletter")
    ),
    "templates: body, variables, flags": lambda found: all(
        item["messages"][0]["body"] for item in found.of("transactional")
    ),
    "templates: bypass and redaction are flagged": lambda found: any(
        "unsubscribed" in " ".join(item["statements"]) for item in found.of("transactional")
    ),
    "push: devices are left out, and what must be there before": lambda found: (
        any("token" in said for said in found.one("push-push")["statements"])
    ),
    "settings: single sign-on, allow-lists and region are tasks": lambda found: all(
        any(word in task for task in found.one("settings-workspace")["tasks"])
        for word in ("sign-on", "allow", "egion")
    ),
    "deleted profiles: with the moment, for billing": lambda found: (
        "deleted_at" in found.file("people/deleted.csv").splitlines()[0]
    ),
    "message logs: bounced, failed and redacted are listed": lambda found: (
        {"bounced", "redacted"} <= set(found.file("people/messages.csv").replace("\n", ",").split(","))
    ),
    "completeness: what could not be read": lambda found: bool(found.one("completeness-export")["tables"]),
    "checklist: places for an owner and a mark": lambda found: (
        len(found.index["checklist"]) > 30 and "<th>Owner</th><th>Done</th>" in found.file("index.html")
    ),
    "everything to import, in one": lambda found: len(found.index["packages"]) == 1,
}  # fmt: skip


class Documents:
    """A hand-off, as its reader finds it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = json.loads(self.file("handoff.json"))

    def file(self, name: str) -> str:
        return (self.folder / name).read_text()

    def one(self, key: str) -> Any:
        return json.loads(self.file(f"items/{key}.json"))

    def of(self, kind: str) -> list[Any]:
        found = [self.one(entry["key"]) for entry in self.index["items"] if entry["kind"] == kind]
        assert found
        return found

    def page(self, key: str) -> str:
        return self.file(f"items/{key}.html")

    def table(self, key: str, title: str) -> list[list[str]]:
        return next(table["rows"] for table in self.one(key)["tables"] if table["title"] == title)


def test_every_row_that_is_promised_is_in_the_hand_off(project, customerio):
    deeds.add(customerio)
    delete_somebody(customerio)
    project.crmlift("handoff", "--target", project.target.removeprefix("target-"))
    found = Documents(project.folder / ".crmlift" / "handoff")
    assert [promise for promise, kept in PROMISED.items() if not kept(found)] == []


def test_a_run_writes_the_documents_that_its_mapping_asks_for(tmp_path, customerio, odoo_sandbox):
    settings = {"url": odoo_sandbox.url, **TargetOdoo.sandbox_config}
    secrets = {f"TARGET_ODOO_{name.upper()}": value for name, value in settings.items()}
    project = Project(tmp_path / "a project", {**with_journeys(customerio), **secrets})
    project.crmlift("propose", "--workspace", "demo")
    ask_for_audit(project.folder / "crmlift" / "odoo.yml")
    project.crmlift("approve", "--by", "tester")
    project.crmlift("plan")
    assert not (project.folder / "documents").exists(), "a plan writes nothing"
    project.meltano_run()
    found = Documents(project.folder / "documents")
    assert found.index["destination"] == "Odoo"
    assert found.index["counts"] == {"segment": 16, "campaign": 12, "became": 1}
    assert not list((project.folder / "documents" / "people").glob("segment-*"))
    assert project.counts()["person"]


def delete_somebody(server: Server) -> None:
    headers = {"Authorization": "Bearer sandbox-app-key"}
    page = requests.get(f"{server.url}/v1/segments/1/membership", headers=headers, timeout=60).json()
    path = f"{server.url}/api/v1/customers/cio_{page['identifiers'][0]['cio_id']}"
    assert requests.delete(path, auth=("sandbox-site", "sandbox-track-key"), timeout=60).ok


def ask_for_audit(path: Path) -> None:
    yaml = YAML()
    mapping = yaml.load(path)
    wanted = {"output": "documents", "items": ["segment", "campaign", "became"], "members": False}
    mapping["hooks"]["audit"] = wanted
    yaml.dump(mapping, path)


def drop_dedupe(path: Path) -> None:
    yaml = YAML()
    mapping = yaml.load(path)
    del mapping["hooks"]["dedupe"]
    for rules in mapping["streams"]["people"]:
        rules.pop("match", None)
    yaml.dump(mapping, path)
