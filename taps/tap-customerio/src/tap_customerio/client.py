"""The App API: the only place of the tap that speaks it."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from typing import Unpack

import requests

from tap_customerio import concurrency
from tap_customerio.errors import CustomerIOError, LinkExpired, Unauthorized, Unavailable
from tap_customerio.transport import JSON, Call, Options, Transport

HOSTS = {"us": "https://api.customer.io", "eu": "https://api-eu.customer.io"}


class Client(Transport):
    """Reads the App API of one workspace."""

    def __init__(
        self,
        api_key: str,
        *,
        region: str = "us",
        api_url: str | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(api_url or HOSTS[region], **options)
        self.region = region
        self._api_key = api_key

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

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._api_key}"
        return request

    def _unauthorised(self, call: Call) -> CustomerIOError:
        other = "us" if self.region == "eu" else "eu"
        return Unauthorized(
            f"{call}: HTTP 401: Customer.io does not accept the App API key. Either the key is wrong, or "
            f"it belongs to the other region (region is {self.region!r}; try {other!r}): both look alike."
        )

    @property
    def _secrets(self) -> tuple[str, ...]:
        return (self._api_key,)


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Text as lines with their ends, wherever it was cut."""
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + piece).split("\n")
        yield from (line + "\n" for line in whole)
    if rest:
        yield rest


__all__ = ["HOSTS", "JSON", "Call", "Client"]
