"""sObject Collections: up to 200 records a call to write, 2,000 to read."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from target_salesforce.sandbox.calls import Answer, Call, RolledBack, Route, named, whole
from target_salesforce.sandbox.errors import ApiError, RowError, no_such_field
from target_salesforce.sandbox.options import Options
from target_salesforce.sandbox.org import Org
from target_salesforce.sandbox.records import Records, Result
from target_salesforce.sandbox.single import shown
from target_salesforce.sandbox.values import to_record

MAX_ROWS = 200
MAX_RETRIEVE = 2000
MAX_TYPES = 10


class Many:
    """Calls for many records."""

    def __init__(self, org: Org, records: Records) -> None:
        self.org, self.records = org, records

    def routes(self) -> list[Route]:
        """Return what is answered here."""
        return [
            ("GET", r"/sobjects/(\w+)", self._about),
            ("POST", r"/composite/sobjects", self._create_many),
            ("PATCH", r"/composite/sobjects", self._update_many),
            ("DELETE", r"/composite/sobjects", self._delete_many),
            ("PATCH", r"/composite/sobjects/(\w+)/(\w+)", self._upsert_many),
            ("POST", r"/composite/sobjects/(\w+)", self._read_many),
            ("GET", r"/composite/sobjects/(\w+)", self._read_many),
        ]

    def _about(self, call: Call, name: str) -> Answer:
        if "ids" in call.query:
            return self._read_many(call, name)
        return Answer(200, {"objectDescribe": named(self.org, name).flags(), "recentItems": []})

    def _rows(self, call: Call) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (call.body or {}).get("records") or []
        _check_size(rows, MAX_ROWS)
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
                if whole(call) and not all(result.success for result in results):
                    raise RolledBack
        except RolledBack:
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
        made = named(self.org, name)
        if key.lower() != "id":
            self.records.key_field(made, key)

        def write(_of: str, row: dict[str, Any], options: Options) -> Result:
            return self.records.upsert(made.name, key, row, options)

        return self._write_many(call, write, self._rows(call), f"{made.name}.upsert", created=True)

    def _delete_many(self, call: Call) -> Answer:
        ids = [id_ for id_ in call.query.get("ids", "").split(",") if id_]
        _check_size(ids, MAX_ROWS)
        return self._write_many(call, self.records.delete, [{"Id": id_} for id_ in ids], "delete")

    def _read_many(self, call: Call, name: str) -> Answer:
        made = named(self.org, name)
        asked = (
            call.body
            if call.verb == "POST"
            else {n: call.query.get(n, "").split(",") for n in ("ids", "fields")}
        )
        ids, names = asked["ids"], asked["fields"]
        _check_size(ids, MAX_RETRIEVE)
        for field in names:
            if self.org.field(made, field) is None:
                raise no_such_field(field, made.name)
        docs = self.org.store.get([to_record(made.fields["Id"], id_) for id_ in ids])
        self.org.stats.count(f"{made.name}.retrieve", len(ids))
        there = {id_: doc for id_, doc in docs.items() if not doc["IsDeleted"]}
        rows = [
            shown(self.org, made.name, there[id_], call.version, names) if id_ in there else None
            for id_ in ids
        ]
        return Answer(200, rows)


def _check_size(items: list[Any], most: int) -> None:
    if not items:
        raise ApiError(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
    if len(items) > most:
        message = f"record limit reached. cannot submit more than {most} records into this call"
        raise ApiError(400, "EXCEEDED_ID_LIMIT", message)
