"""Servers to test against: the sandbox, and a real Odoo 19 where the environment names one.

`TARGET_ODOO_TEST_URL`, `TARGET_ODOO_TEST_DATABASE` and `TARGET_ODOO_TEST_API_KEY` name a database that
tests may write to. Every test takes a workspace of its own, so that none sees another's rows.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import requests

from crmlift.mapping.approval import approve
from crmlift.sandbox.server import Server, serve
from crmlift.testing.conformance import Migration
from target_odoo.client import OdooClient
from target_odoo.destination import OdooDestination
from target_odoo.target import TargetOdoo

FACTORY = "target_odoo.sandbox:create_app"
_REAL = "TARGET_ODOO_TEST_"
_numbers = itertools.count()


@dataclass(frozen=True)
class Odoo:
    """A server and the way in."""

    url: str
    database: str
    api_key: str
    sandbox: Server | None = None

    def client(self, **options: Any) -> OdooClient:
        options = {"login": "admin", "backoff_s": 0.001, **options}
        return OdooClient(self.url, self.database, options.pop("api_key", self.api_key), **options)

    def destination(self, workspace: str, **options: Any) -> OdooDestination:
        return OdooDestination(self.client(), workspace, **options)

    def raw(self, model: str, method: str, **body: Any) -> tuple[int, Any]:
        """Call JSON-2 as a stranger would, without any of the client's care."""
        answer = requests.post(
            f"{self.url}/json/2/{model}/{method}",
            json=body,
            headers={"Authorization": f"bearer {self.api_key}", "X-Odoo-Database": self.database},
            timeout=60,
        )
        try:
            return answer.status_code, answer.json()
        except requests.exceptions.JSONDecodeError:
            return answer.status_code, answer.text

    def id(self, model: str, **values: Any) -> int:
        return int(self.raw(model, "create", vals_list=[values], context={"tracking_disable": True})[1][0])


def _sandbox(server: Server) -> Odoo:
    return Odoo(server.url, "sandbox", "sandbox-key", server)


@pytest.fixture(scope="session")
def running() -> Iterator[Odoo]:
    with serve(FACTORY) as server:
        yield _sandbox(server)


@pytest.fixture(scope="session")
def running_17() -> Iterator[Odoo]:
    with serve(FACTORY, {"ODOO_SANDBOX_VERSION": "17"}) as server:
        yield _sandbox(server)


@pytest.fixture
def sandbox(running: Odoo) -> Iterator[Odoo]:
    """The sandbox, with no fault in force and no call counted."""
    yield from _clean(running)


@pytest.fixture
def sandbox_17(running_17: Odoo) -> Iterator[Odoo]:
    """The sandbox as Odoo 17: XML-RPC only."""
    yield from _clean(running_17)


def _clean(odoo: Odoo) -> Iterator[Odoo]:
    assert odoo.sandbox
    odoo.sandbox.faults()
    odoo.sandbox.stats(reset=True)
    yield odoo
    odoo.sandbox.faults()


@pytest.fixture(params=["sandbox", "real"])
def odoo(request: pytest.FixtureRequest) -> Odoo:
    """The sandbox, then the real server where there is one: both must answer alike."""
    if request.param == "sandbox":
        return request.getfixturevalue("sandbox")  # type: ignore[no-any-return]
    if _REAL + "URL" not in os.environ:
        pytest.skip(f"{_REAL}URL names no real Odoo")
    return Odoo(*(os.environ[_REAL + name] for name in ("URL", "DATABASE", "API_KEY")))


@pytest.fixture
def workspace() -> str:
    return f"test_{os.getpid()}_{next(_numbers)}"


@pytest.fixture
def crm(odoo: Odoo, workspace: str) -> Iterator[OdooDestination]:
    """A destination on either server."""
    with odoo.destination(workspace) as destination:
        yield destination


@pytest.fixture
def sandbox_crm(sandbox: Odoo, workspace: str) -> Iterator[OdooDestination]:
    """A destination on the sandbox, for tests that need faults or counters."""
    with sandbox.destination(workspace) as destination:
        yield destination


@pytest.fixture(params=["json2", "xmlrpc"])
def either(request: pytest.FixtureRequest) -> Odoo:
    """The sandbox by each protocol."""
    name = "sandbox" if request.param == "json2" else "sandbox_17"
    return request.getfixturevalue(name)  # type: ignore[no-any-return]


@pytest.fixture
def stats(sandbox: Odoo) -> Callable[[], dict[str, int]]:
    """Return the calls since the last time it was asked."""
    assert sandbox.sandbox
    server = sandbox.sandbox
    return lambda: server.stats(reset=True)["calls"]


Start = Callable[..., Migration]


DEFAULT = (files("target_odoo") / "mapping.yml").read_text(encoding="utf-8")


class _Here:
    def __init__(self, url: str) -> None:
        self.url = url


@pytest.fixture
def start(odoo: Odoo, workspace: str, tmp_path: Path) -> Iterator[Start]:
    """Start a migration with a changed mapping; everything is rolled back at the end."""
    started: list[Migration] = []

    def begin(mapping: str = DEFAULT) -> Migration:
        settings = {"database": odoo.database, "api_key": odoo.api_key}
        migration = Migration(TargetOdoo, _Here(odoo.url), tmp_path, settings)  # type: ignore[arg-type]
        migration.mapping_path.write_text(mapping.replace("workspace: workspace", "workspace: conformance"))
        approve(migration.mapping_path, by="tester")
        started.append(migration)
        return migration

    yield begin
    for migration in started:
        assert migration.roll_back_everything() == []
        left = {name: rows for name, rows in migration.snapshot().items() if "person_" not in name and rows}
        assert {name: sorted(rows) for name, rows in left.items()} == {}


@pytest.fixture(params=["19", "17"])
def fresh(request: pytest.FixtureRequest) -> Iterator[OdooDestination]:
    """A destination on a sandbox of its own, in which nobody else has left anything."""
    with (
        serve(FACTORY, {"ODOO_SANDBOX_VERSION": request.param}) as server,
        _sandbox(server).destination("acme") as crm,
    ):
        yield crm
