"""A hook in a package of its own: installed, found, ordered, and named where it fails."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crmlift import plugins
from crmlift.errors import ConfigError
from crmlift.hooks.manager import Hooks
from crmlift.ledger import Ledger
from crmlift.mapping.load import parse_mapping
from crmlift.pipeline import Pipeline
from crmlift.testing.memory import MemoryCrm

PACKAGE = Path(__file__).parent / "plugins" / "crmlift-big-spenders"
MODULE = PACKAGE / "src" / "crmlift_big_spenders.py"
SPLIT = "split: {rules: [{scope: contact, when: attributes.tier == 'big'}], otherwise: lead}"
SPENDERS = "big_spenders: {at_least: 500}"
MAPPING = """
destination: memory
workspace: demo
hooks: HOOKS
streams:
  people:
    - {entity: person, key: cio_id, when: scope == 'contact', fields: {name: cio_id, plan: attributes.tier}}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as `pip install` leaves it, in a folder of its own and without the network."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(folder)]
    subprocess.run([*pip, *options, str(PACKAGE)], check=True, capture_output=True)
    return folder


@pytest.fixture
def plugin(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.delitem(sys.modules, "crmlift_big_spenders", raising=False)


def run(folder: Path, hooks: str, *spent: Any) -> tuple[MemoryCrm, dict[str, int]]:
    """Load people who spent so much."""
    crm = MemoryCrm()
    with Ledger(f"sqlite:///{folder}/ledger.db", destination="memory", workspace="demo") as ledger:
        mapping = parse_mapping(MAPPING.replace("HOOKS", hooks))
        pipeline = Pipeline(mapping, crm, ledger, mapping_digest="d")
        pipeline.schema("people", {}, ["cio_id"])
        for number, amount in enumerate(spent):
            pipeline.record("people", {"cio_id": f"p{number}", "attributes": {"total_spent": amount}})
        pipeline.finish()
        return crm, dict(pipeline.counts.streams["people"])


@pytest.mark.usefixtures("plugin")
def test_it_is_found_by_its_entry_point_beside_the_built_in_ones():
    assert {"big_spenders", "split", "dedupe"} <= set(plugins.names(plugins.HOOKS))
    found = plugins.find(plugins.HOOKS, "big_spenders")
    assert found.dist is not None
    assert found.dist.name == "crmlift-big-spenders"


@pytest.mark.usefixtures("plugin")
def test_before_a_built_in_hook_it_is_read_by_it(tmp_path):
    crm, counts = run(tmp_path, f"{{{SPENDERS}, {SPLIT}}}", 900, 20, None)
    assert crm.rows["person"] == {"1": {"name": "p0", "plan": "big"}}
    assert counts == {"read": 3, "big_spenders": 1, "small_spenders": 1, "excluded": 1, "no_rule": 1}


@pytest.mark.usefixtures("plugin")
def test_after_it_it_comes_too_late(tmp_path):
    crm, counts = run(tmp_path, f"{{{SPLIT}, {SPENDERS}}}", 900)
    assert crm.rows["person"] == {}
    assert counts == {"read": 1, "big_spenders": 1, "no_rule": 1}


@pytest.mark.usefixtures("plugin")
def test_where_it_fails_it_is_named_with_the_line_and_without_the_value(tmp_path):
    with pytest.raises(ConfigError) as caught:
        run(tmp_path, f"{{{SPENDERS}, {SPLIT}}}", "a private remark")
    line = 1 + next(n for n, text in enumerate(MODULE.read_text().splitlines()) if "float(spent)" in text)
    assert caught.value.message == (
        "The hook 'big_spenders' failed on stream 'people': "
        f"ValueError (crmlift_big_spenders.py, line {line})."
    )


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"at_least": 0}, "'at_least' must be above 0"),
        ({}, "missing 1 required keyword-only argument: 'at_least'"),
        ({"at_least": 1, "at_most": 2}, "unexpected keyword argument 'at_most'"),
    ],
)
def test_wrong_options_name_it(options, problem):
    with pytest.raises(ConfigError, match=f"The options of the hook 'big_spenders' are wrong: .*{problem}"):
        Hooks({"big_spenders": options})


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package whose import fails, as pip would leave it."""
    metadata = tmp_path / "crmlift_broken-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: crmlift-broken\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[crmlift]\nbroken = crmlift_broken:Broken\n")
    (tmp_path / "crmlift_broken.py").write_text("import a_module_that_is_not_there\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()


@pytest.mark.usefixtures("plugin", "broken")
def test_a_broken_plugin_that_no_mapping_names_harms_nobody(tmp_path):
    assert "broken" in plugins.names(plugins.HOOKS)
    crm, _ = run(tmp_path, f"{{{SPENDERS}, {SPLIT}}}", 900)
    assert len(crm.rows["person"]) == 1
    assert "crmlift_broken" not in sys.modules


@pytest.mark.usefixtures("broken")
def test_a_broken_plugin_that_the_mapping_names_stops_the_run_before_anything_is_written(tmp_path):
    with pytest.raises(ConfigError) as caught:
        run(tmp_path, f"{{{SPLIT}, broken: {{}}}}", 900)
    assert str(caught.value) == (
        "The plugin 'broken' of crmlift-broken cannot be loaded: ModuleNotFoundError: "
        "No module named 'a_module_that_is_not_there'. Reinstall or remove that package."
    )


@pytest.mark.usefixtures("plugin")
def test_the_test_in_the_authors_guide_passes():
    guide = (PACKAGE.parents[2] / "docs" / "hooks.md").read_text()
    (snippet,) = re.findall(r"```python\n(from crmlift.testing.*?)```", guide, re.S)
    names: dict[str, Any] = {}
    exec(snippet, names)
    names["test_who_spends_much_is_big"]()


def test_the_authors_guide_shows_this_very_plugin():
    guide = (PACKAGE.parents[2] / "docs" / "hooks.md").read_text()
    assert MODULE.read_text() in guide
    assert (PACKAGE / "pyproject.toml").read_text() in guide
