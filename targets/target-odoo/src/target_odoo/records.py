"""Entities whose rows are records of one model: what they share, however they carry our key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from crmlift.destination import Create, Found, Outcome, Update, Value
from crmlift.errors import BatchRefused, Refusal, RunStopped
from target_odoo import keys
from target_odoo.client import OdooClient
from target_odoo.columns import Column
from target_odoo.errors import ACCESS, MISSING, NoSuchModel
from target_odoo.kinds import COMPANY, Records
from target_odoo.schema import Schema
from target_odoo.values import Codec, Unfit
from target_odoo.versions import model_in

ALL = {"active_test": False}
"""The context in which archived records are seen."""
PAGE = 2000
DELETES = 500


class RecordTable(ABC):
    """Records of one model; how they carry our key is left to the two kinds below."""

    def __init__(
        self, client: OdooClient, schema: Schema, codec: Codec, entity: Records, workspace: str
    ) -> None:
        self.client, self.schema, self.codec = client, schema, codec
        self.entity = entity
        self.prefix = keys.prefix(workspace, entity.spec.name)

    @cached_property
    def model(self) -> str:
        """The model's name in this version of Odoo."""
        return model_in(self.entity.model, self.client.version[0])

    @abstractmethod
    def find(self, keys: Sequence[str]) -> dict[str, str]:
        """Return ids by key."""

    @abstractmethod
    def scan_ours(self, fields: Sequence[str]) -> Iterator[list[Found]]:
        """Page through our records."""

    @abstractmethod
    def count(self) -> int:
        """Return how many records are ours."""

    @abstractmethod
    def create(self, rows: Sequence[Create]) -> list[Outcome]:
        """Write new records with their keys."""

    @abstractmethod
    def adopt(self, ids: Mapping[str, str]) -> None:
        """Put our key on existing records."""

    @abstractmethod
    def release(self, keys: Sequence[str]) -> None:
        """Take our key off records."""

    @abstractmethod
    def without_key(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keep those of these records that carry no key of ours, of any workspace."""

    @cached_property
    def constants(self) -> Mapping[str, Value]:
        """What every new record gets, with external ids looked up; what this database lacks is left out."""
        refs = self.schema.external_ids(self.entity.refs.values()) if self.entity.refs else {}
        found = {name: str(refs[xmlid]) for name, xmlid in self.entity.refs.items()}
        constants = {**self.entity.constants, **found}
        return {name: value for name, value in constants.items() if name in self.columns}

    @property
    def columns(self) -> Mapping[str, Column]:
        """The model's live fields."""
        return self.schema.columns(self.model)

    def scan_others(self, fields: Sequence[str]) -> Iterator[list[Found]]:
        """Page through records of this kind without a key of ours; none where the model is not there yet."""
        if not self.columns:
            return
        domain: list[Any] = [list(self.entity.only)] if self.entity.only else []
        if self.entity.company_id is not None and COMPANY in self.columns:
            domain.append([COMPANY, "in", [self.entity.company_id, False]])
        for page in pages(self.client, self.model, domain, self._names(fields)):
            kept = self.without_key(page)
            if kept:
                yield [Found(str(row["id"]), None, self._decode(row, fields)) for row in kept]

    def read(self, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Return values by id."""
        found = {}
        for start in range(0, len(ids), PAGE):
            rows = self.client.call(
                self.model,
                "search_read",
                domain=[["id", "in", [int(id_) for id_ in ids[start : start + PAGE]]]],
                fields=self._names(fields),
                context=ALL,
            )
            found.update({str(row["id"]): self._decode(row, fields) for row in rows})
        return found

    def update(self, rows: Sequence[Update]) -> list[Outcome]:
        """Change records."""
        ids = [int(row.id) for row in rows]
        vals = self._encode([row.values for row in rows])
        try:
            self._save(ids, vals)
        except BatchRefused as error:
            raise self._explained(error, ids) from None
        return [Outcome(row.key, id=row.id) for row in rows]

    def delete(self, rows: Mapping[str, str]) -> list[Outcome]:
        """Delete records; those that are gone count as deleted."""
        return [
            Outcome(key, refusal=refused[int(id_)]) if int(id_) in refused else Outcome(key, id=id_)
            for refused in [self._unlink([int(id_) for id_ in rows.values()])]
            for key, id_ in rows.items()
        ]

    # -- the parts -----------------------------------------------------------------------------------

    def _names(self, fields: Sequence[str]) -> list[str]:
        return [name for name in fields if name in self.columns] or ["id"]

    def _decode(self, row: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Value]:
        columns = self.columns
        return {name: self.codec.decode(columns[name], row[name]) for name in fields if name in columns}

    def _encode(self, rows: Sequence[Mapping[str, Value]]) -> list[dict[str, Any]]:
        """Return wire values; raises BatchRefused with every row that Odoo is known to refuse."""
        return self._each(rows, lambda c, value: self.codec.encode(c, value))

    def _each(
        self, rows: Sequence[Mapping[str, Value]], form: Callable[[Column, Value], Any]
    ) -> list[dict[str, Any]]:
        columns = self.columns
        unknown = {name for row in rows for name in row} - columns.keys()
        if unknown:
            raise RunStopped(
                f"{self.model} has no field {', '.join(sorted(unknown))}.", hint="Run crmlift provision."
            )
        encoded: list[dict[str, Any]] = []
        refused: dict[int, Refusal] = {}
        for index, row in enumerate(rows):
            try:
                values = self.codec.expected(columns, row)
                encoded.append({name: form(columns[name], value) for name, value in values.items()})
            except Unfit as unfit:
                refused[index] = unfit.refusal
        if refused:
            reason = next(iter(refused.values()))
            raise BatchRefused(f"{self.model}: {reason.code}.", reason=reason, rows=refused)
        return encoded

    def _save(self, ids: list[int], vals: list[dict[str, Any]]) -> None:
        if self._saves_many:
            self.client.call(self.model, "web_save_multi", ids, vals_list=vals, specification={}, context=ALL)
            return
        groups: dict[str, tuple[dict[str, Any], list[int]]] = {}
        for id_, values in zip(ids, vals, strict=True):
            groups.setdefault(repr(sorted(values.items())), (values, []))[1].append(id_)
        for values, members in groups.values():
            self.client.call(self.model, "write", members, vals=values, context=ALL)

    @cached_property
    def _saves_many(self) -> bool:
        try:
            self.client.call(self.model, "web_save_multi", [], vals_list=[], specification={})
        except NoSuchModel:
            return False
        return True

    def _explained(self, error: BatchRefused, ids: Sequence[int]) -> Exception:
        """Name the rows whose record is gone, and tell a right that is missing from a row that is bad."""
        if error.reason.code == MISSING:
            there = self._there(ids)
            rows = {n: error.reason for n, id_ in enumerate(ids) if id_ not in there}
            return BatchRefused(error.message, reason=error.reason, rows=rows)
        if error.reason.code == ACCESS and not self.client.call(
            self.model, "has_access", [], operation="write"
        ):
            return RunStopped(f"The API key's user may not write {self.model}.", hint=error.reason.detail)
        return error

    def _there(self, ids: Sequence[int]) -> set[int]:
        return set(self.client.call(self.model, "search", domain=[["id", "in", list(ids)]], context=ALL))

    def _unlink(self, ids: list[int]) -> dict[int, Refusal]:
        """Delete in large calls; halve a call that is refused until the record is found that refuses."""
        if len(ids) > DELETES:
            parts = [ids[start : start + DELETES] for start in range(0, len(ids), DELETES)]
            return {id_: refusal for part in parts for id_, refusal in self._unlink(part).items()}
        try:
            if ids:
                self.client.call(self.model, "unlink", ids, context=ALL)
        except BatchRefused as error:
            if error.reason.code == MISSING:
                there = self._there(ids)
                return self._unlink([id_ for id_ in ids if id_ in there]) if len(there) < len(ids) else {}
            if len(ids) == 1:
                return {ids[0]: error.reason}
            middle = len(ids) // 2
            return {**self._unlink(ids[:middle]), **self._unlink(ids[middle:])}
        return {}

    @cached_property
    def _floor(self) -> int:
        """The highest id before our first new record: what `load` gives at or below it was there before."""
        newest = self.client.call(self.model, "search", domain=[], limit=1, order="id desc", context=ALL)
        return int(newest[0]) if newest else 0


def pages(
    client: OdooClient, model: str, domain: list[Any], fields: list[str]
) -> Iterator[list[dict[str, Any]]]:
    """Page through a model by id, archived records included."""
    last = 0
    while True:
        page = client.call(
            model,
            "search_read",
            domain=[*domain, ["id", ">", last]],
            fields=fields,
            limit=PAGE,
            order="id",
            context=ALL,
        )
        if page:
            yield page
            last = page[-1]["id"]
        if len(page) < PAGE:
            return
