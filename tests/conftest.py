from __future__ import annotations

from collections.abc import Iterator

import pytest
from migration import fill

from crmlift import plugins
from crmlift.sandbox.server import Server, serve

PEOPLE = 150


@pytest.fixture
def customerio() -> Iterator[Server]:
    """A Customer.io sandbox that holds a small bundled workspace."""
    factory = plugins.find(plugins.SANDBOXES, "customerio").value
    with serve(factory, {"CUSTOMERIO_SANDBOX_RATE": "1000"}) as server:
        fill(server, people=PEOPLE)
        yield server


@pytest.fixture
def odoo_sandbox() -> Iterator[Server]:
    """An empty Odoo sandbox."""
    with serve(plugins.find(plugins.SANDBOXES, "odoo").value) as server:
        yield server
