"""The App API over HTTP: the only place of the tap that speaks it.

Operations are named by path templates (`/v1/objects/{type}/{id}/attributes`): values are encoded in
one place (an unencoded `+` or `@` finds nobody and still answers 200), and an error can name the
operation without naming whom it was about.
"""

from __future__ import annotations

import codecs
import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import quote

import backoff
import msgspec
import requests

from tap_customerio import concurrency
from tap_customerio.budget import Budget
from tap_customerio.errors import (
    CustomerIOError,
    Forbidden,
    LinkExpired,
    NoRoute,
    NotFound,
    QuotaUsedUp,
    Refused,
    Unauthorized,
    Unavailable,
)

HOSTS = {"us": "https://api.customer.io", "eu": "https://api-eu.customer.io"}
T = TypeVar("T")
R = TypeVar("R")
JSON = dict[str, Any]

_EMAIL = re.compile(r"\S+@\S+")
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

    def at(self, cursor: object, name: str = "start") -> Call:
        """The same request, for the page that starts at the cursor."""
        return replace(self, query={**self.query, name: cursor})

    def __str__(self) -> str:
        return f"{'GET' if self.body is None else 'POST'} {self.path}"


class Client:
    """Reads the App API of one workspace; safe to use from many threads.

    Requests share one budget. Passing failures are tried again up to `max_tries` times in all, with
    exponential waits that start at `retry_seconds`; after a 429 everybody waits as long as
    `Retry-After` says. Raises `Refused` or `Unavailable`.
    """

    def __init__(
        self,
        api_key: str,
        *,
        region: str = "us",
        api_url: str | None = None,
        budget: Budget | None = None,
        workers: int = 8,
        user_agent: str = "tap-customerio",
        timeout_seconds: float = 60,
        max_tries: int = 8,
        retry_seconds: float = 1,
        logger: logging.Logger | None = None,
    ) -> None:
        self.api_url = (api_url or HOSTS[region]).rstrip("/")
        self.region = region
        self.workers = workers
        self.sent = 0  # requests, tries included
        self.reached = False  # whether any request was answered as it should be
        self._api_key = api_key
        self._budget = budget or Budget(10)
        self._user_agent = user_agent
        self._timeout = timeout_seconds
        self._log = logger or logging.getLogger(__name__)
        self._threads = threading.local()
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="customerio")
        self.max_tries = max_tries
        self._counting = threading.Lock()
        self._retry_seconds = retry_seconds

    def call(self, call: Call) -> JSON:
        """Send one request and return the decoded answer."""
        waits = backoff.expo(factor=self._retry_seconds, max_value=60)
        next(waits)  # the generator's first value starts it
        for tries in range(1, self.max_tries):
            try:
                return self._fetch(call)
            except Unavailable as error:
                wait = backoff.full_jitter(next(waits))
                self._log.info("try %d failed, again in %.1f s: %s", tries, wait, error)
                self._budget.rest(wait)  # not the library's own sleep: that would outlast a signal to stop
        return self._fetch(call)

    def rest(self, seconds: float) -> None:
        """Wait, without using the budget. Raises Stopped."""
        self._budget.rest(seconds)

    def lines(self, url: str) -> Iterator[str]:
        """The lines of a file behind a signed address: another host, which gets no key and costs no budget.

        Raises LinkExpired or Unavailable; neither names the address, which is a credential.
        """
        try:
            with requests.get(url, stream=True, timeout=self._timeout) as response:
                if response.status_code in (400, 403, 404, 410):
                    raise LinkExpired(f"the link no longer holds (HTTP {response.status_code})")
                if response.status_code != 200:
                    raise Unavailable(f"the file cannot be had now (HTTP {response.status_code})")
                yield from _lines(codecs.iterdecode(response.iter_content(1 << 16), "utf-8-sig"))
        except requests.RequestException as error:
            raise Unavailable(f"the download broke ({type(error).__name__})") from None

    def close(self) -> None:
        """Send nothing more; calls that wait raise Stopped."""
        self._budget.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def pages(
        self, calls: Iterable[Call], more: Callable[[Call, JSON], bool] | None = None
    ) -> Iterator[JSON]:
        """Follow the cursors of several lists side by side; yield pages as they come.

        A list ends where `next` is empty or missing, or where `more(call, page)` is false. A list
        whose parent is gone by now (404) ends there too.
        """
        yield from (page for _, page in self.pages_of(calls, more))

    def pages_of(
        self,
        calls: Iterable[Call],
        more: Callable[[Call, JSON], bool] | None = None,
        ask: Callable[[Call], JSON | None] | None = None,
    ) -> Iterator[tuple[Call, JSON]]:
        """Like `pages`, with each page beside the call that brought it.

        `ask` is how a list of one parent is asked for; None from it ends that list.
        """
        ask = ask or self.find

        def step(call: Call) -> tuple[tuple[Call, JSON], Call | None]:
            page = self.call(call) if not call.values else ask(call) or {}
            cursor = page.get("next")
            # Newsletters and senders carry a cursor past their last full page; an empty page ends them.
            goes_on = cursor and any(page.get(key) for key in page if key != "next")
            if not goes_on or (more is not None and not more(call, page)):
                return (call, page), None
            return (call, page), call.at(cursor)

        return concurrency.chains(self._executor, step, calls, self.workers)

    def records(self, call: Call, key: str) -> Iterator[JSON]:
        """The records of one list, page after page; an absent list (`null`) is an empty one."""
        for page in self.pages([call]):
            yield from page.get(key) or ()

    def numbered(self, call: Call, key: str, size: int) -> Iterator[JSON]:
        """The records of a list with numbered pages, from 1, of `size` records."""
        number = 1
        while True:
            page = self.call(call.at(size, "limit").at(number, "page")).get(key) or ()
            yield from page
            if len(page) < size:
                return
            number += 1

    def offsets(self, call: Call, key: str, size: int) -> Iterator[JSON]:
        """The records of a list that is read by offset; past its end the list is null."""
        offset = 0
        while True:
            page = self.call(call.at(size, "limit").at(offset, "offset")).get(key) or ()
            yield from page
            if len(page) < size:
                return
            offset += size

    def find(self, call: Call) -> JSON | None:
        """Like `call`, or None where the thing is gone (404)."""
        try:
            return self.call(call)
        except NotFound as error:
            self._log.warning("skipped: %s", error)
            return None

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Apply a function that makes requests to each item: side by side, results in order."""
        return concurrency.in_order(self._executor, function, items, 2 * self.workers)

    @property
    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = requests.Session()
            session.auth = self._authorise  # not a plain header: a .netrc of the machine would replace it
            session.headers["User-Agent"] = self._user_agent
        return session

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._api_key}"
        return request

    def _fetch(self, call: Call) -> JSON:
        self._budget.acquire()
        with self._counting:
            self.sent += 1
        try:
            response = self._session.request(
                "GET" if call.body is None else "POST",
                self.api_url + call.url_path,
                params={name: str(value) for name, value in call.query.items()},
                data=None if call.body is None else msgspec.json.encode(call.body),
                headers=None if call.body is None else {"Content-Type": "application/json"},
                timeout=self._timeout,
            )
        except requests.RequestException as error:
            # Only the type: the text of these errors holds the whole address.
            raise Unavailable(f"{call}: the connection failed ({type(error).__name__})") from None
        if response.status_code != 200:
            raise self._error(call, response)
        try:
            answer: JSON = (
                {call.wrap: msgspec.json.decode(response.content)}
                if call.wrap
                else msgspec.json.decode(response.content, type=JSON)
            )
        except msgspec.MsgspecError:
            raise Unavailable(f"{call}: the answer is no JSON object") from None
        self.reached = True
        return answer

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
            other = "us" if self.region == "eu" else "eu"
            return Unauthorized(
                f"{call}: HTTP 401: Customer.io does not accept the App API key. Either the key is wrong, or "
                f"it belongs to the other region (region is {self.region!r}; try {other!r}): both look alike."
            )
        if status == 403:
            why = "the key's scope, its IP allowlist, or a feature that the workspace does not have"
            return Forbidden(f"{message} ({why})")
        return Refused(message)

    def _redact(self, text: str) -> str:
        return _EMAIL.sub("[redacted]", text.replace(self._api_key, "[redacted]"))[:200]


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Text as lines with their ends, wherever it was cut."""
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + piece).split("\n")
        yield from (line + "\n" for line in whole)
    if rest:
        yield rest


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
    return float(value) if value.isdecimal() else 0.0
