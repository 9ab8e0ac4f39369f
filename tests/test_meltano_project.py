"""meltano.yml says about each plugin what the plugin says about itself."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from crmlift.commands import cli
from crmlift.errors import ConfigError
from crmlift.meltano_entry import about, add, setting
from crmlift.project import environment, meltano, meltano_settings, variable

ROOT = Path(__file__).parent.parent
PROJECT = YAML(typ="safe").load(ROOT / "meltano.yml")
PLUGINS = {
    plugin["name"]: plugin for kind in ("extractors", "loaders") for plugin in PROJECT["plugins"][kind]
}


@pytest.mark.parametrize("name", PLUGINS)
def test_settings_equal_the_plugins_schema(name):
    schema = about(PLUGINS[name]["executable"])["settings"]
    expected = [setting(name, details) for name, details in schema["properties"].items()]
    assert all(one["description"] and one["label"] != one["name"] for one in expected)
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
        secrets = {one["name"] for one in plugin["settings"] if one.get("sensitive")}
        needed |= {variable(name, one) for one in secrets.union(*plugin["settings_group_validation"])}
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


def test_a_plugin_that_is_there_as_it_should_be_stays_as_it_is(tmp_path):
    file = tmp_path / "meltano.yml"
    shutil.copy(ROOT / "meltano.yml", file)
    for plugin in PLUGINS:
        add(file, plugin)
    assert file.read_text() == (ROOT / "meltano.yml").read_text()


def test_a_plugin_of_an_earlier_release_is_brought_up_to_date_and_what_you_wrote_stays(tmp_path):
    file = tmp_path / "meltano.yml"
    text = (ROOT / "meltano.yml").read_text()
    earlier = text.replace("label: Batch size", "label: Rows").replace(
        "  - name: target-odoo\n", "  - name: target-odoo\n    config: {batch_size: 5} # ours\n"
    )
    file.write_text(earlier)
    add(file, "target-odoo")
    after = YAML(typ="safe").load(file)["plugins"]["loaders"]
    assert [plugin.get("config") for plugin in after[:2]] == [{"batch_size": 5}, None]
    assert after[0]["settings"] == PLUGINS["target-odoo"]["settings"]
    assert "# ours" in file.read_text()
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        line for line in file.read_text().splitlines() if line.startswith("#")
    ]


def test_a_plugin_that_is_not_there_gets_an_entry_that_meltano_reads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loaders = [plugin for plugin in PROJECT["plugins"]["loaders"] if plugin["name"] != "target-salesforce"]
    project = {**PROJECT, "plugins": {**PROJECT["plugins"], "loaders": loaders}}
    with (tmp_path / "meltano.yml").open("w") as file:
        YAML().dump(project, file)
    done = CliRunner().invoke(cli, ["add", "target-salesforce"], catch_exceptions=False)
    assert done.output == (
        "target-salesforce is in meltano.yml. Fill in, in .env: TARGET_SALESFORCE_URL, "
        "TARGET_SALESFORCE_CLIENT_ID, TARGET_SALESFORCE_CLIENT_SECRET, TARGET_SALESFORCE_PRIVATE_KEY, "
        "TARGET_SALESFORCE_REFRESH_TOKEN.\n"
    )
    monkeypatch.setenv("TARGET_SALESFORCE_CLIENT_ID", "an-id")
    monkeypatch.setenv("TARGET_SALESFORCE_BATCH_SIZE", "7")
    given = meltano_settings("target-salesforce")
    assert (given["client_id"], given["batch_size"]) == ("an-id", 7)


def test_a_plugin_that_is_not_installed_is_told(tmp_path):
    with pytest.raises(
        ConfigError, match=r"There is no command 'target-foo' here\. `pip install target-foo`"
    ):
        add(tmp_path / "meltano.yml", "target-foo")


@pytest.mark.parametrize("schema", [{"type": ["number", "null"]}, {"type": ["string", "integer"]}, {}])
def test_a_setting_that_meltano_cannot_hold_is_told_to_its_author(schema):
    with pytest.raises(ConfigError, match="The setting 'share' has a type that Meltano has not"):
        setting("share", schema)
