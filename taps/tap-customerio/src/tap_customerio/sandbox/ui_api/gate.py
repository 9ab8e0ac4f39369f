"""What a request to the UI API passes before it reaches a route."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from tap_customerio.sandbox.errors import app_error
from tap_customerio.sandbox.faults import Faults, Stats
from tap_customerio.sandbox.gate import counted, failing
from tap_customerio.sandbox.settings import Settings
from tap_customerio.sandbox.ui_api.sessions import Sessions

_OTHER_REGION = {"us": "eu.fly.customer.io", "eu": "us.fly.customer.io"}
_OPEN = "/v1/service_accounts/oauth/token"


class Gate:
    """ASGI middleware: access tokens, read-only sessions, switched-on failures, counts."""

    def __init__(
        self, app: ASGIApp, sessions: Sessions, settings: Settings, faults: Faults, stats: Stats
    ) -> None:
        self.app = app
        self.sessions = sessions
        self.settings = settings
        self.faults = faults
        self.stats = stats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await counted(self._answer, self.stats)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._refusal(scope) or failing(self.app, self.faults, scope["path"]))(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers, path = Headers(scope=scope), scope["path"]
        if headers.get("host", "").split(":")[0] == _OTHER_REGION[self.settings.region]:
            return app_error(401, "unauthorized")
        if path.endswith(_OPEN):
            return None
        session = self.sessions.scope(headers.get("authorization", "").removeprefix("Bearer "))
        if session is None:
            return app_error(401, "unauthorized")
        if scope["method"] != "GET" and "read_only" in session.split():
            return app_error(403, "the session is read-only")
        closed = [one for one in self.settings.forbidden.split(",") if one]
        if any(path == one or path.startswith(f"{one}/") for one in closed):
            return app_error(403, "forbidden")
        return None
