"""What the author of a target is told where a part is missing or does not fit."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from records import person
from test_target import MAPPING, MemoryTarget

from crmlift.contract import check_destination
from crmlift.destination import EntitySpec, Field, FieldType
from crmlift.errors import ConfigError, RunStopped
from crmlift.mapping import schema_changes
from crmlift.mapping.load import parse_mapping
from crmlift.plan.dry_run import DryRun
from crmlift.project import target_class
from crmlift.sandbox.stand_ins import settings
from crmlift.testing.memory import MemoryCrm

TARGET = """
from pathlib import Path

from crmlift.singer.target import CrmTarget, settings


class TargetAcme(CrmTarget):
    name = "target-acme"
    config_jsonschema = settings("acme")
    default_mapping = Path("mapping.yml")
    sandbox_config = {"calls": 5, "quiet": True}

    @classmethod
    def destination(cls, config, workspace):
        raise NotImplementedError


class Renamed(TargetAcme):
    name = "target-other"


class WithoutSettings(TargetAcme):
    config_jsonschema = {"properties": {"url": {"type": "string"}}}


class WithoutAll(CrmTarget):
    name = "target-acme"
    config_jsonschema = settings("acme")


def create():
    return TargetAcme
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Install a package whose entry point of the target 'acme' names something."""

    def install(name: str) -> None:
        metadata = tmp_path / "target_acme-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: target-acme\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[crmlift.targets]\nacme = acme_of_a_test:{name}\n")
        (tmp_path / "acme_of_a_test.py").write_text(TARGET)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "acme_of_a_test", raising=False)
        importlib.invalidate_caches()

    return install


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("create", "is no target"),
        ("Renamed", "calls itself 'target-other', not 'target-acme'"),
        ("WithoutSettings", "lacks the settings of every target: make config_jsonschema with `settings()`"),
        ("WithoutAll", "lacks default_mapping and destination"),
    ],
)
def test_an_entry_point_that_names_no_whole_target_is_told(install, name, wrong):
    install(name)
    with pytest.raises(ConfigError) as refused:
        target_class("acme")
    assert refused.value.message == (
        f"'acme_of_a_test:{name}', which is installed as the target 'acme', {wrong}."
    )
    assert "docs/targets.md" in refused.value.hint


def test_settings_of_a_sandbox_reach_the_environment_as_meltano_reads_them(install):
    install("TargetAcme")
    assert settings("acme", "http://127.0.0.1:1") == {
        "TARGET_ACME_URL": "http://127.0.0.1:1",
        "TARGET_ACME_CALLS": "5",
        "TARGET_ACME_QUIET": "true",
    }


def test_a_destination_that_lacks_methods_is_told_which():
    whole = {name: getattr(MemoryCrm, name) for name in vars(MemoryCrm) if name != "__dict__"}
    del whole["release"], whole["count"]
    with pytest.raises(ConfigError) as refused:
        check_destination("target-acme", type("AcmeCrm", (), whole)())
    assert refused.value.message == "The destination of target-acme, AcmeCrm, lacks: count, release."
    check_destination("target-memory", MemoryCrm())


@pytest.mark.parametrize(
    ("entities", "wrong"),
    [
        (
            {"note": EntitySpec("note", "Note", depends_on=("person",))},
            "'note' depends on 'person', which is",
        ),
        ({"note": EntitySpec("memo", "Note")}, "'note' is called 'memo' by its own spec"),
        ({"note": EntitySpec("note", "Note", batch_limit=0)}, "'note' takes 0 rows per call"),
        (
            {
                "a": EntitySpec("a", "A", depends_on=("b",)),
                "b": EntitySpec("b", "B", depends_on=("a",)),
            },
            "they depend on each other in a circle",
        ),
    ],
)
def test_entities_that_do_not_fit_together_are_told(entities, wrong):
    crm = MemoryCrm()
    crm.entities = entities
    with pytest.raises(ConfigError, match=f"The entities of target-acme do not fit together: {wrong}"):
        check_destination("target-acme", crm)


def test_a_mapping_of_another_crm_is_not_loaded():
    mapping = parse_mapping(MAPPING.replace("destination: memory", "destination: odoo"))
    with pytest.raises(ConfigError) as refused:
        MemoryTarget.open({}, mapping)
    assert str(refused.value) == (
        "The mapping is for 'odoo', and target-memory loads 'memory'. "
        "Write 'destination: memory' into it, or name its own target."
    )


@pytest.mark.parametrize("wrongly", [lambda found: found[::-1], lambda found: found[:-1]])
def test_outcomes_in_another_order_put_no_id_on_another_record(bench, wrongly):
    create = bench.crm.create
    bench.crm.create = lambda entity, rows: wrongly(create(entity, rows))
    with pytest.raises(
        RunStopped, match="fault in the target: `create` and `update` return one outcome per row"
    ):
        bench.run(person("p1"), person("p2"))
    bench.crm.create = create
    counts = bench.run(person("p1"), person("p2"))
    assert counts == {"person": {"unchanged": 2}}
    assert {bench.person(key)["name"] for key in ("p1", "p2")} == {"P1", "P2"}


class Keyed(MemoryCrm):
    """Keeps its key in a field that no mapping names."""

    def own_fields(self, entity: str) -> list[Field]:
        return [Field("key", FieldType.TEXT, readonly=True)] if entity == "person" else []


def test_fields_that_the_target_itself_needs_are_provisioned_and_planned_like_those_of_the_mapping(tmp_path):
    mapping, crm = parse_mapping(MAPPING), Keyed()
    with DryRun(crm, tmp_path / "plan.db") as planned:
        schema_changes.apply(mapping, planned)
        assert list(planned.planned["person"]) == ["key"]
    assert [spec.name for spec in schema_changes.apply(mapping, crm).created["person"]] == ["key"]
    assert "key" in crm.describe("person")
    assert schema_changes.apply(mapping, crm).created == {}
