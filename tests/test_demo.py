"""`crmlift demo`, as `make demo` runs it: twice in a row, in a path with spaces, and after Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from pathlib import Path

import pytest
from migration import BIN, Project

PEOPLE = "60"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "a folder with spaces", {})


def left_running(mark: str) -> list[str]:
    """Return the command lines of processes that carry our mark in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def test_it_lifts_the_bundled_workspace_and_leaves_nothing_running(project, monkeypatch):
    mark = uuid.uuid4().hex
    monkeypatch.setenv("DEMO_TEST_MARK", mark)
    for _ in range(2):
        done = project.crmlift("demo", "--people", PEOPLE)
        assert "differs" not in done.out
        assert "in step" in done.out
        report = Path(done.out.rstrip().rpartition("The report is at ")[2])
        assert report.is_file()
        assert "in step" in report.read_text()
    assert left_running(mark) == []


def test_it_touches_neither_the_servers_of_the_project_nor_a_folder_that_it_did_not_make(project):
    nowhere = "http://127.0.0.1:9"
    project.write_env({"TAP_CUSTOMERIO_API_URL": nowhere, "TARGET_ODOO_URL": nowhere})
    kept = project.folder / "kept"
    kept.mkdir()
    (kept / "letter.txt").write_text("keep me")
    refused = project.crmlift("demo", "--people", "10", "--folder", "kept", ok=False)
    assert (refused.code, (kept / "letter.txt").read_text()) == (1, "keep me")
    assert "Name another with --folder." in refused.err
    assert "in step" in project.crmlift("demo", "--people", "10").out


def test_the_lines_that_sandbox_prints_make_a_project(project):
    with subprocess.Popen(
        [BIN / "crmlift", "sandbox", "customerio", "odoo", "--people", "10"],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as child:
        assert child.stdout
        lines = list(iter(child.stdout.readline, "# The lines above are for .env. Stop with Ctrl-C.\n"))
        (project.folder / ".env").write_text("".join(lines))
        assert project.crmlift("scope", "--json").json["people"]["total"] == 10
        assert project.crmlift("reconcile", ok=False).err.startswith("Error: There is no mapping at")
        child.send_signal(signal.SIGINT)
        assert child.communicate()[0] == "# Stopped.\n"
    assert child.returncode == 0


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_everything_and_the_next_demo_works(project, signum):
    mark = uuid.uuid4().hex
    environment = {**os.environ, "DEMO_TEST_MARK": mark, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    child = subprocess.Popen(
        [BIN / "crmlift", "demo", "--people", "400"],
        cwd=project.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Where the tests run in the background, SIGINT is ignored and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert child.stdout
    for line in child.stdout:
        if "meltano run" in line:
            break
    os.killpg(child.pid, signum)
    child.communicate()
    assert child.returncode != 0
    assert left_running(mark) == []
    assert "in step" in project.crmlift("demo", "--people", PEOPLE).out
