"""Start a sandbox in a child process on a free loopback port, and stop it, whatever happens to us.

The child holds the reading end of a pipe whose other end is ours: when we end, even by SIGKILL, the
pipe closes and the child stops.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from crmlift.errors import ConfigError

START_S = 120.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running sandbox."""

    url: str
    pid: int

    def faults(self, *faults: Mapping[str, Any]) -> None:
        """Put these faults in force instead of those before; none switches all off."""
        self.post("/_sandbox/faults", list(faults))

    def stats(self, *, reset: bool = False) -> dict[str, dict[str, int]]:
        """Return the counters `calls`, `rows` and `requests`; `reset` sets them to zero afterwards."""
        return self._ask("DELETE" if reset else "GET", "/_sandbox/stats", None)  # type: ignore[no-any-return]

    def post(self, path: str, body: Any) -> Any:
        """Post JSON to one of the sandbox's own paths and return its answer."""
        return self._ask("POST", path, body)

    def _ask(self, verb: str, path: str, body: Any) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(verb, self.url + path, json=body, timeout=START_S)
            answer.raise_for_status()
            return answer.json()


@contextmanager
def serve(factory: str, env: Mapping[str, str] | None = None, *, port: int = 0) -> Iterator[Server]:
    """Run the ASGI app that `factory` ("package.module:function") makes, until the block ends.

    `env` is added to this process' environment. Raises `ConfigError` where the app does not start.
    """
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        child = _child(factory, listening.fileno(), env or {})
    try:
        _wait_until_it_answers(url, factory, child)
        yield Server(url, child.pid)
    finally:
        assert child.stdin is not None
        child.stdin.close()
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _child(factory: str, fd: int, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    command: Sequence[str] = [sys.executable, "-m", "crmlift.sandbox", factory, str(fd)]
    # An own session keeps Ctrl-C in the terminal for us, who then stop the child in order.
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, pass_fds=[fd], env={**os.environ, **env}, start_new_session=True
    )


def _wait_until_it_answers(url: str, factory: str, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    with requests.Session() as session:
        session.trust_env = False
        while True:
            try:
                # The socket listens already, so this waits in its queue until the app is up.
                session.get(url + "/_sandbox/stats", timeout=1)
            except requests.exceptions.RequestException:
                if child.poll() is not None:
                    raise ConfigError(
                        f"The sandbox '{factory}' ended at start with status {child.returncode}.",
                        hint="What it said stands above. The entry point names a function that makes an app.",
                    ) from None
                if time.monotonic() > deadline:
                    raise ConfigError(f"'{factory}' did not answer within {START_S:.0f} s.") from None
            else:
                return
