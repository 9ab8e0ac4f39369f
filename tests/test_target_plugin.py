"""A target in a package of its own: installed, found, put through the suite; every command works with it."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from migration import BIN, ROOT, Project, customerio_settings

from crmlift.sandbox.server import Server

PACKAGE = ROOT / "tests" / "plugins" / "target-cardfile"
GUIDE = (ROOT / "docs" / "targets.md").read_text(encoding="utf-8")
SHOWN = [
    path.relative_to(PACKAGE)
    for path in sorted(PACKAGE.rglob("*"))
    if path.suffix in (".py", ".toml", ".yml") and path.name != "__init__.py"
]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment of its own, where the package is installed beside what is here.

    Folders on PYTHONPATH would not do: Meltano takes that from its plugins.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    here, python = sysconfig.get_path("purelib"), folder / "bin" / "python"
    (site,) = (folder / "lib").glob("python*/site-packages")
    (site / "here.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    for script in BIN.iterdir():
        if script.is_file() and not script.is_symlink() and script.read_bytes().startswith(b"#!"):
            _, _, text = script.read_text().partition("\n")
            copied = folder / "bin" / script.name
            copied.write_text(f"#!{python}\n{text}")
            copied.chmod(0o755)
    pip = [sys.executable, "-m", "pip", f"--python={python}", "install", "--quiet"]
    options = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, *options, str(PACKAGE)], check=True, capture_output=True)
    return folder / "bin"


@pytest.fixture
def people() -> int:
    return 30


@pytest.fixture
def cardfile(commands: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Its sandbox, as `crmlift sandbox` starts it: address, and the settings that it prints."""
    command = [commands / "crmlift", "sandbox", "cardfile"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        lines = iter(child.stdout.readline, "")
        url = next(lines).split()[-1]
        printed = itertools.takewhile(lambda line: line[0] != "#", lines)
        yield url, dict(line.strip().split("=", 1) for line in printed)
        child.terminate()


@pytest.fixture
def project(
    tmp_path: Path, commands: Path, customerio: Server, cardfile: tuple[str, dict[str, str]]
) -> Project:
    secrets = customerio_settings(customerio) | cardfile[1]
    project = Project(tmp_path / "a project with spaces", secrets, "target-cardfile", bin=commands)
    project.crmlift("add", "target-cardfile")
    return project


def test_every_command_works_with_it(project: Project, cardfile: tuple[str, dict[str, str]]) -> None:
    refused = project.crmlift("propose", "--target", "card-file", ok=False)
    assert "No 'card-file' is installed. Installed for 'crmlift.targets': cardfile, odoo" in _one_line(
        refused.err
    )
    project.crmlift("scope")
    proposal = project.crmlift("propose", "--workspace", "demo", "--json").json
    assert {line["entity"] for line in proposal["lines"]} == {"company", "person"}
    project.crmlift("approve", "--by", "tester")
    plan = project.crmlift("plan", "--json").json
    assert plan["ready"]
    assert ("tag", "x_adopted") in {(field["entity"], field["name"]) for field in plan["new_fields"]}
    created = {entity["entity"]: entity["created"] for entity in plan["entities"]}
    project.crmlift("provision")
    assert project.crmlift("provision", "--json").json == []
    rehearsed = project.crmlift("rehearse", "--people", "3", "--json").json
    assert rehearsed["people"] == 3
    project.crmlift("run")
    assert {entity: results["created"] for entity, results in project.counts().items()} == created
    assert created["person"] == 30
    assert project.crmlift("verify", "--json").json["passed"]
    project.crmlift("report")
    project.crmlift("handoff", "--target", "cardfile")
    documents = [
        path.read_text(encoding="utf-8") for path in project.folder.glob(".crmlift/handoff/items/*.md")
    ]
    assert any("is on those who were in it when it was loaded." in text for text in documents)
    project.crmlift("rollback", "--all", "--yes")
    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer sandbox-key"
        found = session.post(f"{cardfile[0]}/v1/person/query", json={"where": {}, "after": 0, "limit": 200})
    assert found.json() == []


def test_the_demo_lifts_into_its_sandbox(project: Project) -> None:
    shown = project.crmlift("demo", "--target", "cardfile", "--people", "20").out
    assert "Person" in shown
    assert "in step" in shown
    assert (project.folder / ".crmlift" / "demo" / "report.html").exists()


def test_it_lives_the_whole_life_of_a_target(commands: Path, tmp_path: Path) -> None:
    """Its own tests, as its author runs them: in another folder, with the package installed."""
    shutil.copytree(PACKAGE / "tests", tmp_path / "tests")
    command = [commands / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]
    done = subprocess.run([*command, str(tmp_path / "tests")], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
    passed = re.search(r"^(\d+) passed in", done.stdout, re.M)
    assert passed, done.stdout[-500:]
    assert f"brings the suite: {passed[1]} tests," in GUIDE


@pytest.mark.parametrize("file", SHOWN, ids=str)
def test_the_guide_shows_these_very_files(file: Path) -> None:
    assert (PACKAGE / file).read_text(encoding="utf-8").strip() in GUIDE
    assert f"`{file}`" in GUIDE


def _one_line(text: str) -> str:
    return " ".join(text.split())
