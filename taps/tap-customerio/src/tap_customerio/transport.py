"""HTTP as every route of the tap speaks it: one pace, tries, redaction, errors by name.

Operations are named by path templates (`/v1/objects/{type}/{id}/attributes`): values are encoded in
one place (an unencoded `+` or `@` finds nobody and still answers 200), and an error can name the
operation without naming whom it was about.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any, TypedDict, TypeVar, Unpack
from urllib.parse import quote, urlsplit

import backoff
import msgspec
import requests

from tap_customerio import concurrency
from tap_customerio.budget import Budget
from tap_customerio.errors import (
    CustomerIOError,
    Forbidden,
    NoRoute,
    NotFound,
    QuotaUsedUp,
    Refused,
    Unavailable,
)

T = TypeVar("T")
R = TypeVar("R")
JSON = dict[str, Any]

_EMAIL = re.compile(r"\S+@\S+")
_NO_ADDRESS = (
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
)
_RETRYABLE = {408, 425, 429}  # and all of 500 and above


@dataclass(frozen=True)
class Call:
    """One request: path template with its values, query, JSON body (a POST then).

    `about` is the caller's own note on what the answer belongs to; it is not sent. `wrap` is the key to
    put an answer under that is no object with keys of its own. `daily`: the operation has a daily quota.
    """

    path: str
    values: Mapping[str, object] = field(default_factory=dict)
    query: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    wrap: str = ""
    daily: bool = False

    @property
    def url_path(self) -> str:
        """The path with its values, percent-encoded."""
        return self.path.format(**{name: quote(str(value), safe="") for name, value in self.values.items()})

    @property
    def method(self) -> str:
        """POST with a body, GET without."""
        return "GET" if self.body is None else "POST"

    def at(self, cursor: object, name: str = "start") -> Call:
        """The same request, for the page that starts at the cursor."""
        return replace(self, query={**self.query, name: cursor})

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Options(TypedDict, total=False):
    """How to send: see `Transport`."""

    budget: Budget | None
    workers: int
    user_agent: str
    timeout_seconds: float
    max_tries: int
    retry_seconds: float
    logger: logging.Logger | None


class Transport:
    """Requests to one API; safe to use from many threads.

    Requests share one budget. Passing failures are tried again up to `max_tries` times in all, with
    exponential waits that start at `retry_seconds`; after a 429 everybody waits as long as
    `Retry-After` says. Raises `Refused` or `Unavailable`. Subclasses say who asks (`_authorise`), what
    must never be told (`_secrets`) and what a 401 means (`_unauthorised`).
    """

    def __init__(self, api_url: str, **options: Unpack[Options]) -> None:
        self.api_url = api_url.rstrip("/")
        self._host = urlsplit(self.api_url).hostname or "the API"
        self.workers = options.get("workers", 8)
        self.sent = 0  # requests, tries included
        self.reached = False  # whether any request was answered as it should be
        self._budget = options.get("budget") or Budget(10)
        self._user_agent = options.get("user_agent", "tap-customerio")
        self._timeout = options.get("timeout_seconds", 60)
        self._log = options.get("logger") or logging.getLogger(__name__)
        self._threads = threading.local()
        self._executor = ThreadPoolExecutor(self.workers, thread_name_prefix="customerio")
        self._counting = threading.Lock()
        self.max_tries = options.get("max_tries", 8)
        self._retry_seconds = options.get("retry_seconds", 1)

    def call(self, call: Call) -> JSON:
        """Send one request and return the decoded answer."""
        return self._patiently(lambda: self._fetch(call))

    def find(self, call: Call) -> JSON | None:
        """Like `call`, or None where the thing is gone (404)."""
        try:
            return self.call(call)
        except NotFound:
            return None

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Apply a function that makes requests to each item: side by side, results in order."""
        return concurrency.in_order(self._executor, function, items, 2 * self.workers)

    def close(self) -> None:
        """Send nothing more; calls that wait raise Stopped."""
        self._budget.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        raise NotImplementedError

    def _unauthorised(self, call: Call) -> CustomerIOError:
        raise NotImplementedError

    @property
    def _secrets(self) -> tuple[str, ...]:
        raise NotImplementedError

    def _patiently(self, attempt: Callable[[], R]) -> R:
        """Try until it works, is refused, or has been tried often enough."""
        waits = backoff.expo(factor=self._retry_seconds, max_value=60)
        next(waits)  # the generator's first value starts it
        for tries in range(1, self.max_tries):
            try:
                return attempt()
            except Unavailable as error:
                wait = backoff.full_jitter(next(waits))
                self._log.info("try %d failed, again in %.1f s: %s", tries, wait, error)
                self._budget.rest(wait)  # not the library's own sleep: that would outlast a signal to stop
        return attempt()

    @property
    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = requests.Session()
            session.auth = self._authorise  # not a plain header: a .netrc of the machine would replace it
            session.headers["User-Agent"] = self._user_agent
        return session

    def _fetch(self, call: Call) -> JSON:
        response = self._send(
            call,
            params={name: str(value) for name, value in call.query.items()},
            data=None if call.body is None else msgspec.json.encode(call.body),
            headers=None if call.body is None else {"Content-Type": "application/json"},
        )
        if response.status_code != 200:
            raise self._error(call, response)
        answer = self._decoded(call, response)
        self.reached = True
        return answer

    def _send(self, call: Call, **how: Any) -> requests.Response:
        """One request within the budget, whatever the answer. Raises Unavailable where there is none."""
        self._budget.acquire()
        with self._counting:
            self.sent += 1
        try:
            return self._session.request(
                call.method, self.api_url + call.url_path, timeout=self._timeout, **how
            )
        except _NO_ADDRESS:
            raise Refused(f"{call}: the API's address must begin with https://") from None
        except requests.RequestException as error:
            # Only the type: the text of these errors holds the whole address.
            raise Unavailable(
                f"{call}: the connection to {self._host} failed ({type(error).__name__})"
            ) from None

    def _decoded(self, call: Call, response: requests.Response) -> JSON:
        try:
            if call.wrap:
                return {call.wrap: msgspec.json.decode(response.content)}
            return msgspec.json.decode(response.content, type=JSON)
        except msgspec.MsgspecError:
            raise Unavailable(f"{call}: the answer is no JSON object") from None

    def _error(self, call: Call, response: requests.Response) -> CustomerIOError:
        status = response.status_code
        message = f"{call}: HTTP {status}: {self._redact(_reason(response))}"
        if status == 429:
            if call.daily and "Retry-After" not in response.headers:
                return QuotaUsedUp(f"{message} (the daily quota is used up)")
            self._budget.pause(_retry_after(response))
        if status in _RETRYABLE or status >= 500:
            return Unavailable(message)
        # A route that does not exist answers 404 in HTML: then nothing is gone, the address is wrong.
        if status == 404:
            gone = "json" in response.headers.get("Content-Type", "")
            return NotFound(message) if gone else NoRoute(message)
        if status == 401:
            return self._unauthorised(call)
        if status == 403:
            return Forbidden(f"{message} ({self._why_forbidden})")
        return Refused(message)

    _why_forbidden = "the key's scope, its IP allowlist, or a feature that the workspace does not have"

    def _redact(self, text: str) -> str:
        for secret in filter(None, self._secrets):
            text = text.replace(secret, "[redacted]")
        return _EMAIL.sub("[redacted]", text)[:200]


def _reason(response: requests.Response) -> str:
    """The API's own words, from either of its error forms; never a whole body."""
    try:
        body = msgspec.json.decode(response.content)
    except msgspec.MsgspecError:
        return "no such route" if response.status_code == 404 else "no reason given"
    match body:
        case {"errors": [{"detail": str(detail)}, *_]} | {"meta": {"error": str(detail)}}:
            return detail
        case {"meta": {"errors": [str(detail), *_]}}:
            return detail
    return "no reason given"


def _retry_after(response: requests.Response) -> float:
    """Seconds to wait; 0 without the header (a daily quota has none): the back-off then decides."""
    value = response.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max(moment.timestamp() - time.time(), 0.0)
