"""The UI API: an application of its own, as it has a host of its own; the sandbox serves it under `/ui`.

No specification of it is public. Routes, envelopes and paging follow the vendor's command line
(github.com/customerio/cli) and what others saw; what is only inferred is marked so where it is made:
error bodies, rows of suppressions, imports, domains and audit logs, and 403 for what is not GET.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware

from tap_customerio.sandbox.errors import ApiError, app_error_handler
from tap_customerio.sandbox.faults import Faults, Stats
from tap_customerio.sandbox.settings import Settings
from tap_customerio.sandbox.store import Store
from tap_customerio.sandbox.ui_api.documents import KINDS, Documents
from tap_customerio.sandbox.ui_api.gate import Gate
from tap_customerio.sandbox.ui_api.sessions import Sessions, page

PREFIX = "/ui"


def create_ui_api(store: Store, settings: Settings, faults: Faults, stats: Stats) -> Starlette:
    """The ASGI application, to be mounted at `PREFIX`."""
    sessions = Sessions(store, settings)
    return Starlette(
        routes=[*sessions.routes(), *Documents(store).routes()],
        middleware=[Middleware(Gate, sessions=sessions, settings=settings, faults=faults, stats=stats)],
        exception_handlers={ApiError: app_error_handler, 404: page, 405: page},
    )


__all__ = ["KINDS", "PREFIX", "create_ui_api"]
