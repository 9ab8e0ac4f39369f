"""Bulk API 2.0: jobs that take a CSV file, and jobs that give one."""

from __future__ import annotations

import csv
import io
import math
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from target_salesforce.sandbox.errors import ApiError, RowError, not_found
from target_salesforce.sandbox.options import Options
from target_salesforce.sandbox.org import Org
from target_salesforce.sandbox.query import Queries
from target_salesforce.sandbox.records import Records, Result
from target_salesforce.sandbox.soql import parse

_DELIMITERS = {"COMMA": ",", "BACKQUOTE": "`", "CARET": "^", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
_OPERATIONS = {"insert", "update", "upsert", "delete", "hardDelete"}
_MAX_BYTES = 150 * 2**20
_MAX_CELL = 32_000
_ROWS_PER_BATCH = 10_000
csv.field_size_limit(2**24)


@dataclass(slots=True)
class Job:
    """One job and what became of its rows."""

    id: str
    about: dict[str, Any]
    folder: Path
    options: Options
    state: str = "Open"
    processed: int = 0
    failed: int = 0
    error: str = ""
    polls_left: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)

    @property
    def reads(self) -> bool:
        """Whether it answers a query."""
        return self.about["operation"] in ("query", "queryAll")

    def file(self, name: str) -> Path:
        """Return the path of one of its files."""
        return self.folder / f"{self.id}.{name}"


