"""Sending rows: few by sObject Collections, many by a Bulk job, locked ones again in small ordered calls."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from crmlift.chunks import chunks
from crmlift.destination import Outcome
from crmlift.errors import Refusal
from crmlift.once import create_once
from target_salesforce.bulk import CALLS_PER_JOB, Bulk
from target_salesforce.client import SalesforceClient
from target_salesforce.entities import BULK_FROM
from target_salesforce.errors import ALERTED, UNPROCESSED, passes, refusal
from target_salesforce.results import Sent

logger = logging.getLogger(__name__)

Wire = Mapping[str, Any]
Find = Callable[[Sequence[str]], dict[str, str]]
_Send = Callable[[Sequence[Wire]], list[Sent]]
PER_CALL = 200
PER_LOCKED_CALL = 50
_PATH = "/composite/sobjects"
_LOCK_TRIES = 5
_LOST_S = 10.0
"""How long a call of 200 rows may go on after its connection was lost: REST itself allows ten minutes,
but the rows carry a unique key, so one that comes later still is refused and looked up."""


class Sender:
    """Writes rows of one org; `bulk_from` rows or more become a Bulk job."""

    def __init__(self, client: SalesforceClient, *, bulk_from: int = BULK_FROM) -> None:
        self.client = client
        self.bulk = Bulk(client, poll_s=min(0.5, client.backoff_s))
        self._bulk_from = bulk_from

    def calls(self, rows: int) -> int:
        """Return how many calls it takes to write so many rows."""
        return CALLS_PER_JOB if rows >= self._bulk_from else math.ceil(rows / PER_CALL)

    def insert(
        self,
        sobject: str,
        rows: Sequence[Wire],
        *,
        by: Sequence[str],
        find: Find | None = None,
        order: Sequence[str] = (),
    ) -> list[Sent]:
        """Create rows, which the fields `by` tell apart.

        `find` looks up what a call without an answer left, by the one field; without it, the platform must
        refuse a row that is sent again.
        """
        if len(rows) >= self._bulk_from:
            places = sorted(range(len(rows)), key=lambda n: _place(rows[n], order))
            done = self._by_job(sobject, "insert", [rows[n] for n in places], by)
            in_place = dict(zip(places, done, strict=True))
            sent = self._quietly(
                rows,
                [in_place[n] for n in range(len(rows))],
                lambda some: self._insert_calls(sobject, some, by, find, PER_CALL),
            )
        else:
            sent = self._insert_calls(sobject, rows, by, find, PER_CALL)
        return self._once_more(
            rows, sent, order, lambda some: self._insert_calls(sobject, some, by, find, PER_LOCKED_CALL)
        )

    def update(self, sobject: str, rows: Sequence[Wire], *, order: Sequence[str] = ()) -> list[Sent]:
        """Change rows, which hold their Id; None clears a field."""
        if len(rows) >= self._bulk_from:
            sent = self._quietly(
                rows,
                self._by_job(sobject, "update", rows, ["Id"]),
                lambda some: self._update_calls(sobject, some, PER_CALL),
            )
        else:
            sent = self._update_calls(sobject, rows, PER_CALL)
        return self._once_more(
            rows, sent, order, lambda some: self._update_calls(sobject, some, PER_LOCKED_CALL)
        )

    def delete(self, sobject: str, ids: Sequence[str]) -> list[Sent]:
        """Delete records."""
        rows = [{"Id": id_} for id_ in ids]
        if len(ids) >= self._bulk_from:
            sent = self._by_job(sobject, "delete", rows, ["Id"])
        else:
            sent = self._delete_calls(sobject, rows, PER_CALL)
        return self._once_more(
            rows, sent, (), lambda some: self._delete_calls(sobject, some, PER_LOCKED_CALL)
        )

    # -- jobs ----------------------------------------------------------------------------------------

    def _by_job(self, sobject: str, operation: str, rows: Sequence[Wire], by: Sequence[str]) -> list[Sent]:
        """Do rows as a job, and what it left unprocessed as further ones while they come on."""
        sent = self.bulk.run(sobject, operation, rows, by)
        left = _unprocessed(sent)
        before = len(rows)
        while self._bulk_from <= len(left) < before:
            logger.info("A job left %d rows unprocessed; they go in another.", len(left))
            _again(rows, sent, left, lambda some: self.bulk.run(sobject, operation, some, by))
            before, left = len(left), _unprocessed(sent)
        return sent

    def _quietly(self, rows: Sequence[Wire], sent: list[Sent], send: _Send) -> list[Sent]:
        """Send by calls what a duplicate rule kept out of a job, which takes no header to override it."""
        return _again(rows, sent, [n for n, one in enumerate(sent) if _code(one) == ALERTED], send)

    # -- calls ---------------------------------------------------------------------------------------

    def _insert_calls(
        self, sobject: str, rows: Sequence[Wire], by: Sequence[str], find: Find | None, size: int
    ) -> list[Sent]:
        if find is None:
            return [sent for part in chunks(rows, size) for sent in self._post(sobject, part, repeat=True)]
        (key,) = by
        return [sent for part in chunks(rows, size) for sent in self._insert_once(sobject, part, key, find)]

    def _insert_once(self, sobject: str, rows: Sequence[Wire], key: str, find: Find) -> list[Sent]:
        by_key = {str(row[key]): row for row in rows}
        refused: dict[str, Refusal] = {}

        def send(missing: Sequence[str]) -> dict[str, str]:
            sent = self._post(sobject, [by_key[name] for name in missing], repeat=False)
            pairs = list(zip(missing, sent, strict=True))
            refused.update({name: one.refusal for name, one in pairs if one.refusal})
            return {name: one.id for name, one in pairs if one.id}

        ids = create_once(list(by_key), send, find, limit_s=_LOST_S)
        return [
            Sent(ids[str(row[key])]) if str(row[key]) in ids else Sent(refusal=refused[str(row[key])])
            for row in rows
        ]

    def _post(self, sobject: str, rows: Sequence[Wire], *, repeat: bool) -> list[Sent]:
        body = {"allOrNone": False, "records": [_typed(sobject, row) for row in rows]}
        return _all_sent(self.client.call(f"{sobject}.create", "POST", _PATH, repeat=repeat, json=body))

    def _update_calls(self, sobject: str, rows: Sequence[Wire], size: int) -> list[Sent]:
        return [
            sent
            for part in chunks(rows, size)
            for sent in _all_sent(
                self.client.call(
                    f"{sobject}.update",
                    "PATCH",
                    _PATH,
                    json={"allOrNone": False, "records": [_typed(sobject, row) for row in part]},
                )
            )
        ]

    def _delete_calls(self, sobject: str, rows: Sequence[Wire], size: int) -> list[Sent]:
        return [
            sent
            for part in chunks(rows, size)
            for sent in _all_sent(
                self.client.call(
                    f"{sobject}.delete",
                    "DELETE",
                    _PATH,
                    params={"ids": ",".join(row["Id"] for row in part), "allOrNone": "false"},
                )
            )
        ]

    # -- again ---------------------------------------------------------------------------------------

    def _once_more(
        self,
        rows: Sequence[Wire],
        sent: list[Sent],
        order: Sequence[str],
        send: _Send,
    ) -> list[Sent]:
        """Send rows again that were locked or not come to, those of one parent side by side."""
        for attempt in range(_LOCK_TRIES):
            again = [n for n, one in enumerate(sent) if one.refusal and passes(one.refusal)]
            if not again:
                break
            logger.info("%d rows were locked or left out; they are sent again in small calls.", len(again))
            time.sleep(self.client.backoff_s * 2**attempt if attempt else 0.0)
            again.sort(key=lambda n: _place(rows[n], order))
            _again(rows, sent, again, send)
        return sent


def _again(rows: Sequence[Wire], sent: list[Sent], places: Sequence[int], send: _Send) -> list[Sent]:
    for n, one in zip(places, send([rows[n] for n in places]), strict=True):
        sent[n] = one
    return sent


def _code(one: Sent) -> str:
    return one.refusal.code if one.refusal else ""


def _unprocessed(sent: Sequence[Sent]) -> list[int]:
    return [n for n, one in enumerate(sent) if _code(one) == UNPROCESSED]


def outcomes(keys: Iterable[str], sent: Iterable[Sent]) -> list[Outcome]:
    """Return the outcome per key."""
    return [Outcome(key, id=one.id, refusal=one.refusal) for key, one in zip(keys, sent, strict=True)]


def _typed(sobject: str, row: Wire) -> dict[str, Any]:
    return {"attributes": {"type": sobject}, **row}


def _all_sent(results: Sequence[Mapping[str, Any]]) -> list[Sent]:
    return [Sent(one["id"]) if one["success"] else Sent(refusal=refusal(one["errors"][0])) for one in results]


def _place(row: Wire, order: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(row.get(name) or "") for name in order)
