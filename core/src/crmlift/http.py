"""The one way in which targets speak HTTP: pooled, paced, retried, counted.

A target's client calls `Http.send` with a `classify` function that turns a response into what the
caller wants or raises one of `crmlift.errors`; only `TransientError` is tried again. No URL, header,
body or value of a record gets into an error: errors name the call, as the client named it.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import backoff
import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from crmlift.errors import ConfigError, TransientError

T = TypeVar("T")
Classify = Callable[[requests.Response], T]


class Unanswered(TransientError):
    """A call went out and no usable answer came back: the CRM may have done it.

    `running` says that it may even be at work on it still, as after a time-out: looking up what
    became of the call right away proves nothing.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, running: bool = False) -> None:
        super().__init__(message, retry_after=retry_after)
        self.running = running


class Pace:
    """At most `per_second` calls a second over all threads, evenly spaced."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1.0 / per_second
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Sleep until the next call may go out."""
        with self._lock:
            now = time.monotonic()
            slot = max(now, self._next)
            self._next = slot + self._gap
        time.sleep(max(0.0, slot - now))


class Waits(Protocol):
    """Anything with `wait()`: a `Pace`, or a budget that several processes share."""

    def wait(self) -> None:
        """Return when the next call may go out."""


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds that `Retry-After` asks for, given as seconds or as an HTTP date."""
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def check_passing(call: str, response: requests.Response) -> None:
    """Raise where the same call may succeed later: 429, and any 5xx, after which the CRM may have done it."""
    status = response.status_code
    if status == 429:
        raise TransientError(f"{call}: too many calls (429).", retry_after=retry_after(response))
    if status >= 500:
        raise Unanswered(
            f"{call}: the server answered {status}.",
            retry_after=retry_after(response),
            # 504 is a proxy's time-out: the server behind it works on.
            running=status == 504,
        )


def _waits(base: float, cap: float) -> Generator[float, TransientError, None]:
    """Full jitter on an exponential back-off, but never less than the server asked for."""
    error = yield 0.0
    attempt = 0
    while True:
        wait = random.uniform(0, min(cap, base * 2**attempt))
        error = yield max(wait, error.retry_after or 0.0)
        attempt += 1


def _not_to_repeat(error: Exception) -> bool:
    return isinstance(error, Unanswered)


_UNREACHED = "Is the url right, is the server up, and may this machine reach it?"


class Http:
    """Calls to one API.

    `tries` counts the first one; `backoff_s` is the base of the back-off in seconds. `adapter`
    replaces the network, for tests. `calls` counts requests by call name, retries included.
    One session per thread, each keeping its connections open.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 120.0,
        tries: int = 6,
        backoff_s: float = 1.0,
        backoff_cap_s: float = 60.0,
        pace: Waits | None = None,
        adapter: BaseAdapter | None = None,
        product: str = "crmlift",
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.host = urlsplit(self.base_url).hostname or "the server"
        self.calls: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self._headers = {"User-Agent": f"{product} crmlift/{version('crmlift')}", **(headers or {})}
        self._timeout = (min(timeout_s, 30.0), timeout_s)
        self._tries, self._backoff_s, self._backoff_cap_s = tries, backoff_s, backoff_cap_s
        self._pace = pace
        self._adapter = adapter
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()

    def send(
        self,
        name: str,
        verb: str,
        path: str,
        classify: Classify[T],
        *,
        repeat: bool = True,
        **request: Any,
    ) -> T:
        """Send one call and return what `classify` makes of the answer.

        `repeat=False` marks a call that must not be done twice: it is tried again only where the
        server certainly did not do it, else `Unanswered` comes back to the caller.
        `request` goes to `requests` as it is (`data`, `json`, `params`, `headers`).
        """
        attempt = backoff.on_exception(
            _waits,
            TransientError,
            max_tries=self._tries,
            giveup=(lambda _: False) if repeat else _not_to_repeat,
            jitter=None,
            logger=None,
            base=self._backoff_s,
            cap=self._backoff_cap_s,
        )(self._once)
        result: T = attempt(name, verb, path, classify, request)
        return result

    def close(self) -> None:
        """Close every thread's connections."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()
        self._local = threading.local()

    def _once(self, name: str, verb: str, path: str, classify: Classify[T], request: dict[str, Any]) -> T:
        if self._pace:
            self._pace.wait()
        with self._lock:
            self.calls[name] += 1
        try:
            response = self._session().request(
                verb, self.base_url + path, timeout=self._timeout, allow_redirects=False, **request
            )
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
        ):
            raise ConfigError(
                f"{name}: the url is no web address.", hint="Set url to one that begins with https://."
            ) from None
        except requests.exceptions.ConnectTimeout:
            raise TransientError(f"{name}: no connection to {self.host} in time.", hint=_UNREACHED) from None
        except requests.exceptions.SSLError:
            raise ConfigError(
                f"{name}: {self.host} has no certificate that this machine trusts.", hint="Check the url."
            ) from None
        except requests.exceptions.Timeout:
            raise Unanswered(f"{name}: {self.host} did not answer in time.", running=True) from None
        except requests.exceptions.ConnectionError as error:
            if _never_sent(error):
                raise TransientError(f"{name}: no connection to {self.host}.", hint=_UNREACHED) from None
            raise Unanswered(f"{name}: {self.host} closed the connection without an answer.") from None
        except requests.exceptions.ChunkedEncodingError:
            raise Unanswered(f"{name}: the answer of {self.host} broke off.") from None
        if response.is_redirect:
            to = urlsplit(response.headers["Location"])
            raise ConfigError(
                f"{name}: {self.host} sends us on to {to.scheme}://{to.hostname}.",
                hint="Set the url to that address: a redirect would drop the key or the body.",
            )
        return classify(response)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers.update(self._headers)
            # requests lets a ~/.netrc entry replace our Authorization header unless `auth` is set.
            session.auth = lambda prepared: prepared
            adapter = self._adapter or HTTPAdapter(pool_connections=1, pool_maxsize=1)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session


def _never_sent(error: requests.exceptions.ConnectionError) -> bool:
    """Say whether the connection was never made (refused, unknown host): nothing can have been done."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return type(reason).__name__ in {"NewConnectionError", "NameResolutionError"}