class Bulk:
    """The jobs of one org."""

    def __init__(self, org: Org, records: Records, queries: Queries) -> None:
        self.org, self.records, self.queries = org, records, queries
        self.jobs: dict[str, Job] = {}
        self._scratch = tempfile.TemporaryDirectory(prefix="salesforce-sandbox-")
        self._chance = random.Random(11)

    # -- ingest ------------------------------------------------------------------------------------

    def create(self, body: dict[str, Any], version: str, options: Options) -> dict[str, Any]:
        """Open a job."""
        if self.org.used_batches >= self.org.switches.bulk_batches:
            raise ApiError(400, "EXCEEDEDQUOTA", "ApiBatchItems Limit exceeded.")
        made = self.org.object(body["object"])
        if body.get("operation") not in _OPERATIONS:
            raise ApiError(400, "INVALIDJOB", f"InvalidJob : Unknown operation {body.get('operation')}")
        key = body.get("externalIdFieldName")
        if body["operation"] == "upsert":
            one = self.org.field(made, key or "")
            if one is None or not (one.external_id or one.id_lookup or one.type == "id"):
                message = (
                    f"InvalidJob : Field name provided, {key} does not match an External ID, Salesforce Id, "
                    f"or indexed field for {made.name}"
                )
                raise ApiError(400, "INVALIDJOB", message)
        about = {
            "operation": body["operation"], "object": made.name, "createdById": self.org.user_id,
            "createdDate": self.org.now(), "systemModstamp": self.org.now(), "state": "Open",
            **({"externalIdFieldName": key} if key else {}), "concurrencyMode": "Parallel",
            "contentType": "CSV", "apiVersion": float(version[1:]),
            "lineEnding": body.get("lineEnding", "LF"),
            "columnDelimiter": body.get("columnDelimiter", "COMMA"),
        }  # fmt: skip
        job = self._new(about, Options(auto_assign=bool(body.get("assignmentRuleId")), audit=options.audit))
        self.org.stats.count(f"{made.name}.job")
        return {"id": job.id, **about, "contentUrl": f"services/data/{version}/jobs/ingest/{job.id}/batches"}

    def upload(self, job_id: str, data: bytes) -> None:
        """Take the rows, once."""
        job = self.job(job_id)
        if job.state != "Open" or job.file("in").exists():
            message = (
                f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete' the "
                "current Job then create a new Job and make sure you only do 'PUT' once on a given Job."
            )
            raise ApiError(400, "INVALIDJOBSTATE", message)
        if len(data) * 4 / 3 > _MAX_BYTES:
            raise ApiError(413, "EXCEEDEDQUOTA", "Content size exceeds the limit")
        job.file("in").write_bytes(data)

    def close(self, job_id: str, state: str) -> tuple[dict[str, Any], bool]:
        """Let a job run, or end it; the second value says whether there is work to do."""
        job = self.job(job_id)
        if state == "Aborted":
            job.state = "Aborted"
        elif job.state != "Open" or state != "UploadComplete":
            raise ApiError(
                400, "INVALIDJOBSTATE", f"Invalid job state transition from {job.state} to {state}"
            )
        else:
            job.state, job.polls_left = "UploadComplete", self.org.switches.job_polls
        short = {n: v for n, v in job.about.items() if n not in ("lineEnding", "columnDelimiter")}
        return {"id": job.id, **short, "state": job.state}, job.state == "UploadComplete"

    def info(self, job_id: str) -> dict[str, Any]:
        """Return the state of a job."""
        job = self.job(job_id)
        state = job.state
        if state == "JobComplete" and self.org.switches.abort_jobs:
            # An administrator was quicker than the rest of the work.
            self.org.switches.abort_jobs -= 1
            state = job.state = "Aborted"
        if state in ("JobComplete", "Failed") and job.polls_left > 0:
            job.polls_left -= 1
            state = "InProgress"
        about = {
            "id": job.id, **job.about, "state": state, "jobType": "V2Query" if job.reads else "V2Ingest",
            "numberRecordsProcessed": job.processed, "retries": 0, "totalProcessingTime": job.processed,
        }  # fmt: skip
        if not job.reads:
            about |= {"numberRecordsFailed": job.failed, "apiActiveProcessingTime": job.processed}
            about |= {"apexProcessingTime": 0}
        return about | ({"errorMessage": job.error} if job.error else {})

    def listed(self, version: str, start: int = 0) -> dict[str, Any]:
        """Return a page of all ingest jobs."""
        ids = [job_id for job_id, job in self.jobs.items() if not job.reads]
        end = start + self.org.switches.jobs_per_page
        following = f"/services/data/{version}/jobs/ingest?queryLocator={end}" if end < len(ids) else None
        jobs = [self.info(job_id) for job_id in ids[start:end]]
        return {"done": following is None, "records": jobs, "nextRecordsUrl": following}

    def drop(self, job_id: str) -> None:
        """Delete a job and its files."""
        job = self.jobs.pop(self.job(job_id).id)
        for path in job.folder.glob(f"{job.id}.*"):
            path.unlink()

    def run(self, job_id: str) -> None:
        """Do the work of a job."""
        job = self.job(job_id)
        if job.state != "UploadComplete":
            return
        try:
            with self.org.store.transaction():
                self._ingest(job)
        except ApiError as error:
            column = re.search(r"'(.*?)'", error.message)
            name = column[1] if column else ""
            job.state, job.processed, job.failed = "Failed", 0, 0
            job.error = f"InvalidBatch : Field name not found : {name}"
            self._write(job, [], [], list(self._read(job))[:])
        job.file("in").unlink(missing_ok=True)

    def result(self, job_id: str, name: str) -> Path:
        """Return one of the result files."""
        job = self.job(job_id)
        if job.state not in ("JobComplete", "Failed", "Aborted"):
            raise ApiError(400, "INVALIDJOBSTATE", f"Results are not available in state {job.state}")
        return job.file(name)

    def job(self, job_id: str) -> Job:
        """Return a job; its id may have 15 characters."""
        found = next((job for id_, job in self.jobs.items() if id_.startswith(job_id[:15])), None)
        if found is None:
            raise not_found()
        return found

    # -- query -------------------------------------------------------------------------------------

    def query(self, body: dict[str, Any], version: str) -> dict[str, Any]:
        """Answer a query as a file."""
        query = parse(body["query"])
        if query.offset or query.group:
            raise ApiError(400, "API_ERROR", "OFFSET and GROUP BY are not supported by Bulk queries")
        about = {
            "operation": body["operation"], "object": self.org.object(query.of, query.text).name,
            "createdById": self.org.user_id, "createdDate": self.org.now(), "systemModstamp": self.org.now(),
            "state": "UploadComplete", "concurrencyMode": "Parallel", "contentType": "CSV",
            "apiVersion": float(version[1:]), "lineEnding": "LF", "columnDelimiter": "COMMA",
        }  # fmt: skip
        job = self._new(about, Options())
        ids = self.queries.ids(query, everything=body["operation"] == "queryAll")
        job.rows = [_flat(row) for row in self.queries.rows(query, ids, version)]
        job.columns = [column[1] for column in query.columns]
        job.rows = [{name: row.get(name.lower()) for name in job.columns} for row in job.rows]
        job.state, job.processed = "JobComplete", len(job.rows)
        return {"id": job.id, **about}

    def query_page(self, job_id: str, start: int, most: int) -> tuple[str, str, int]:
        """Return a page as CSV, the locator of the next one, and its number of rows."""
        job = self.job(job_id)
        rows = job.rows[start : start + most]
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(job.columns)
        writer.writerows([["" if v is None else _cell(v) for v in row.values()] for row in rows])
        following = str(start + most) if start + most < len(job.rows) else "null"
        return text.getvalue(), following, len(rows)

    # -- the parts ---------------------------------------------------------------------------------

    def _new(self, about: dict[str, Any], options: Options) -> Job:
        (job_id,) = self.org.store.new_ids("750", 1)
        self.jobs[job_id] = job = Job(job_id, about, Path(self._scratch.name), options)
        return job

    def _read(self, job: Job) -> Iterator[dict[str, Any]]:
        path = job.file("in")
        if not path.exists():
            return
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file, delimiter=_DELIMITERS[job.about["columnDelimiter"]])

    def _ingest(self, job: Job) -> None:
        operation, name = job.about["operation"], job.about["object"]
        key = job.about.get("externalIdFieldName", "")
        done: list[tuple[Result, dict[str, Any]]] = []
        refused: list[tuple[Result, dict[str, Any]]] = []
        left: list[dict[str, Any]] = []
        most = self.org.switches.job_rows
        for number, row in enumerate(self._read(job)):
            if most and number >= most:
                left.append(row)
                continue
            try:
                result = self._one(operation, name, key, row, job.options)
                done.append((result, row))
            except RowError as error:
                refused.append((Result(row.get("Id") or None, errors=[error]), row))
        job.processed, job.failed = len(done) + len(refused), len(refused)
        self.org.used_batches += math.ceil((job.processed + len(left)) / _ROWS_PER_BATCH)
        job.state = "Failed" if left else "JobComplete"
        job.error = "InternalServerError : the batch took too long" if left else ""
        self.org.stats.count(f"{name}.{operation}", job.processed)
        self._write(job, done, refused, left)

    def _one(self, operation: str, name: str, key: str, row: dict[str, Any], options: Options) -> Result:
        if None in row or None in row.values():
            raise RowError("INVALID_CSV", "Number of columns in a row differs from the header")
        if any(len(str(cell)) > _MAX_CELL for cell in row.values()):
            raise RowError("STRING_TOO_LONG", "a field of a Bulk row may hold 32,000 characters")
        given = {n: None if cell == "#N/A" else cell for n, cell in row.items() if cell != ""}
        write: dict[str, Callable[[], Result]] = {
            "insert": lambda: self.records.insert(name, given, options),
            "update": lambda: self.records.update(name, given, options),
            "upsert": lambda: self.records.upsert(name, key, given, options),
        }
        try:
            return write.get(operation, lambda: self.records.delete(name, given, options))()
        except RowError as error:
            raise self._as_cell_error(error, name, row) from None

    def _as_cell_error(self, error: RowError, name: str, row: dict[str, Any]) -> RowError:
        """Word a value of the wrong type as jobs do, by its column."""
        if error.code != "INVALID_TYPE_ON_FIELD_IN_RECORD":
            return error
        (of,) = error.fields
        column = [head.lower() for head in row].index(of.lower())
        kind = self.org.objects[name].fields[of].soap_type
        message = (
            f"Failed to deserialize field at col {column}. Due to, '{list(row.values())[column]}' is not a "
            f"valid value for the type {kind}"
        )
        return RowError("INVALID_FIELD", message, [of])

    def _write(self, job: Job, done: list[Any], refused: list[Any], left: list[dict[str, Any]]) -> None:
        """Write the result files: in any order, our headers unquoted, every value quoted."""
        if self.org.switches.shuffle_results:
            self._chance.shuffle(done)
            self._chance.shuffle(refused)
        headers = list((done or refused or [(None, {})])[0][1]) or (list(left[0]) if left else [])
        good = [[result.id, str(result.created).lower(), *row.values()] for result, row in done]
        bad = [[result.id or "", result.errors[0].as_cell(), *row.values()] for result, row in refused]
        files = {
            "successfulResults": (["sf__Id", "sf__Created"], good),
            "failedResults": (["sf__Id", "sf__Error"], bad),
            "unprocessedrecords": ([], [list(row.values()) for row in left]),
        }
        end = {"LF": "\n", "CRLF": "\r\n"}[job.about["lineEnding"]]
        for name, (own, rows) in files.items():
            with job.file(name).open("w", encoding="utf-8", newline="") as file:
                file.write(",".join([*(f'"{one}"' for one in own), *headers]) + end)
                csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator=end).writerows(rows)


def _flat(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name == "attributes":
            continue
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name.lower()}.")
        else:
            flat[prefix + name.lower()] = value
    return flat


def _cell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
