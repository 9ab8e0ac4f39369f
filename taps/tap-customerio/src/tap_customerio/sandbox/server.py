"""Serves an ASGI application from a thread, on a free loopback port: for tests and the demo."""

from __future__ import annotations

import socket
import threading
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp


class Server:
    """A server on a port that the system chose; `url` is known before it starts.

    A context manager: when the body begins the server answers, when it ends the port is closed.
    """

    def __init__(self, app: ASGIApp) -> None:
        # asyncio sets TCP_NODELAY only on sockets that name their protocol; without it, each answer
        # waits 40 ms for the client's delayed acknowledgement.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        started = self._started = threading.Event()

        class Told(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                started.set()

        self._server = Told(uvicorn.Config(app, log_level="critical", lifespan="on", timeout_keep_alive=60))
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._started.set()

    def __enter__(self) -> Server:
        self._thread.start()
        self._started.wait()
        if not self._server.started:
            raise RuntimeError("the sandbox did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
