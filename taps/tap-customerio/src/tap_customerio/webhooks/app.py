"""The receiver: checks the signature, keeps the event, answers.

Customer.io waits 4 seconds and holds all later events back until one is accepted, for up to seven days. So
whatever is signed is kept and accepted, even what cannot be understood: that is the reader's matter.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_customerio.webhooks.signature import valid
from tap_customerio.webhooks.spool import Spool

_LARGEST = 16 * 1024 * 1024
_log = logging.getLogger(__name__)


def create_app(
    spool: Spool, signing_key: str, *, max_age: float = 300, clock: Callable[[], float] = time.time
) -> Starlette:
    """The ASGI application: POST takes an event at any path, GET says that it is up."""
    if not signing_key:
        raise ValueError("without a signing key, anybody could send events")

    async def receive(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return Response(status_code=413)
        stamp, signature = (request.headers.get(f"x-cio-{name}", "") for name in ("timestamp", "signature"))
        if not valid(signing_key, stamp, signature, body, now=clock(), max_age=max_age):
            _log.warning("an event was refused: its signature is wrong, or too old")
            return Response(status_code=401)
        try:
            await run_in_threadpool(spool.append, line(body, int(clock())))
        except OSError as error:
            _log.error("an event could not be kept (%s); Customer.io will send it again", error.strerror)
            return Response(status_code=503)
        return Response(status_code=200)

    async def up(request: Request) -> Response:
        del request
        return Response("ok", media_type="text/plain")

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        yield
        spool.close()

    routes = [Route("/{path:path}", receive, methods=["POST"]), Route("/{path:path}", up, methods=["GET"])]
    return Starlette(routes=routes, lifespan=lifespan)


def line(body: bytes, received_at: int) -> bytes:
    """What is kept: `{received_at, event}`, or `{received_at, text}` where the body is no JSON object."""
    try:
        event = msgspec.json.decode(body, type=dict[str, object])
    except msgspec.MsgspecError:
        return msgspec.json.encode({"received_at": received_at, "text": body.decode(errors="replace")})
    return msgspec.json.encode({"received_at": received_at, "event": event})


async def _body(request: Request) -> bytes | None:
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > _LARGEST:
            return None
    return bytes(found)
