"""A local stand-in for Customer.io: App API, Track API and UI API on one port, state in SQLite.

For rehearsals, the demo and tests. It follows what the vendor documents and what others saw its live
API do; it is no proof of how Customer.io behaves. Settings: `tap_customerio.sandbox.settings`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from tap_customerio.sandbox.audience import Audience
from tap_customerio.sandbox.consent import Consent
from tap_customerio.sandbox.content import Content
from tap_customerio.sandbox.control import Control
from tap_customerio.sandbox.errors import ApiError, TrackError, app_error_handler, no_route, reply
from tap_customerio.sandbox.exports import Exports
from tap_customerio.sandbox.faults import Faults, Stats
from tap_customerio.sandbox.gate import Gate
from tap_customerio.sandbox.history import History
from tap_customerio.sandbox.metrics import Metrics
from tap_customerio.sandbox.objects import Objects
from tap_customerio.sandbox.people import People
from tap_customerio.sandbox.segments import Segments
from tap_customerio.sandbox.settings import Settings
from tap_customerio.sandbox.store import Store
from tap_customerio.sandbox.track import Track
from tap_customerio.sandbox.ui_api import PREFIX, create_ui_api
from tap_customerio.sandbox.warehouse import Warehouse


async def _malformed(request: Request, error: Exception) -> Response:
    del request
    return reply({"meta": {"errors": [str(error)]}}, 400)


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application; without settings, they come from `CUSTOMERIO_SANDBOX_*`."""
    settings = settings or Settings.from_environment()
    store, faults, stats = Store(settings.db), Faults(), Stats()
    people = People(store, settings)
    objects = Objects(store, people)
    segments, history, content = Segments(people), History(people), Content(store, settings)
    audience = Audience(people, objects, segments, faults)
    consent, metrics = Consent(people), Metrics(store, settings)
    control = Control(store, settings, content, consent, history, faults, stats)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        yield
        store.close()

    return Starlette(
        routes=[
            *Track(people, objects).routes(),
            *history.routes(),
            *consent.routes(),
            *metrics.routes(),
            *segments.routes(),
            *audience.routes(),
            *Exports(audience, faults).routes(),
            *content.routes(),
            *control.routes(),
            Mount(PREFIX, create_ui_api(store, settings, faults, stats)),
            *Warehouse(store, settings).routes(),
        ],
        middleware=[Middleware(Gate, settings=settings, faults=faults, stats=stats)],
        exception_handlers={
            ApiError: app_error_handler,
            TrackError: _malformed,
            404: no_route,
            405: no_route,
        },
        lifespan=lifespan,
    )


__all__ = ["Settings", "create_app"]
