from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from migration import CRMS, Crm, Project, customerio_settings, fill

from crmlift import plugins
from crmlift.sandbox.server import Server, serve

collect_ignore = ["plugins"]
"""Packages of their own, which tests here install; their own tests run where they are installed."""


@pytest.fixture
def people() -> int:
    """How many people the workspace has; a module may say otherwise."""
    return 150


@pytest.fixture
def customerio(people: int) -> Iterator[Server]:
    """A Customer.io sandbox that holds a small bundled workspace."""
    factory = plugins.find(plugins.SANDBOXES, "customerio").value
    with serve(factory, {"CUSTOMERIO_SANDBOX_RATE": "1000"}) as server:
        fill(server, people=people)
        yield server


@pytest.fixture(params=CRMS, ids=lambda crm: crm.short)
def crm(request: pytest.FixtureRequest) -> Crm:
    """Each CRM in turn."""
    found: Crm = request.param
    return found


@pytest.fixture
def crm_sandbox(crm: Crm) -> Iterator[Server]:
    """An empty sandbox of the CRM."""
    with serve(plugins.find(plugins.SANDBOXES, crm.short).value) as server:
        yield server


@pytest.fixture
def odoo_sandbox() -> Iterator[Server]:
    """An empty Odoo sandbox."""
    with serve(plugins.find(plugins.SANDBOXES, "odoo").value) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, customerio: Server, crm: Crm, crm_sandbox: Server) -> Project:
    """A project as the README describes it, with each CRM in turn."""
    secrets = {**customerio_settings(customerio), **crm.settings(crm_sandbox.url)}
    return Project(tmp_path / "a project with spaces", secrets, crm.target.name)
