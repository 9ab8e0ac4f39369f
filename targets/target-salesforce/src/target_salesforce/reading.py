"""Reading records that carry our key."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from crmlift.chunks import chunks
from crmlift.destination import Field, FieldType, Found, Value, Values
from target_salesforce import keys
from target_salesforce.client import SalesforceClient
from target_salesforce.converted import Converted
from target_salesforce.entities import ADOPTED_FIELD, KEY_FIELD, Records
from target_salesforce.named import Named
from target_salesforce.schema import Schema
from target_salesforce.sending import Sender
from target_salesforce.soql import PER_LIST, begins, lists, one_of
from target_salesforce.values import Column, decode, encode, expected

RETRIEVE = 2000
"""Ids per call of sObject Collections that reads."""
DATED_FIELD = "CreatedDate"
_PERSONS = "IsPersonAccount"


def dated(columns: Mapping[str, Column], at: Value) -> dict[str, Any]:
    """Return a record's own creation date, where the user may set it: on insert only."""
    column = columns.get(DATED_FIELD)
    if not isinstance(at, datetime) or column is None or not column.createable or at > datetime.now(UTC):
        return {}
    return {DATED_FIELD: encode(column, at)}


class RecordReader:
    """Records of one object that are one entity of ours."""

    key_field = KEY_FIELD

    def __init__(
        self,
        sender: Sender,
        schema: Schema,
        entity: Records,
        workspace: str,
        converted: Converted,
        named: Named,
    ) -> None:
        self.sender, self.schema, self.entity = sender, schema, entity
        self.converted, self.named = converted, named
        self.client: SalesforceClient = sender.client
        self.sobject = entity.sobject
        self.workspace = workspace
        self.prefix = keys.prefix(workspace, entity.spec.name)

    @property
    def columns(self) -> Mapping[str, Column]:
        """The object's live fields."""
        return self.schema.columns(self.sobject)

    @property
    def has_key(self) -> bool:
        """Whether the object is there, and our key field on it."""
        return self.key_field in self.columns

    # -- schema --------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Field]:
        """Return the fields, with those that a grant of ours will show, or that an object is born with."""
        live = {name: column.field for name, column in self.columns.items()}
        if not live:
            return {"Name": Field("Name", FieldType.TEXT)} if self.entity.custom else {}
        hidden = {name: Field(name, FieldType.BOOLEAN, label=name) for name in self.entity.granted}
        return hidden | live

    def expected(self, values: Values) -> Values:
        """Return the values as Salesforce will hold them."""
        return expected(self.columns, self.named.ids(self.sobject, values))

    # -- reading -------------------------------------------------------------------------------------

    def find(self, keys_: Sequence[str]) -> dict[str, str]:
        """Return ids by key."""
        if not self.has_key or not keys_:
            return {}
        self.sender.bulk.wait_for_others()
        return {
            self.decode_key(wire): id_
            for wire, id_ in self._find([self.encode_key(key) for key in keys_]).items()
        }

    def scan_ours(self, fields: Sequence[str]) -> Iterator[list[Found]]:
        """Page through our records."""
        if not self.has_key:
            return
        for page in self._pages([self.key_field, *self._marks, *fields], self._ours):
            yield [
                Found(
                    row["Id"],
                    self.decode_key(row[self.key_field]),
                    self._decode(row, fields),
                    adopted=bool(row.get(ADOPTED_FIELD)),
                )
                for row in page
            ]

    def scan_others(self, fields: Sequence[str]) -> Iterator[list[Found]]:
        """Page through records without a key of ours; none where the object is not there yet."""
        if not self.columns:
            return
        conditions = [self.entity.only, self._not_persons, self._without_key]
        for page in self._pages(fields, " AND ".join(filter(None, conditions))):
            yield [Found(row["Id"], None, self._decode(row, fields)) for row in page]

    def read(self, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Return values by id."""
        names = self._names(fields)
        if self.entity.archives:
            # Only queryAll sees closed tasks of more than a year ago.
            found = (
                row for part in lists(ids) for page in self._pages(fields, one_of("Id", part)) for row in page
            )
            return {row["Id"]: self._decode(row, fields) for row in found}
        values = {}
        for part in chunks(ids, RETRIEVE):
            body = {"ids": part, "fields": list(dict.fromkeys(["Id", *names]))}
            rows = self.client.call(
                f"{self.sobject}.retrieve", "POST", f"/composite/sobjects/{self.sobject}", json=body
            )
            values.update({row["Id"]: self._decode(row, fields) for row in rows if row})
        return values

    def reading_calls(self, rows: int) -> int:
        """Return how many calls it takes to read so many records."""
        return math.ceil(rows / (PER_LIST if self.entity.archives else RETRIEVE))

    def count(self) -> int:
        """Return how many records are ours."""
        if not self.has_key:
            return 0
        soql = f"SELECT count() FROM {self.sobject} WHERE {self._kept(self._ours)}"
        return self.client.count(soql, everything=self.entity.archives)

    # -- the parts -----------------------------------------------------------------------------------

    def encode_key(self, key: str) -> str:
        """Return the key as the record carries it."""
        return self.prefix + keys.encode(key)

    def decode_key(self, text: str) -> str:
        """Return the key again."""
        return keys.decode(text.removeprefix(self.prefix))

    @property
    def _ours(self) -> str:
        return begins(self.key_field, self.prefix)

    @property
    def _not_persons(self) -> str:
        """Leave person accounts out, where the org has them: account and contact are one there."""
        return f"{_PERSONS} = false" if _PERSONS in self.columns else ""

    @property
    def _without_key(self) -> str:
        return f"{self.key_field} = null" if self.has_key else ""

    @property
    def _marks(self) -> list[str]:
        return [ADOPTED_FIELD] if ADOPTED_FIELD in self.columns else []

    def _kept(self, condition: str) -> str:
        """Leave deleted records out, which queryAll takes in."""
        return f"{condition} AND IsDeleted = false" if self.entity.archives else condition

    def _pages(self, fields: Iterable[str], condition: str) -> Iterator[list[dict[str, Any]]]:
        where = self._kept(condition) if condition else ("IsDeleted = false" if self.entity.archives else "")
        names = ", ".join(dict.fromkeys(["Id", *self._names(fields)]))
        soql = f"SELECT {names} FROM {self.sobject}" + (f" WHERE {where}" if where else "")
        return self.client.query(soql, everything=self.entity.archives)

    def _names(self, fields: Iterable[str]) -> list[str]:
        return [name for name in dict.fromkeys(fields) if name in self.columns] or ["Id"]

    def _decode(self, row: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Value]:
        live = self.columns
        return self.converted.from_wire(
            {name: decode(live[name], row[name]) for name in fields if name in live}
        )

    def _find(self, wire_keys: Sequence[str]) -> dict[str, str]:
        """Return ids by key as the records carry it."""
        found = {}
        for part in lists(wire_keys):
            for page in self._pages([self.key_field], one_of(self.key_field, part)):
                found.update({row[self.key_field]: row["Id"] for row in page})
        return found
