"""One record: by its id, or by one of its keys."""

from __future__ import annotations

from typing import Any

from target_salesforce.sandbox.calls import Answer, Call, Route, named, row
from target_salesforce.sandbox.errors import ApiError, RowError, not_found
from target_salesforce.sandbox.org import Org
from target_salesforce.sandbox.records import Records
from target_salesforce.sandbox.store import Doc
from target_salesforce.sandbox.values import to_record


def shown(org: Org, name: str, doc: Doc, version: str, fields: list[str] | None) -> Doc:
    """Return a record as it is read: the fields that were asked for, or all that the user sees."""
    told: Doc = {"attributes": {"type": name, "url": f"/services/data/{version}/sobjects/{name}/{doc['Id']}"}}
    for one in org.objects[name].fields.values():
        if org.sees(name, one) and (fields is None or one.name in fields):
            told[one.name] = doc.get(one.name, False if one.type == "boolean" else None)
    return told


class Single:
    """Calls for one record."""

    def __init__(self, org: Org, records: Records) -> None:
        self.org, self.records = org, records

    def routes(self) -> list[Route]:
        """Return what is answered here."""
        return [
            ("POST", r"/sobjects/(\w+)(?:/Id)?", self._create),
            ("GET", r"/sobjects/(\w+)/(\w{15,18})", self._read),
            ("PATCH", r"/sobjects/(\w+)/(\w{15,18})", self._update),
            ("DELETE", r"/sobjects/(\w+)/(\w{15,18})", self._delete),
            ("GET", r"/sobjects/(\w+)/(\w+)/([^/]+)", self._read_by_key),
            ("PATCH", r"/sobjects/(\w+)/(\w+)/([^/]+)", self._upsert),
            ("DELETE", r"/sobjects/(\w+)/(\w+)/([^/]+)", self._delete_by_key),
        ]

    def _create(self, call: Call, name: str) -> Answer:
        made = named(self.org, name)
        result = self.records.insert(made.name, row(call.body), call.options)
        self.org.stats.count(f"{made.name}.create", 1)
        return Answer(201, {"id": result.id, "success": True, "errors": []})

    def _read(self, call: Call, name: str, id_: str) -> Answer:
        made = named(self.org, name)
        doc = self.org.store.one(to_record(made.fields["Id"], id_))
        if doc is None or doc["IsDeleted"] or self.org.store.object_of(doc["Id"]) != made.name:
            raise not_found("Provided external ID field does not exist or is not accessible: " + id_)
        fields = call.query["fields"].split(",") if call.query.get("fields") else None
        return Answer(200, shown(self.org, made.name, doc, call.version, fields))

    def _update(self, call: Call, name: str, id_: str) -> Answer:
        made = named(self.org, name)
        self.records.update(made.name, {**row(call.body), "Id": id_}, call.options)
        return Answer(204)

    def _delete(self, call: Call, name: str, id_: str) -> Answer:
        made = named(self.org, name)
        try:
            self.records.delete(made.name, {"Id": id_}, call.options)
        except RowError as error:
            raise error.as_call(404) from None
        return Answer(204)

    def _by_key(self, name: str, key: str, value: str) -> list[str]:
        made = named(self.org, name)
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
        given = row(call.body)
        if any(name.lower() == key.lower() for name in given):
            message = f"The {key} field should not be specified in the sobject data."
            raise ApiError(400, "INVALID_FIELD", message)
        if len(ids) > 1:
            return self._many(name, ids, call)
        if not ids and call.query.get("updateOnly") == "true":
            raise not_found()
        result = self.records.upsert(named(self.org, name).name, key, {**given, key: value}, call.options)
        status = 201 if result.created else 200 if int(call.version[1:-2]) >= 46 else 204
        body: dict[str, Any] = {"id": result.id, "success": True, "errors": [], "created": result.created}
        return Answer(status, body if status != 204 else None)

    def _delete_by_key(self, call: Call, name: str, key: str, value: str) -> Answer:
        ids = self._by_key(name, key, value)
        if not ids:
            raise not_found()
        return self._many(name, ids, call) if len(ids) > 1 else self._delete(call, name, ids[0])
