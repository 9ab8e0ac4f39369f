"""The sandbox's own routes: load what Track cannot write, switch failures on, read the counts."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_customerio.sandbox.consent import Consent
from tap_customerio.sandbox.content import CHILDREN, LISTS, Content
from tap_customerio.sandbox.errors import reply
from tap_customerio.sandbox.faults import Fault, Faults, Stats
from tap_customerio.sandbox.history import History
from tap_customerio.sandbox.reporting import events, send
from tap_customerio.sandbox.settings import Settings
from tap_customerio.sandbox.store import Store
from tap_customerio.sandbox.ui_api.documents import Documents


class Control:
    """Routes under `/_sandbox/`; they need no key."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        content: Content,
        consent: Consent,
        history: History,
        faults: Faults,
        stats: Stats,
    ) -> None:
        self.store = store
        self.settings = settings
        self.content = content
        self.consent = consent
        self.history = history
        self.faults_ = faults
        self.stats_ = stats

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/_sandbox/config", self.config, methods=["GET", "POST"]),
            Route("/_sandbox/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/_sandbox/webhooks", self.webhooks, methods=["POST"]),
            Route("/_sandbox/stats", self.stats, methods=["GET", "DELETE"]),
        ]

    async def config(self, request: Request) -> Response:
        """Say what time it is here; or load `settings`, lists, lists by parent, deliveries, metrics."""
        if request.method == "GET":
            return reply({"now": self.settings.now, "region": self.settings.region})
        try:
            body = msgspec.json.decode(await request.body(), type=dict[str, Any])
            with self.store.transaction():
                for kind, value in body.items():
                    self._load(kind, value)
        except (msgspec.MsgspecError, ValueError, KeyError, TypeError) as error:
            return reply({"error": f"{type(error).__name__}: {error}"}, 400)
        return reply({})

    async def faults(self, request: Request) -> Response:
        """Switch a failure on (POST), all off (DELETE), or list what is to come."""
        if request.method == "DELETE":
            self.faults_.clear()
        elif request.method == "POST":
            try:
                self.faults_.add(Fault(**msgspec.json.decode(await request.body())))
            except (msgspec.MsgspecError, TypeError, ValueError) as error:
                return reply({"error": str(error)}, 400)
        return reply({"faults": self.faults_.left()})

    async def webhooks(self, request: Request) -> Response:
        """Send reporting webhooks of what happened since a moment: `{url, key, since}`."""
        try:
            body = msgspec.json.decode(await request.body())
            found = events(self.history, int(body.get("since") or 0))
            return reply(await run_in_threadpool(send, body["url"], body["key"], found))
        except (msgspec.MsgspecError, AttributeError, KeyError, TypeError, ValueError) as error:
            return reply({"error": f"{type(error).__name__}: {error}"}, 400)

    async def stats(self, request: Request) -> Response:
        """Counts since the start, or since the last DELETE."""
        report = self.stats_.report()
        if request.method == "DELETE":
            self.stats_.clear()
        return reply(report)

    def _load(self, kind: str, value: Any) -> None:
        if kind == "settings":
            for name, setting in value.items():
                self.settings.set(name, setting)
        elif kind == "deliveries":
            self.history.load(value)
        elif kind == "delivery_metrics":
            self.history.add_metrics(value)
        elif kind == "optouts":
            self.consent.load_optouts(value)
        elif kind == "esp_suppressions":
            self.consent.load_suppressions(value)
        elif kind == "ui_api":
            for name, documents in value.items():
                Documents(self.store).load(name, documents)
        elif kind in LISTS:
            self.content.load(kind, value)
        elif kind in CHILDREN:
            for parent, documents in value.items():
                self.content.load(kind, documents, str(parent))
        else:
            raise ValueError(f"no such kind: {kind}")
