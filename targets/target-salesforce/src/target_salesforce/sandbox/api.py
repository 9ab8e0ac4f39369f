"""REST below `/services/data/vXX.0/`, as a function from call to answer, so that `/composite` can use it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from target_salesforce.sandbox.errors import ApiError, RowError, no_such_field, not_found
from target_salesforce.sandbox.org import Org
from target_salesforce.sandbox.query import PAGE, Queries
from target_salesforce.sandbox.records import Options, Records, Result
from target_salesforce.sandbox.values import to_record

MAX_ROWS = 200
MAX_RETRIEVE = 2000
MAX_TYPES = 10
_RESOURCES = ("composite", "jobs", "limits", "metadata", "query", "queryAll", "sobjects", "tooling")


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `version` is `v66.0`."""

    verb: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    version: str

    @property
    def options(self) -> Options:
        """What the headers ask for."""
        header = {name.lower(): value.lower() for name, value in self.headers.items()}
        return Options(
            auto_assign=header.get("sforce-auto-assign", "true") != "false",
            allow_duplicates="allowsave=true"
            in header.get("sforce-duplicate-rule-header", "").replace(" ", ""),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body; None is no body."""

    status: int
    body: Any = None


class Api:
    """The resources of one org."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.records = Records(org)
        self.queries = Queries(org)
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = [
            (verb, re.compile(pattern, re.IGNORECASE), handler)
            for verb, pattern, handler in (
                ("GET", r"", self._resources),
                ("GET", r"/limits", self._limits),
                ("GET", r"/limits/recordCount", self._record_count),
                ("GET", r"(?:/tooling)?/query(All)?", self._query),
                ("GET", r"(?:/tooling)?/query(?:All)?/(\w+)-(\d+)", self._page),
                ("GET", r"/sobjects", self._global_describe),
                ("GET", r"/sobjects/(\w+)/describe", self._describe),
                ("GET", r"/sobjects/(\w+)", self._about),
                ("POST", r"/sobjects/(\w+)(?:/Id)?", self._create),
                ("GET", r"/sobjects/(\w+)/(\w{15,18})", self._read),
                ("PATCH", r"/sobjects/(\w+)/(\w{15,18})", self._update),
                ("DELETE", r"/sobjects/(\w+)/(\w{15,18})", self._delete),
                ("GET", r"/sobjects/(\w+)/(\w+)/([^/]+)", self._read_by_key),
                ("PATCH", r"/sobjects/(\w+)/(\w+)/([^/]+)", self._upsert),
                ("DELETE", r"/sobjects/(\w+)/(\w+)/([^/]+)", self._delete_by_key),
                ("POST", r"/composite/sobjects", self._create_many),
                ("PATCH", r"/composite/sobjects", self._update_many),
                ("DELETE", r"/composite/sobjects", self._delete_many),
                ("PATCH", r"/composite/sobjects/(\w+)/(\w+)", self._upsert_many),
                ("POST", r"/composite/sobjects/(\w+)", self._read_many),
                ("GET", r"/composite/sobjects/(\w+)", self._read_many),
                ("POST", r"/composite", self._composite),
                ("POST", r"/composite/batch", self._batch),
            )
        ]

    def handle(self, call: Call) -> Answer:
        """Answer a call. Raises `ApiError`."""
        path = call.path.rstrip("/")
        known = False
        for verb, pattern, handler in self._routes:
            if found := pattern.fullmatch(path):
                known = True
                if verb == call.verb:
                    try:
                        with self.org.store.transaction():
                            return handler(
                                call, *[unquote(part) if part else part for part in found.groups()]
                            )
                    except RowError as error:
                        raise error.as_call() from None
        if known:
            raise ApiError(
                405,
                "METHOD_NOT_ALLOWED",
                f"HTTP Method '{call.verb}' not allowed. Allowed are HEAD,GET,POST,PATCH,DELETE",
            )
        raise not_found()

    # -- what there is -----------------------------------------------------------------------------

    def _resources(self, call: Call) -> Answer:
        return Answer(200, {name: f"/services/data/{call.version}/{name}" for name in _RESOURCES})

    def _limits(self, _call: Call) -> Answer:
        switches = self.org.switches
        storage = max(0, switches.storage_mb - self.org.used_kb // 1024)
        mails = self.org.store.db.execute(
            "SELECT COUNT(*) FROM record WHERE object = 'EmailMessage'"
        ).fetchone()[0]
        limits = {
            "DailyApiRequests": (switches.api_calls, switches.api_calls - self.org.used_calls),
            "DailyBulkApiBatches": (15_000, 15_000),
            "DailyBulkV2QueryFileStorageMB": (976_562, 976_562),
            "DailyBulkV2QueryJobs": (10_000, 10_000),
            "DailyWorkflowEmails": (5_000, 5_000 - mails),
            "DataStorageMB": (switches.storage_mb, storage),
            "FileStorageMB": (20, 20),
            "SingleEmail": (5_000, 5_000),
        }
        return Answer(200, {name: {"Max": most, "Remaining": left} for name, (most, left) in limits.items()})

    def _record_count(self, call: Call) -> Answer:
        names = [name for name in call.query.get("sObjects", "").split(",") if name] or list(self.org.objects)
        sql = "SELECT COUNT(*) FROM record WHERE object = ? AND deleted = 0"
        counts = [(self.org.store.db.execute(sql, (name,)).fetchone()[0], name) for name in names]
        return Answer(
            200, {"sObjects": [{"count": number, "name": name} for number, name in counts if number]}
        )

    def _global_describe(self, _call: Call) -> Answer:
        seen = [
            one.flags()
            for one in self.org.objects.values()
            if not one.hidden or f"object:{one.name}" in self.org.grants
        ]
        return Answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": seen})

    def _object(self, name: str) -> Any:
        try:
            return self.org.object(name)
        except ApiError:
            raise not_found() from None

    def _about(self, call: Call, name: str) -> Answer:
        if "ids" in call.query:
            return self._read_many(call, name)
        return Answer(200, {"objectDescribe": self._object(name).flags(), "recentItems": []})

    def _describe(self, _call: Call, name: str) -> Answer:
        made = self._object(name)
        children = [
            {"cascadeDelete": one.cascade, "childSObject": child.name, "deprecatedAndHidden": False,
             "field": one.name, "junctionIdListNames": [], "junctionReferenceTo": [],
             "relationshipName": child.plural.replace(" ", ""), "restrictedDelete": False}
            for child in self.org.objects.values()
            for one in child.fields.values()
            if made.name in one.refers_to and (not child.hidden or f"object:{child.name}" in self.org.grants)
        ]  # fmt: skip
        fields = [
            one.describe(audit=self.org.switches.audit_fields)
            for one in made.fields.values()
            if self.org.sees(made.name, one)
        ]
        master = {
            "active": True, "available": True, "defaultRecordTypeMapping": True, "developerName": "Master",
            "master": True, "name": "Master", "recordTypeId": "012000000000000AAA", "urls": {},
        }  # fmt: skip
        more = {
            "actionOverrides": [], "childRelationships": children, "compactLayoutable": True,
            "defaultImplementation": None, "extendedBy": None, "extendsInterfaces": None, "fields": fields,
            "implementedBy": None, "implementsInterfaces": None, "listviewable": None,
            "lookupLayoutable": None, "namedLayoutInfos": [], "networkScopeFieldName": None,
            "recordTypeInfos": [master],
            "searchLayoutable": True, "sobjectDescribeOption": "FULL", "supportedScopes": [],
        }  # fmt: skip
        return Answer(200, made.flags() | more)

    def _query(self, call: Call, everything: str | None) -> Answer:
        if "q" not in call.query:
            raise ApiError(400, "MALFORMED_QUERY", "A query string has to be specified")
        options = call.headers.get("sforce-query-options", "")
        size = re.search(r"batchSize=(\d+)", options)
        page = max(200, min(PAGE, int(size[1]))) if size else PAGE
        found = self.queries.start(call.query["q"], call.version, everything=bool(everything), page=page)
        if call.query.get("columns") == "true":
            found = found | {"columnMetadata": []}
        self.org.stats.count("query")
        return Answer(200, found)

    def _page(self, call: Call, locator: str, offset: str) -> Answer:
        self.org.stats.count("query")
        return Answer(200, self.queries.page(locator, int(offset), call.version))

    # -- one record --------------------------------------------------------------------------------

    def _create(self, call: Call, name: str) -> Answer:
        made = self._object(name)
        result = self.records.insert(made.name, _row(call.body), call.options)
        self.org.stats.count(f"{made.name}.create", 1)
        return Answer(201, {"id": result.id, "success": True, "errors": []})

    def _read(self, call: Call, name: str, id_: str) -> Answer:
        made = self._object(name)
        doc = self.org.store.one(to_record(made.fields["Id"], id_))
        if doc is None or doc["IsDeleted"] or self.org.store.object_of(doc["Id"]) != made.name:
            raise not_found("Provided external ID field does not exist or is not accessible: " + id_)
        return Answer(200, self._shown(made.name, doc, call))

    def _shown(self, name: str, doc: dict[str, Any], call: Call) -> dict[str, Any]:
        made = self.org.objects[name]
        wanted = call.query["fields"].split(",") if call.query.get("fields") else None
        row: dict[str, Any] = {
            "attributes": {"type": name, "url": f"/services/data/{call.version}/sobjects/{name}/{doc['Id']}"}
        }
        for one in made.fields.values():
            if self.org.sees(name, one) and (wanted is None or one.name in wanted):
                row[one.name] = doc.get(one.name, False if one.type == "boolean" else None)
        return row

    def _update(self, call: Call, name: str, id_: str) -> Answer:
        made = self._object(name)
        self.records.update(made.name, {**_row(call.body), "Id": id_}, call.options)
        return Answer(204)

    def _delete(self, call: Call, name: str, id_: str) -> Answer:
        made = self._object(name)
        try:
            self.records.delete(made.name, {"Id": id_}, call.options)
        except RowError as error:
            raise error.as_call(404) from None
        return Answer(204)

    def _by_key(self, name: str, key: str, value: str) -> list[str]:
        made = self._object(name)
        one = self.records.key_field(made, key)
        found: list[str] = self.org.store.by_value(
            made.name, one.name, to_record(one, value), exact=one.case_sensitive
        )
        return found

    def _many(self, name: str, ids: list[str], call: Call) -> Answer:
        return Answer(300, [f"/services/data/{call.version}/sobjects/{name}/{id_}" for id_ in ids])

    def _read_by_key(self, call: Call, name: str, key: str, value: str) -> Answer:
        ids = self._by_key(name, key, value)
        if not ids:
            raise not_found()
        return self._many(name, ids, call) if len(ids) > 1 else self._read(call, name, ids[0])

    def _upsert(self, call: Call, name: str, key: str, value: str) -> Answer:
        ids = self._by_key(name, key, value)
        row = _row(call.body)
        if any(given.lower() == key.lower() for given in row):
            message = f"The {key} field should not be specified in the sobject data."
            raise ApiError(400, "INVALID_FIELD", message)
        if len(ids) > 1:
            return self._many(name, ids, call)
        if not ids and call.query.get("updateOnly") == "true":
            raise not_found()
        result = self.records.upsert(self._object(name).name, key, {**row, key: value}, call.options)
        status = 201 if result.created else 200 if int(call.version[1:-2]) >= 46 else 204
        body: dict[str, Any] = {"id": result.id, "success": True, "errors": [], "created": result.created}
        return Answer(status, body if status != 204 else None)

    def _delete_by_key(self, call: Call, name: str, key: str, value: str) -> Answer:
        ids = self._by_key(name, key, value)
        if not ids:
            raise not_found()
        return self._many(name, ids, call) if len(ids) > 1 else self._delete(call, name, ids[0])

    # -- many records ------------------------------------------------------------------------------

    def _rows(self, call: Call) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (call.body or {}).get("records") or []
        if not rows:
            raise ApiError(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
        if len(rows) > MAX_ROWS:
            raise ApiError(
                400,
                "EXCEEDED_ID_LIMIT",
                f"record limit reached. cannot submit more than {MAX_ROWS} records into this call",
            )
        types = [row.get("attributes", {}).get("type") for row in rows]
        if None in types:
            raise ApiError(
                400, "INVALID_INPUT", "Include an attributes property with a type for each record", []
            )
        if 1 + sum(one != other for one, other in pairwise(types)) > MAX_TYPES:
            raise ApiError(
                400, "LIMIT_EXCEEDED", f"cannot have more than {MAX_TYPES} chunks in a single operation"
            )
        return rows

    def _write_many(
        self, call: Call, write: Callable[..., Result], rows: list[Any], name: str, *, created: bool = False
    ) -> Answer:
        results: list[Result] = []
        try:
            with self.org.store.transaction():
                for row in rows:
                    of = row.get("attributes", {}).get("type", "")
                    results += self.records.each(write, of, [row], call.options)
                if _whole(call) and not all(result.success for result in results):
                    raise _RolledBack
        except _RolledBack:
            message = (
                "Record rolled back because not all records were valid and the request was using AllOrNone "
                "header"
            )
            undone = RowError("ALL_OR_NONE_OPERATION_ROLLED_BACK", message)
            results = [Result(errors=result.errors or [undone]) for result in results]
        self.org.stats.count(name, len(rows))
        return Answer(200, [result.as_json(created=created) for result in results])

    def _create_many(self, call: Call) -> Answer:
        rows = self._rows(call)
        return self._write_many(call, self.records.insert, rows, f"{rows[0]['attributes']['type']}.create")

    def _update_many(self, call: Call) -> Answer:
        rows = self._rows(call)
        return self._write_many(call, self.records.update, rows, f"{rows[0]['attributes']['type']}.update")

    def _upsert_many(self, call: Call, name: str, key: str) -> Answer:
        made = self._object(name)
        if key.lower() != "id":
            self.records.key_field(made, key)

        def write(_of: str, row: dict[str, Any], options: Options) -> Result:
            return self.records.upsert(made.name, key, row, options)

        return self._write_many(call, write, self._rows(call), f"{made.name}.upsert", created=True)

    def _delete_many(self, call: Call) -> Answer:
        ids = [id_ for id_ in call.query.get("ids", "").split(",") if id_]
        if not ids:
            raise ApiError(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
        if len(ids) > MAX_ROWS:
            raise ApiError(
                400,
                "EXCEEDED_ID_LIMIT",
                f"record limit reached. cannot submit more than {MAX_ROWS} records into this call",
            )
        return self._write_many(call, self.records.delete, [{"Id": id_} for id_ in ids], "delete")

    def _read_many(self, call: Call, name: str) -> Answer:
        made = self._object(name)
        asked = (
            call.body
            if call.verb == "POST"
            else {n: call.query.get(n, "").split(",") for n in ("ids", "fields")}
        )
        ids, names = asked["ids"], asked["fields"]
        if len(ids) > MAX_RETRIEVE:
            raise ApiError(
                400,
                "EXCEEDED_ID_LIMIT",
                f"record limit reached. cannot submit more than {MAX_RETRIEVE} records into this call",
            )
        for field in names:
            if self.org.field(made, field) is None:
                raise no_such_field(field, made.name)
        docs = self.org.store.get([to_record(made.fields["Id"], id_) for id_ in ids])
        shown = Call(call.verb, call.path, {"fields": ",".join(names)}, {}, None, call.version)
        self.org.stats.count(f"{made.name}.retrieve", len(ids))
        return Answer(200, [
            self._shown(made.name, docs[id_], shown) if id_ in docs and not docs[id_]["IsDeleted"] else None
            for id_ in ids
        ])  # fmt: skip

    # -- many calls --------------------------------------------------------------------------------

    def _composite(self, call: Call) -> Answer:
        asked = call.body["compositeRequest"]
        if len(asked) > 25:
            raise ApiError(400, "LIMIT_EXCEEDED", "The request cannot have more than 25 subrequests.")
        whole = bool(call.body.get("allOrNone"))
        answers: dict[str, Answer] = {}
        try:
            with self.org.store.transaction():
                for one in asked:
                    text = _with_references(json.dumps({"url": one["url"], "body": one.get("body")}), answers)
                    answers[one["referenceId"]] = found = self._inner(
                        call, one.get("method", "GET"), **json.loads(text)
                    )
                    if whole and found.status >= 400:
                        raise _RolledBack
        except _RolledBack:
            message = (
                "The transaction was rolled back since another operation in the same transaction failed."
            )
            undone = Answer(400, [{"errorCode": "PROCESSING_HALTED", "message": message}])
            answers = {one["referenceId"]: answers.get(one["referenceId"], undone) for one in asked}
            answers = {name: found if found.status >= 400 else undone for name, found in answers.items()}
        replies = [
            {"body": found.body, "httpHeaders": {}, "httpStatusCode": found.status, "referenceId": name}
            for name, found in answers.items()
        ]
        return Answer(200, {"compositeResponse": replies})

    def _batch(self, call: Call) -> Answer:
        asked = call.body["batchRequests"]
        if len(asked) > 25:
            raise ApiError(400, "LIMIT_EXCEEDED", "The request cannot have more than 25 subrequests.")
        found = [
            self._inner(
                call,
                one.get("method", "GET"),
                "/services/data/" + one["url"].lstrip("/").removeprefix("services/data/"),
                one.get("richInput"),
            )
            for one in asked
        ]
        self.org.used_calls += len(found)
        failed = any(one.status >= 400 for one in found)
        return Answer(
            200,
            {
                "hasErrors": failed,
                "results": [{"statusCode": one.status, "result": one.body} for one in found],
            },
        )

    def _inner(self, call: Call, verb: str, url: str, body: Any) -> Answer:
        parts = urlsplit(url)
        found = re.fullmatch(r"/services/data/(v\d+\.\d)(.*)", parts.path)
        if not found:
            return Answer(404, not_found().body())
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        try:
            return self.handle(Call(verb, found[2], query, call.headers, body, found[1]))
        except ApiError as error:
            return Answer(error.status, error.body())


class _RolledBack(Exception):
    """Undoes what was done so far."""


def _whole(call: Call) -> bool:
    """Say whether a call wants all rows or none."""
    wanted = (call.body or {}).get("allOrNone", call.query.get("allOrNone", "false"))
    return str(wanted).lower() == "true"


def _row(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ApiError(
            400, "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body."
        )
    return body


def _with_references(text: str, answers: Mapping[str, Answer]) -> str:
    """Fill in `@{name.id}`."""

    def value(found: re.Match[str]) -> str:
        here: Any = answers[found[1]].body
        for part in re.findall(r"\w+", found[2]):
            here = here[int(part)] if part.isdigit() else here[part]
        return str(here)

    return re.sub(r"@\{(\w+)((?:\.\w+|\[\d+\])+)\}", value, text)
