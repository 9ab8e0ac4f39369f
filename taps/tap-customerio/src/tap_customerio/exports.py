"""Exports: CSV files that Customer.io makes when asked. Each leaves a row in the workspace's list of them."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from tap_customerio.client import JSON, Call
from tap_customerio.errors import LinkExpired, NotFound, Refused, Unavailable
from tap_customerio.readable import Readable

Row = dict[str, str]
_REUSED_SECONDS = 86_400  # an export that is older is asked for anew
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_MOST_WAITING = 7200.0
_FIELD_BYTES = 1 << 24


class Exports:
    """The exports of one stream. Their numbers are in its state, so that another run goes on with them."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._client = stream.client
        self._known: dict[str, Any] = stream.stream_state.setdefault("exports", {})

    def rows(self, key: str, call: Call) -> Iterator[Row]:
        """The rows of an export, with names of columns as they come; `key` tells it from others.

        Raises Refused where it fails or takes too long.
        """
        self._ready(key, call)
        read = 0
        try:
            for row in self._download(self._known[key]["id"]):
                read += 1
                yield row
        finally:
            total = self._known[key].get("total")
        if total is not None and read != total:
            self._stream.line.skip(f"export: {read} rows came of {total}")

    def forget(self) -> None:
        """All of them have been read."""
        self._known.clear()

    def _ready(self, key: str, call: Call) -> None:
        """Wait until the export is done; ask for it, if no earlier run has."""
        known = self._known.get(key)
        if known and time.time() - known["asked_at"] < _REUSED_SECONDS:
            try:
                return self._wait(key)
            except NotFound:  # somebody removed it
                self._stream.logger.info("an earlier export is gone; asking for another")
        made = self._client.call(call).get("export") or {}
        self._known[key] = {"id": made["id"], "asked_at": int(time.time())}
        self._stream.tell_state()
        self._wait(key)

    def _wait(self, key: str) -> None:
        known = self._known[key]
        wait, waited = _FIRST_WAIT, 0.0
        while (export := self._look(known["id"])).get("status") != "done":
            if export.get("failed") or export.get("status") == "failed":
                del self._known[key]
                self._stream.tell_state()
                raise Refused(f"export {known['id']} failed; the next run asks for another")
            if waited > _MOST_WAITING:
                raise Refused(f"export {known['id']} is not done yet; the next run goes on with it")
            self._client.rest(wait)
            waited, wait = waited + wait, min(wait * 1.5, _LONGEST_WAIT)
        known["total"] = export.get("total")

    def _look(self, id: object) -> JSON:
        export: JSON = self._client.call(Call("/v1/exports/{id}", {"id": id})).get("export") or {}
        return export

    def _download(self, id: object) -> Iterator[Row]:
        """The rows, whatever breaks: a link holds for 15 minutes, and another one can be had."""
        passed, tries = 0, 0
        csv.field_size_limit(_FIELD_BYTES)
        while True:
            link = self._client.call(Call("/v1/exports/{id}/download", {"id": id}))
            try:
                for row in islice(csv.DictReader(self._client.lines(link["url"])), passed, None):
                    passed += 1
                    tries = 0
                    yield row
                return
            except (LinkExpired, Unavailable) as error:
                tries += 1
                if tries >= self._client.max_tries:
                    raise Refused(f"export {id} could not be downloaded: {error}") from None
                self._stream.logger.info("asking for another link: %s", error)
                self._client.rest(_FIRST_WAIT * tries)
