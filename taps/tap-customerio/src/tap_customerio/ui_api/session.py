"""Access tokens of a read-only session, traded in for a service-account token."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

READ_ONLY = "read_only"
_DEFAULT_LIFE = 55 * 60
_EARLY = 60


@dataclass(frozen=True)
class Access:
    """An access token, and when to get the next one (unix seconds)."""

    token: str
    renew_at: float


class Session:
    """Holds the access token, and gets a new one a minute before it ends; safe for many threads.

    `exchange` asks for one and returns the answer: `{access_token, expires_in, scope}` (RFC 6749).
    """

    def __init__(
        self, exchange: Callable[[], dict[str, Any]], clock: Callable[[], float] = time.time
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._lock = threading.Lock()
        self._access: Access | None = None

    @property
    def token(self) -> str:
        """The token to send. Raises what `exchange` raises."""
        with self._lock:
            if self._access is None or self._clock() >= self._access.renew_at:
                self._access = self._new()
            return self._access.token

    @property
    def current(self) -> str:
        """The token at hand, if any; asks for none."""
        return self._access.token if self._access else ""

    def refused(self, token: str) -> None:
        """A token was not accepted: the next one is another, whoever asks first."""
        with self._lock:
            if self._access is not None and self._access.token == token:
                self._access = None

    def _new(self) -> Access:
        answer = self._exchange()
        token = str(answer["access_token"])
        now = self._clock()
        ends = _expiry(token)
        if ends is None:
            ends = now + float(answer.get("expires_in") or _DEFAULT_LIFE)
        return Access(token, ends - min(_EARLY, max(ends - now, 0) / 2))


def _expiry(token: str) -> float | None:
    """The `exp` that a JWT says of itself; None if it says nothing. The signature is the server's matter."""
    try:
        claims = token.split(".")[1]
        said = msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        return float(said["exp"])
    except (IndexError, KeyError, TypeError, ValueError, msgspec.MsgspecError):
        return None
