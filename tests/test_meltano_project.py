"""meltano.yml says about each plugin what the plugin says about itself."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from crmlift.project import environment, meltano

ROOT = Path(__file__).parent.parent
PROJECT = YAML(typ="safe").load(ROOT / "meltano.yml")
PLUGINS = {
    plugin["name"]: plugin for kind in ("extractors", "loaders") for plugin in PROJECT["plugins"][kind]
}


def about(executable: str) -> dict[str, Any]:
    command = [Path(sys.executable).parent / executable, "--about", "--format=json"]
    said: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return said


def as_meltano(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the setting as meltano.yml should have it. Defaults stay with the plugin."""
    types = {schema.get("type")} if isinstance(schema.get("type"), str) else set(schema.get("type", ()))
    (kind,) = types - {"null"}
    # Meltano has no `number`, and its `decimal` cannot come from the environment: use whole units.
    assert kind in {"string", "integer", "boolean", "array", "object"}, (
        f"{name}: Meltano has no kind for {kind}"
    )
    if schema.get("enum"):
        options = [{"label": value, "value": value} for value in schema["enum"] if value is not None]
        setting = {"name": name, "kind": "options", "options": options}
    else:
        setting = {"name": name, "kind": "date_iso8601" if schema.get("format") == "date-time" else kind}
    # Meltano's own way to write a password; it rewrites `kind: password` to this.
    secret = {"sensitive": True} if schema.get("secret") else {}
    return setting | {"label": schema["title"], "description": schema["description"]} | secret


@pytest.mark.parametrize("name", PLUGINS)
def test_settings_equal_the_plugins_schema(name):
    schema = about(PLUGINS[name]["executable"])["settings"]
    expected = [as_meltano(setting, details) for setting, details in schema["properties"].items()]
    text = io.StringIO()
    YAML().dump(expected, text)
    assert PLUGINS[name]["settings"] == expected, f"The settings of {name} should be:\n{text.getvalue()}"
    assert PLUGINS[name].get("settings_group_validation", []) == [schema.get("required", [])]


@pytest.mark.parametrize("name", PLUGINS)
def test_capabilities_equal_the_plugins_own(name):
    assert sorted(PLUGINS[name]["capabilities"]) == sorted(about(PLUGINS[name]["executable"])["capabilities"])


def test_every_secret_and_required_setting_is_in_the_example_of_env():
    lines = (ROOT / ".env.example").read_text().splitlines()
    example = {line.removeprefix("# ").split("=")[0] for line in lines if "=" in line}
    needed = set()
    for name, plugin in PLUGINS.items():
        secrets = {setting["name"] for setting in plugin["settings"] if setting.get("sensitive")}
        for setting in secrets.union(*plugin["settings_group_validation"]):
            needed.add(f"{name}_{setting}".upper().replace("-", "_"))
    assert needed <= example


def test_meltano_reads_the_example_of_env_as_it_is(tmp_path):
    """An empty line is a text of no letters, which Meltano cannot read as an object."""
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    for plugin in PLUGINS:
        done = subprocess.run(
            [meltano(), "invoke", "--dump=config", plugin],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stderr
