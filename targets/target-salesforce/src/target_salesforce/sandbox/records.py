"""Writing records: what a field, a unique key, a rule or a lock refuses, and what deletes take along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crmlift.sandbox.faults import refused
from target_salesforce.sandbox import rules
from target_salesforce.sandbox.errors import ApiError, RowError, no_such_field
from target_salesforce.sandbox.fields import SField, SObject
from target_salesforce.sandbox.options import Options
from target_salesforce.sandbox.org import KILOBYTES, Org
from target_salesforce.sandbox.store import Doc
from target_salesforce.sandbox.values import normal_id, to_record

Row = Mapping[str, Any]


@dataclass(slots=True)
class Result:
    """What became of one row."""

    id: str | None = None
    created: bool = False
    errors: list[RowError] = field(default_factory=list)

    @property
    def success(self) -> bool:
        """Whether it was written."""
        return not self.errors

    def as_json(self, *, created: bool = False) -> dict[str, Any]:
        """Return the row's entry in the results of sObject Collections; a failed one has no id."""
        head: dict[str, Any] = {"id": self.id} if self.success else {}
        tail = {"created": self.created} if created and self.success else {}
        return {**head, "success": self.success, "errors": [e.as_result() for e in self.errors], **tail}


class Records:
    """Writes to one org."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.store = org.store

    def each(self, write: Any, object_name: str, rows: Iterable[Row], options: Options) -> list[Result]:
        """Write rows one by one; a refused one leaves nothing."""
        results = []
        for row in rows:
            try:
                results.append(write(object_name, row, options))
            except RowError as error:
                results.append(Result(errors=[error]))
        return results

    # -- one row -----------------------------------------------------------------------------------

    def insert(self, object_name: str, row: Row, options: Options) -> Result:
        """Create a record."""
        made = self.org.object(object_name)
        given = self._read(made, row, options, creating=True)
        self._gate(made, given)
        missing = [
            one.name
            for one in made.fields.values()
            if not one.nillable and one.createable and not one.defaulted and given.get(one.name) is None
        ]
        if missing:
            message = f"Required fields are missing: [{', '.join(missing)}]"
            raise RowError("REQUIRED_FIELD_MISSING", message, missing)
        now = self.org.now()
        doc: Doc = {"Id": "", "IsDeleted": False}
        for one in made.fields.values():
            if one.default is not None:
                doc[one.name] = one.default
        if "OwnerId" in made.fields:
            doc["OwnerId"] = self.org.user_id
        doc |= {"CreatedDate": now, "CreatedById": self.org.user_id}
        doc |= {"LastModifiedDate": now, "LastModifiedById": self.org.user_id, "SystemModstamp": now}
        doc |= {name: value for name, value in given.items() if value is not None}
        rules.before(self.org, made, doc, set(given), options, creating=True)
        self._unique(made, doc, given)
        self._pay(made)
        (doc["Id"],) = self.store.new_ids(made.prefix, 1)
        self.store.put(made.name, [doc])
        rules.after(self.org, made, doc, options, creating=True)
        return Result(doc["Id"], created=True)

    def update(self, object_name: str, row: Row, options: Options) -> Result:
        """Change the record that the row names by Id."""
        made = self.org.object(object_name)
        id_ = next((value for name, value in row.items() if name.lower() == "id"), None)
        if not id_:
            raise RowError("MISSING_ARGUMENT", "Id not specified in an update call")
        given = self._read(made, {n: v for n, v in row.items() if n.lower() != "id"}, options, creating=False)
        doc = self._there(made, normal_id("Id", id_))
        self._gate(made, given)
        cleared = [name for name, value in given.items() if value is None and not made.fields[name].nillable]
        if cleared:
            message = f"Required fields are missing: [{', '.join(cleared)}]"
            raise RowError("REQUIRED_FIELD_MISSING", message, cleared)
        before = dict(doc)
        for name, value in given.items():
            if value is None:
                doc.pop(name, None)
            else:
                doc[name] = value
        rules.before(self.org, made, doc, set(given), options, creating=False)
        self._unique(made, doc, given)
        now = self.org.now()
        doc |= {"LastModifiedDate": now, "LastModifiedById": self.org.user_id, "SystemModstamp": now}
        self.store.put(made.name, [doc])
        rules.after(self.org, made, doc, options, creating=False, before=before)
        return Result(doc["Id"])

    def upsert(self, object_name: str, key: str, row: Row, options: Options) -> Result:
        """Change the record whose key field holds the row's value, or create it."""
        made = self.org.object(object_name)
        options = Options(options.auto_assign, options.allow_duplicates, audit=False)
        lower = {name.lower(): value for name, value in row.items()}
        value = lower.get(key.lower())
        rest = {name: v for name, v in row.items() if name.lower() not in (key.lower(), "id")}
        if key.lower() == "id":
            return self.update(made.name, row, options) if value else self.insert(made.name, rest, options)
        one = self.key_field(made, key)
        if value in (None, ""):
            raise RowError("MISSING_ARGUMENT", f"{one.name} not specified", [one.name])
        found = self.store.by_value(made.name, one.name, to_record(one, value), exact=one.case_sensitive)
        if len(found) > 1:
            message = f"{one.name}: more than one record found for external id field: [{', '.join(found)}]"
            raise RowError("DUPLICATE_EXTERNAL_ID", message, [one.name])
        if found:
            return self.update(made.name, {"Id": found[0], **rest}, options)
        return self.insert(made.name, {one.name: value, **rest}, options)

    def delete(self, object_name: str, row: Row, options: Options) -> Result:
        """Delete the record that the row names by Id, with all that hangs on it."""
        del options
        id_ = normal_id("id", next((value for name, value in row.items() if name.lower() == "id"), None))
        doc = self.store.one(id_)
        if doc is None:
            raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if doc["IsDeleted"]:
            raise RowError("ENTITY_IS_DELETED", "entity is deleted")
        made = self.org.objects[self.store.object_of(id_) or ""]
        if object_name and made.name != object_name:
            raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        rules.before_delete(made, doc)
        self._delete(made, doc)
        return Result(id_)

    def key_field(self, made: SObject, name: str) -> SField:
        """Return a field that may be looked up by."""
        one = self.org.field(made, name)
        if one is None or not (one.external_id or one.id_lookup or one.type == "id"):
            message = f"Provided external ID field does not exist or is not accessible: {name}"
            raise ApiError(404, "NOT_FOUND", message)
        return one

    # -- the parts ---------------------------------------------------------------------------------

    def _read(self, made: SObject, row: Row, options: Options, *, creating: bool) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for name, raw in row.items():
            if name == "attributes":
                continue
            one = self.org.field(made, name)
            if one is None:
                one, raw = self._by_relation(made, name, raw)
            audit = one.audit and self.org.switches.audit_fields and creating
            if audit and not options.audit:
                audit = False
            if not (one.createable if creating else one.updateable) and not audit:
                message = (
                    f"Unable to create/update fields: {one.name}. Please check the security settings of "
                    "this field and verify that it is read/write for your profile or permission set."
                )
                raise RowError("INVALID_FIELD_FOR_INSERT_UPDATE", message, [one.name])
            given[one.name] = value = to_record(one, raw)
            if value is not None and one.refers_to:
                self._refers(one, value)
        return given

    def _by_relation(self, made: SObject, name: str, raw: Any) -> tuple[SField, Any]:
        """Find the parent that `Account: {Ext__c: x}`, or the column `Account.Ext__c`, names."""
        relation, _, key = name.partition(".")
        value = raw
        if isinstance(raw, dict):
            ((key, value),) = [(n, v) for n, v in raw.items() if n != "attributes"]
        one = next((f for f in made.fields.values() if f.relationship.lower() == relation.lower()), None)
        if one is None or not key:
            raise no_such_field(name, made.name)
        target = self.org.object(one.refers_to[0])
        by = self.key_field(target, key)
        found = self.store.by_value(target.name, by.name, value, exact=by.case_sensitive)
        if not found:
            message = (
                f"Foreign key external ID: {value} not found for field {by.name} in entity {target.name}"
            )
            raise RowError("INVALID_FIELD", message)
        return one, found[0]

    def _refers(self, one: SField, id_: str) -> None:
        if (target := self.store.object_of(id_)) is None:
            code = "ENTITY_IS_DELETED" if self.store.one(id_) else "INVALID_CROSS_REFERENCE_KEY"
            text = "entity is deleted" if code == "ENTITY_IS_DELETED" else "invalid cross reference id"
            raise RowError(code, text, [one.name])
        custom = self.org.objects[target].custom and one.name == "WhatId"
        if target not in one.refers_to and not custom:
            raise RowError(
                "FIELD_INTEGRITY_EXCEPTION", f"{one.name}: id value of incorrect type: {id_}", [one.name]
            )

    def _gate(self, made: SObject, given: Doc) -> None:
        if refused(self.org.faults, given):
            message = "The sandbox refuses this value"
            raise RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", message)
        switches = self.org.switches
        if switches.locks > 0:
            switches.locks -= 1
            raise RowError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
        for rule in switches.validation_rules:
            if rule["object"] == made.name and given.get(rule["field"]) == rule["value"]:
                raise RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule["message"], [rule["field"]])

    def _unique(self, made: SObject, doc: Doc, given: Iterable[str]) -> None:
        for name in given:
            one = made.fields[name]
            if one.unique and doc.get(name) is not None:
                others = self.store.by_value(made.name, name, doc[name], exact=one.case_sensitive)
                if others and others != [doc["Id"]]:
                    message = (
                        f"duplicate value found: {name} duplicates value on record with id: {others[0][:15]}"
                    )
                    raise RowError("DUPLICATE_VALUE", message)

    def _pay(self, made: SObject) -> None:
        cost = KILOBYTES.get(made.name, 2)
        if self.org.used_kb + cost > self.org.switches.storage_mb * 1024 * 1.1:
            raise RowError("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded")
        self.org.used_kb += cost

    def _there(self, made: SObject, id_: str) -> Doc:
        doc = self.store.one(id_)
        if doc is None or not id_.startswith(made.prefix):
            raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if doc["IsDeleted"]:
            raise RowError("ENTITY_IS_DELETED", "entity is deleted")
        return doc

    def _delete(self, made: SObject, doc: Doc) -> None:
        doc["IsDeleted"] = True
        self.store.put(made.name, [doc])
        self.org.used_kb -= KILOBYTES.get(made.name, 2)
        for child in self.org.objects.values():
            for one in child.fields.values():
                if made.name not in one.refers_to or one.audit or one.name == "LeadOrContactId":
                    continue
                for id_ in self.store.by_value(child.name, one.name, doc["Id"], exact=True):
                    below = self.store.one(id_)
                    if below is None or below["IsDeleted"]:
                        continue
                    if one.cascade:
                        self._delete(child, below)
                    else:
                        below.pop(one.name, None)
                        self.store.put(child.name, [below])
