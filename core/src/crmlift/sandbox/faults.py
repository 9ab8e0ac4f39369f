"""Faults that a sandbox shows on request, and counters of what it was asked.

`Harness` wraps a sandbox's ASGI app and answers three paths itself:

- `POST /_sandbox/faults` with a list of faults replaces those in force; `GET` lists them.
- `GET /_sandbox/stats` tells calls and rows by name since the start or the last `DELETE`.

A fault is one of

```
{"kind": "status", "status": 429, "retry_after": 1 | "date", "body": {...}}   answer this instead
{"kind": "cut", "after": true}      close the connection without an answer, after (or before) the work
{"kind": "slow", "ms": 200}         answer that much later
{"kind": "refuse", "value": "..."}  refuse every row that holds this value (left to the sandbox's app)
```

with, for each, `match` (a part of the path), `times` (how often, for ever if left out) and `skip` (how many
matching calls pass first).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(slots=True)
class Fault:
    """One switch, see the module's docstring."""

    kind: Literal["status", "cut", "slow", "refuse"]
    match: str = ""
    times: int | None = None
    skip: int = 0
    status: int = 503
    retry_after: float | Literal["date"] | None = None
    body: Any = None
    after: bool = True
    ms: int = 0
    value: str = ""

    def due(self, path: str) -> bool:
        """Say whether the fault shows on this call, and count it."""
        if self.match not in path or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(slots=True)
class Stats:
    """Calls and rows by name, counted by the sandbox's app; `requests` by path, counted here."""

    calls: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)

    def count(self, name: str, rows: int = 0) -> None:
        """Count one call, and the rows that it carried."""
        self.calls[name] += 1
        self.rows[name] += rows


class Harness:
    """An ASGI app around a sandbox's own."""

    def __init__(self, app: ASGIApp, stats: Stats, faults: list[Fault] | None = None) -> None:
        self.app = app
        self.stats = stats
        self.faults: list[Fault] = faults if faults is not None else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the harness' own paths; pass the rest on, through the faults in force."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"] == "/_sandbox/faults":
            await (await self._switch(Request(scope, receive)))(scope, receive, send)
        elif scope["path"] == "/_sandbox/stats":
            await self._tell(scope["method"])(scope, receive, send)
        else:
            await self._through(scope, receive, send)

    async def _switch(self, request: Request) -> Response:
        if request.method == "POST":
            self.faults[:] = [Fault(**entry) for entry in await request.json()]
        return JSONResponse([asdict(fault) for fault in self.faults])

    def _tell(self, method: str) -> Response:
        counters = {"calls": self.stats.calls, "rows": self.stats.rows, "requests": self.stats.requests}
        answer = JSONResponse(counters)
        if method == "DELETE":
            for counter in counters.values():
                counter.clear()
        return answer

    async def _through(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.stats.requests[scope["path"]] += 1
        cut = False
        for fault in self.faults:
            if fault.kind == "refuse" or not fault.due(scope["path"]):
                continue
            if fault.kind == "slow":
                await asyncio.sleep(fault.ms / 1000)
            elif fault.kind == "status":
                await _drain(receive)
                await _answer(fault)(scope, receive, send)
                return
            elif fault.after:
                cut = True
            else:
                _cut(send)
                return
        if not cut:
            await self.app(scope, receive, send)
            return
        await self.app(scope, receive, _swallow)
        _cut(send)


def refused(faults: list[Fault], row: Any) -> bool:
    """Say whether a `refuse` fault names a value of this row."""
    wanted = [fault.value for fault in faults if fault.kind == "refuse" and fault.times != 0]
    if not wanted:
        return False
    text = json.dumps(row, ensure_ascii=False)
    return any(value in text for value in wanted)


def _answer(fault: Fault) -> Response:
    headers = {}
    if fault.retry_after == "date":
        headers["Retry-After"] = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    elif fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    if fault.body is not None:
        return JSONResponse(fault.body, fault.status, headers)
    return Response("<html>sandbox fault</html>", fault.status, headers, media_type="text/html")


def _cut(send: Send) -> None:
    # uvicorn hands the application a bound method of the object that owns the connection; ASGI itself
    # has no way to drop one.
    send.__self__.transport.close()  # type: ignore[attr-defined]


async def _swallow(message: Message) -> None:
    del message


async def _drain(receive: Receive) -> None:
    with contextlib.suppress(Exception):
        while (await receive()).get("more_body"):
            pass
