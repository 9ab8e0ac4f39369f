"""The child process of `crmlift.sandbox.server.serve`: `python -m crmlift.sandbox FACTORY FD`."""

from __future__ import annotations

import os
import socket
import sys
import threading

import uvicorn

KEEP_ALIVE_S = 60
"""Longer than clients pause between looks at a job: some do for 5 s, which is when uvicorn would hang up."""


def main(factory: str, fd: int) -> None:
    """Serve the app on the socket `fd` until asked to stop or the parent process is gone."""
    server = uvicorn.Server(
        uvicorn.Config(
            factory,
            factory=True,
            lifespan="off",
            log_level="warning",
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
    )

    def stop_with_parent() -> None:
        # Nothing is ever written to this pipe: reading returns when its other end is closed. The raw
        # descriptor, for a thread that blocks inside sys.stdin would abort the interpreter's exit.
        os.read(0, 1)
        server.should_exit = True

    threading.Thread(target=stop_with_parent, daemon=True).start()
    server.run(sockets=[socket.socket(fileno=fd)])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
