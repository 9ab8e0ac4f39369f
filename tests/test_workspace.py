"""The workspace holds together: each package is in every list that names packages."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECTS = sorted([ROOT / "core/pyproject.toml", *ROOT.glob("t*s/t*/pyproject.toml")])
WORKSPACE = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.parent.name)
def test_package_has_what_a_release_needs(project):
    folder = project.parent
    about = tomllib.loads(project.read_text())["project"]
    assert about["requires-python"] == ">=3.11,<3.14"
    assert about["license"] == "Apache-2.0"
    assert re.fullmatch(r"\d+\.\d+\.\d+", about["version"])
    assert (folder / about["readme"]).exists()
    (package,) = (folder / "src").glob("*/__init__.py")
    assert (package.parent / "py.typed").exists()
    assert package.parent.name in WORKSPACE["tool"]["importlinter"]["root_packages"]


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.parent.name)
def test_package_never_declares_backoff(project):
    # singer-sdk needs python-backoff, which installs the same module: two owners, one of them wins at random.
    about = tomllib.loads(project.read_text())["project"]
    declared = {re.split(r"[\[<>=! ]", requirement)[0] for requirement in about["dependencies"]}
    assert "backoff" not in declared


def test_constraints_are_versions_and_nothing_else():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+]+", pin)] == []


def test_bootstrap_names_the_interpreters_that_it_takes(tmp_path):
    # In a folder of its own: the environment that runs this test must stay.
    tools = tmp_path / "a folder/tools"
    tools.mkdir(parents=True)
    shutil.copy(ROOT / "tools/bootstrap", tools)
    done = subprocess.run(
        [tools / "bootstrap"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": "/bin/false"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == "bootstrap: PYTHON=/bin/false is not a Python 3.11, 3.12 or 3.13.\n"
