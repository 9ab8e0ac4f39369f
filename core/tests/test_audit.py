"""The hook that has the hand-off written with each run, and says what stands in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from handoff_records import EVERYTHING, document
from test_handoff import NoAdvice

from crmlift.errors import ConfigError
from crmlift.handoff import target as loader
from crmlift.handoff.build import Destination
from crmlift.handoff.model import Item, Kind
from crmlift.hooks import audit
from crmlift.hooks.audit import Audit
from crmlift.hooks.manager import Hooks
from crmlift.mapping.load import parse_mapping


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, Mapping[str, object]]]:
    """What the hook has had written; the pass itself is tried with Meltano elsewhere."""
    calls: list[tuple[str, Mapping[str, object]]] = []
    monkeypatch.setattr(audit, "write_handoff", lambda tap, settings: calls.append((tap, settings)))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "meltano.yml").touch()
    return calls


def run(kind: str = "load", status: str = "complete", **options: Any) -> None:
    hooks = Hooks({"audit": options})
    hooks.tell("crmlift_run_started", run_id=1, destination="odoo", workspace="demo", kind=kind)
    hooks.tell("crmlift_run_finished", run_id=1, status=status, kind=kind)


def test_a_run_that_loaded_writes_the_documents_for_its_crm(written):
    run(output="there", show_people=True, tap="tap-customerio--eu")
    run(status="complete_with_rejects")
    (first, second) = written
    assert first == (
        "tap-customerio--eu",
        {"target": "odoo", "output": Path("there"), "mapping": None, "show_people": True},
    )
    assert second[1]["output"] is None


@pytest.mark.parametrize(
    ("kind", "status", "options"),
    [
        ("rehearsal", "complete", {}),
        ("retry", "complete", {}),
        ("load", "stopped", {}),
        ("load", "complete", {"each_run": False}),
    ],
)
def test_samples_retries_and_broken_runs_write_nothing(written, kind, status, options):
    run(kind, status, **options)
    assert written == []


def test_without_a_project_it_stops_before_anything_is_written(written, tmp_path):
    (tmp_path / "meltano.yml").unlink()
    with pytest.raises(ConfigError, match=r"no meltano\.yml"):
        run()
    run(each_run=False)


def test_options_that_do_not_exist_are_named():
    with pytest.raises(ConfigError, match="items"):
        Hooks({"audit": {"items": ["segments"]}})


def documented(folder: Path, monkeypatch: pytest.MonkeyPatch, hooks: str) -> dict[str, Item]:
    mapping = parse_mapping(f"destination: memory\nworkspace: demo\nhooks: {{audit: {hooks}}}\n")
    crm = Destination("memory", NoAdvice(), mapping, approved=True)
    monkeypatch.setattr(loader, "destination", lambda *_: crm)
    return document(folder, *EVERYTHING)


def test_only_items_of_the_kinds_that_are_named_are_documented(tmp_path, monkeypatch):
    items = documented(tmp_path, monkeypatch, "{items: [segment, campaign]}")
    assert {item.kind for item in items.values()} == {Kind.SEGMENT, Kind.CAMPAIGN}
    assert "Receipt" not in (tmp_path / "index.html").read_text()
    assert (tmp_path / "people" / "segment-1.csv").exists()


def test_the_members_of_segments_may_be_left_out(tmp_path, monkeypatch):
    items = documented(tmp_path, monkeypatch, "{members: false}")
    assert items["segment-1"].members.counted == 2
    assert items["segment-1"].members.file is None
    assert not list((tmp_path / "people").glob("segment-*"))
    assert (tmp_path / "people" / "deleted.csv").exists()
    assert "segment-1.csv" not in (tmp_path / "items" / "segment-1.html").read_text()


def test_by_default_everything_is_documented():
    items = [Item(kind=kind, id="1", name="x") for kind in Kind]
    kept = list(items)
    Audit().crmlift_audit(kept)
    assert kept == items
