"""The only place that speaks HTTP to Cardfile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests

from crmlift.errors import RunStopped
from crmlift.http import Http, check_passing

Card = dict[str, Any]
PAGE = 200


class CardfileClient:
    """Calls to one account; `tries` and `backoff_s` are for tests."""

    def __init__(self, url: str, api_key: str, *, tries: int = 6, backoff_s: float = 1.0) -> None:
        headers = {"Authorization": f"Bearer {api_key}"}
        self.http = Http(
            url, headers=headers, tries=tries, backoff_s=backoff_s, product="target-cardfile/1.0"
        )

    def call(self, name: str, verb: str, path: str, *, repeat: bool = True, **request: Any) -> Any:
        """Return the answer's JSON; raises one of `crmlift.errors`."""

        def classify(response: requests.Response) -> Any:
            check_passing(name, response)
            if response.status_code in (401, 403):
                raise RunStopped(
                    f"{name}: Cardfile does not accept the key.", hint="Make one under Settings, API."
                )
            if not response.ok:
                raise RunStopped(
                    f"{name}: Cardfile answered {response.status_code}.", hint="A fault in target-cardfile."
                )
            return response.json()

        return self.http.send(name, verb, f"/v1{path}", classify, repeat=repeat, **request)

    def query(self, table: str, where: dict[str, list[Any]] | None = None) -> Iterator[list[Card]]:
        """Yield pages of cards whose fields have one of the given values; of all without `where`."""
        after = 0
        while True:
            body = {"where": where or {}, "after": after, "limit": PAGE}
            cards = self.call("query", "POST", f"/{table}/query", json=body)
            yield cards
            if len(cards) < PAGE:
                return
            after = cards[-1]["id"]

    def put(self, table: str, by: str, cards: list[Card], *, repeat: bool = True) -> list[Card]:
        """Write cards by a unique field; return `id` and `created`, or `error`, for each in order."""
        # Without `notify=no`, Cardfile greets every new person by mail.
        params = {"by": by, "notify": "no"}
        answer: list[Card] = self.call("put", "PUT", f"/{table}", params=params, json=cards, repeat=repeat)
        return answer
