"""Sandboxes start on free ports, show faults on request, and never outlive us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from crmlift.errors import ConfigError
from crmlift.sandbox.server import Server, serve

APP = """
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from crmlift.sandbox.faults import Harness, Stats, refused


def create_app():
    stats, faults, done = Stats(), [], []

    async def work(request):
        row = await request.json()
        if refused(faults, row):
            return JSONResponse({"refused": True}, 422)
        done.append(row)
        stats.count("work", rows=1)
        return JSONResponse({"done": len(done)})

    return Harness(Starlette(routes=[Route("/work", work, methods=["POST"])]), stats, faults)
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("app")
    (folder / "an_app.py").write_text(APP)
    with serve("an_app:create_app", {"PYTHONPATH": str(folder)}) as server:
        yield server


@pytest.fixture
def app(running: Server) -> Iterator[Server]:
    running.faults()
    running.stats(reset=True)
    yield running
    running.faults()


def work(app: Server, **row: object) -> requests.Response:
    return requests.post(app.url + "/work", json=row, timeout=60)


def test_counts_calls_rows_and_requests(app: Server) -> None:
    work(app, name="a")
    work(app, name="b")
    assert app.stats(reset=True) == {"calls": {"work": 2}, "rows": {"work": 2}, "requests": {"/work": 2}}
    assert app.stats()["calls"] == {}


def test_a_status_fault_shows_as_often_as_asked_and_does_not_reach_the_app(app: Server) -> None:
    app.faults({"kind": "status", "status": 429, "retry_after": 3, "times": 2, "skip": 1, "match": "work"})
    answers = [work(app, n=n) for n in range(4)]
    assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["Retry-After"] == "3"
    assert app.stats()["calls"] == {"work": 2}


def test_a_connection_is_cut_before_or_after_the_work(app: Server) -> None:
    app.faults({"kind": "cut", "times": 1, "after": False})
    with pytest.raises(requests.exceptions.ConnectionError):
        work(app)
    assert app.stats()["calls"] == {}
    app.faults({"kind": "cut", "times": 1, "after": True})
    with pytest.raises(requests.exceptions.ConnectionError):
        work(app)
    assert app.stats()["calls"] == {"work": 1}
    assert work(app).status_code == 200


def test_a_refused_value_is_refused_wherever_it_stands(app: Server) -> None:
    app.faults({"kind": "refuse", "value": "poison"})
    assert work(app, name="x", deep={"list": ["poison"]}).status_code == 422
    assert work(app, name="x").status_code == 200


def test_the_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "an_app.py").write_text(APP)
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from crmlift.sandbox.server import serve\n"
            "import signal\n"
            "with serve('an_app:create_app') as server:\n"
            "    print(server.pid, flush=True)\n"
            "    signal.pause()\n",
        ],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    os.kill(int(parent.stdout.readline()), 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    # The child writes to the same pipe: it reads as ended only when the child is gone too.
    assert parent.stdout.read() == ""
    parent.stdout.close()


def test_an_app_that_does_not_start_is_reported() -> None:
    with pytest.raises(ConfigError, match="ended at start"), serve("no_such_module:create_app"):
        pass
