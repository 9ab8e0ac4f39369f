"""Bulk API 2.0 ingest: one job for many rows, and what became of each of them."""

from __future__ import annotations

import csv
import io
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import requests

from crmlift.errors import BatchRefused, Refusal, RunStopped, TransientError
from crmlift.http import Unanswered
from target_salesforce.client import SalesforceClient
from target_salesforce.errors import UNPROCESSED, NoSuchObject, cell_refusal
from target_salesforce.results import Sent
from target_salesforce.values import cell

logger = logging.getLogger(__name__)

MAX_BYTES = 100_000_000
"""Base64 makes them 150 MB, which is the limit of a job."""
CALLS_PER_JOB = 5
"""Open, upload, close, ask once, fetch the successes."""
_Key = tuple[str, ...]
_PATH = "/jobs/ingest"
_RUNNING = ("UploadComplete", "InProgress")
_ENDED = ("JobComplete", "Failed", "Aborted")
_TRIES = 3
_POLL_S, _POLL_CAP_S, _PATIENCE_S = 0.5, 20.0, 6 * 3600.0
_STATE_CODE = "INVALIDJOBSTATE"


class Bulk:
    """Jobs of one org. `poll_s` is the first pause before asking how a job stands."""

    def __init__(self, client: SalesforceClient, *, poll_s: float = _POLL_S) -> None:
        self._client = client
        self._poll_s = poll_s

    def run(
        self, sobject: str, operation: str, rows: Sequence[Mapping[str, Any]], by: Sequence[str]
    ) -> list[Sent]:
        """Do rows as jobs; `by` names the columns that tell them apart. Returns in the order of the rows.

        Rows that a job left unprocessed are refused as such; they were not written.
        """
        names = list(dict.fromkeys(name for row in rows for name in row))
        found: dict[_Key, Sent] = {}
        for data in _files(names, rows):
            found |= self._job(sobject, operation, data, by)
        left = Sent(refusal=Refusal(UNPROCESSED, "the job ended before it came to this row"))
        return [found.get(_key(row, by), left) for row in rows]

    def wait_for_others(self) -> None:
        """Wait for jobs that a broken-off run left at work: they must be done before we look."""
        for job in self._jobs():
            if job["createdById"] == self._client.user_id and job["state"] in _RUNNING:
                logger.info("Waiting for job %s, which a broken-off run left at work.", job["id"])
                self._wait(job["id"])

    def _jobs(self) -> Iterator[dict[str, Any]]:
        """Yield the jobs of these seven days, of everybody: some thousand of them are several pages."""
        page = self._client.call("jobs", "GET", _PATH, params={"jobType": "V2Ingest"})
        yield from page["records"]
        while not page["done"]:
            page = self._client.call("jobs", "GET", page["nextRecordsUrl"])
            yield from page["records"]

    # -- the parts -----------------------------------------------------------------------------------

    def _job(self, sobject: str, operation: str, data: bytes, by: Sequence[str]) -> dict[_Key, Sent]:
        job = self._begin(sobject, operation, data)
        self._close(job)
        state = self._wait(job)
        if state["state"] == "Aborted":
            raise RunStopped(
                f"Somebody aborted job {job} of {sobject} in Salesforce.",
                hint="Ask who did and why, then run again: rows that were written are found by their keys.",
            )
        found: dict[_Key, Sent] = {}
        done = int(state["numberRecordsProcessed"])
        refused = int(state["numberRecordsFailed"])
        if done > refused:
            found |= {_key(row, by): _sent(row) for row in self._result(job, "successfulResults")}
        if refused:
            failures = self._result(job, "failedResults")
            found |= {_key(row, by): Sent(refusal=cell_refusal(row["sf__Error"])) for row in failures}
        if state["state"] != "JobComplete":
            # The job's own message is about the job, and may quote a header, never a value.
            logger.warning("Job %s: %s (%s).", job, state["state"], state.get("errorMessage", ""))
            rows = self._result(job, "unprocessedrecords")
            left = {_key(row, by): Sent(refusal=Refusal(UNPROCESSED)) for row in rows}
            found = left | found
        return found

    def _begin(self, sobject: str, operation: str, data: bytes) -> str:
        """Open a job and upload its rows. Nothing is done before it is closed, so it may be begun anew."""
        about = {"object": sobject, "operation": operation, "contentType": "CSV", "lineEnding": "CRLF"}
        for last in (False,) * (_TRIES - 1) + (True,):
            job = str(self._client.call(f"{sobject}.job", "POST", _PATH, json=about)["id"])
            try:
                self._client.call(
                    f"{sobject}.upload",
                    "PUT",
                    f"{_PATH}/{job}/batches",
                    repeat=False,
                    data=data,
                    headers={"Content-Type": "text/csv; charset=UTF-8"},
                )
            except Unanswered:
                self._abort(job)
                if last:
                    raise
                continue
            return job
        raise AssertionError

    def _abort(self, job: str) -> None:
        try:
            self._client.call("job.abort", "PATCH", f"{_PATH}/{job}", json={"state": "Aborted"})
        except (TransientError, BatchRefused, NoSuchObject):
            logger.warning("Job %s was begun and could not be aborted; nothing of it is written.", job)

    def _close(self, job: str) -> None:
        try:
            self._client.call("job.close", "PATCH", f"{_PATH}/{job}", json={"state": "UploadComplete"})
        except BatchRefused as error:
            # Closed already, by a call whose answer was lost.
            if error.reason.code != _STATE_CODE:
                raise

    def _wait(self, job: str) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE_S
        pause = self._poll_s
        while True:
            state: dict[str, Any] = self._client.call("job.state", "GET", f"{_PATH}/{job}")
            if state["state"] in _ENDED:
                return state
            if time.monotonic() > deadline:
                raise TransientError(f"Job {job} is still at work after {_PATIENCE_S / 3600:.0f} hours.")
            time.sleep(pause)
            pause = min(pause * 2, _POLL_CAP_S)

    def _result(self, job: str, name: str) -> list[dict[str, str]]:
        def read(response: requests.Response) -> list[dict[str, str]]:
            # The answer names no encoding, and a client that guesses takes Latin-1.
            text = io.StringIO(response.content.decode("utf-8"), newline="")
            return list(csv.DictReader(text))

        rows: list[dict[str, str]] = self._client.call(
            f"job.{name}", "GET", f"{_PATH}/{job}/{name}", read=read
        )
        return rows


