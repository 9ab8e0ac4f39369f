from __future__ import annotations

import re
from pathlib import Path

import pytest

from crmlift import plugins
from crmlift.mapping.load import read_mapping
from crmlift.project import target_class
from target_odoo.destination import OdooDestination
from target_odoo.entities import ENTITIES
from target_odoo.target import TargetOdoo

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SETTINGS = TargetOdoo.config_jsonschema["properties"]


def test_the_target_and_its_sandbox_are_found_by_name() -> None:
    assert target_class("odoo") is TargetOdoo
    assert plugins.find(plugins.SANDBOXES, "odoo").value == "target_odoo.sandbox:create_app"


def test_the_readme_names_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`)? *\|", README, re.MULTILINE))
    said = {name: default for name, default in rows.items() if name in SETTINGS}
    defaults = {name: str(setting.get("default", "")) for name, setting in SETTINGS.items()}
    assert said == {
        name: value.lower() if value in ("True", "False") else value for name, value in defaults.items()
    }


def test_the_api_key_is_a_secret_and_required() -> None:
    assert SETTINGS["api_key"]["secret"]
    assert set(TargetOdoo.config_jsonschema["required"]) == {"url", "database", "api_key"}


@pytest.mark.parametrize("config", [{}, {"batch_size": 50, "allow_automations": True}])
def test_settings_reach_the_destination(config: dict[str, object]) -> None:
    crm = TargetOdoo.destination(
        {"url": "https://crm.example.com", "database": "db", "api_key": "test-key", **config}, "acme"
    )
    assert isinstance(crm, OdooDestination)
    assert {spec.batch_limit for spec in crm.entities.values()} == {config.get("batch_size", 1000)}


def test_the_default_mapping_names_every_stream_of_the_tap_and_only_entities_that_exist() -> None:
    mapping = read_mapping(TargetOdoo.default_mapping)
    # The others are for choices that the map describes: a stage, activities, lists as many2many.
    chosen = {"stage", "activity", "activity_type", "value"}
    assert {rule.entity for rules in mapping.streams.values() for rule in rules} == set(ENTITIES) - chosen
    assert {*mapping.streams, *mapping.skip} >= {
        "object_types",
        "objects",
        "people",
        "relationships",
        "segments",
        "segment_memberships",
        "activities",
        "deliveries",
    }
    assert all(reason for reason in mapping.skip.values())
