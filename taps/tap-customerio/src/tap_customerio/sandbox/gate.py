"""What a request passes before it reaches a route: keys, rate limit, switched-on failures, counts."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections import Counter

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tap_customerio.sandbox.errors import app_error, unauthorized
from tap_customerio.sandbox.faults import Bucket, Faults, Stats
from tap_customerio.sandbox.settings import Settings

_OTHER_REGION = {"us": "api-eu.customer.io", "eu": "api.customer.io"}


class Gate:
    """ASGI middleware for both APIs; the sandbox's own routes pass freely."""

    def __init__(self, app: ASGIApp, settings: Settings, faults: Faults, stats: Stats) -> None:
        self.app = app
        self.settings = settings
        self.faults = faults
        self.stats = stats
        self.bucket = Bucket()
        self.triggers = Bucket()
        self.archived: Counter[int] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let through."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith("/v1/"):
            await self._app_api(scope, receive, send)
        elif (
            scope["type"] == "http" and path.startswith("/api/") and not self._track_key(Headers(scope=scope))
        ):
            await unauthorized(track=True)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _app_api(self, scope: Scope, receive: Receive, send: Send) -> None:
        await counted(self._answer, self.stats)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, app = scope["path"], self.app
        if not self._app_key(Headers(scope=scope)):
            app = unauthorized()
        elif self.settings.rate_limit and not self.bucket.take(self.settings.rate):
            detail = f"rate limited to {self.settings.rate} requests per 1s"
            app = app_error(429, detail, {"Retry-After": "1"})
        elif any(path == closed or path.startswith(closed + "/") for closed in self._forbidden):
            app = app_error(403, "forbidden")
        elif path.endswith("/archived_message") and not self._archive():
            app = app_error(429, "daily limit reached")  # a daily quota comes without Retry-After
        elif scope["method"] == "POST" and path.endswith("/triggers") and not self._trigger():
            app = app_error(429, "rate limited to 1 requests per 10s", {"Retry-After": "10"})
        else:
            app = failing(app, self.faults, path)
        await app(scope, receive, send)

    @property
    def _forbidden(self) -> list[str]:
        return [path for path in self.settings.forbidden.split(",") if path]

    def _archive(self) -> bool:
        day = self.settings.now // 86_400
        self.archived[day] += 1
        return self.archived[day] <= self.settings.archived_per_day

    def _trigger(self) -> bool:
        return not self.settings.rate_limit or self.triggers.take(1, time.monotonic() / 10)

    def _app_key(self, headers: Headers) -> bool:
        # A key of the other region is a wrong key: nothing redirects.
        other = _OTHER_REGION[self.settings.region]
        right = headers.get("authorization") == f"Bearer {self.settings.app_api_key}"
        return right and headers.get("host", "").split(":")[0] != other

    def _track_key(self, headers: Headers) -> bool:
        pair = f"{self.settings.site_id}:{self.settings.track_api_key}".encode()
        return headers.get("authorization") == f"Basic {b64encode(pair).decode()}"


def counted(app: ASGIApp, stats: Stats) -> ASGIApp:
    """The application, with its requests counted."""

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        stats.arrived()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)
            if message.get("status") == 429:
                stats.refused(float(Headers(raw=message["headers"]).get("retry-after", "0")))

        try:
            await app(scope, receive, noted)
        finally:
            stats.answered(_endpoint(scope), status)

    return counting


def failing(app: ASGIApp, faults: Faults, path: str) -> ASGIApp:
    """The application, with the failure that is due for a path, if any."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if fault := faults.take("status", path):
            headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            await app_error(fault.status, "a failure that was asked for", headers)(scope, receive, send)
            return
        if fault := faults.take("slow", path):
            await asyncio.sleep(fault.ms / 1000)
        elif faults.take("cut", path):
            send = _cut(send)
        await app(scope, receive, send)

    return answer


def _cut(send: Send) -> Send:
    """Send half of the first body; the server closes a connection whose answer stays unfinished."""
    done = False

    async def half(message: Message) -> None:
        nonlocal done
        if done:
            return
        if message["type"] == "http.response.body":
            done = True
            body = message.get("body", b"")
            message = {**message, "body": body[: len(body) // 2], "more_body": True}
        await send(message)

    return half


def _endpoint(scope: Scope) -> str:
    """Method and path template, so that counts do not multiply with ids."""
    parts = scope["path"].split("/")
    for name, value in scope.get("path_params", {}).items():
        if str(value) in parts:
            parts[parts.index(str(value))] = f"{{{name}}}"
    return f"{scope['method']} {'/'.join(parts)}"