def _key(row: Mapping[str, Any], by: Sequence[str]) -> _Key:
    """Return what tells a row apart: a column that it does not name comes back empty."""
    return tuple(str(row.get(name) or "") for name in by)


def _sent(row: Mapping[str, str]) -> Sent:
    return Sent(row["sf__Id"])


def _files(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield CSV files of at most so many bytes. A field that a row does not name is left alone."""
    part = _Part(names)
    for row in rows:
        part.add(["" if name not in row else cell(row[name]) for name in names])
        if part.size() > MAX_BYTES * 0.98:
            yield part.bytes()
            part = _Part(names)
    if part.rows:
        yield part.bytes()


class _Part:
    def __init__(self, names: Sequence[str]) -> None:
        self._text = io.BytesIO()
        self._wrapped = io.TextIOWrapper(self._text, "utf-8", newline="", write_through=True)
        # Quotes are put round what holds a part of the line's end: a lone CR must have them, too.
        writer = csv.writer(self._wrapped, lineterminator="\r\n")
        self._write: Callable[[Sequence[str]], object] = writer.writerow
        self._write(names)
        self.rows = 0

    def add(self, cells: Sequence[str]) -> None:
        self._write(cells)
        self.rows += 1

    def size(self) -> int:
        return self._text.tell()

    def bytes(self) -> bytes:
        return self._text.getvalue()
