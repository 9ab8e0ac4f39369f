"""Contacts, companies and tags: records that carry our key as external id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from crmlift.destination import Create, Found, Outcome
from crmlift.errors import BatchRefused, Refusal
from crmlift.once import create_once
from target_odoo import keys
from target_odoo.records import ALL, PAGE, RecordTable, pages
from target_odoo.values import header


class XmlIdTable(RecordTable):
    """Records that carry our key as external id: `load` makes creating one twice harmless."""

    def find(self, keys_: Sequence[str]) -> dict[str, str]:
        """Return ids by key."""
        return {key: str(res_id) for key, (_, res_id) in self._data(keys_).items()}

    def scan_ours(self, fields: Sequence[str]) -> Iterator[list[Found]]:
        """Page through our external ids, then read the records."""
        for page in pages(self.client, "ir.model.data", self._ours, ["name", "res_id", "noupdate"]):
            found = [
                Found(str(row["res_id"]), self._key(row["name"]), adopted=row["noupdate"]) for row in page
            ]
            if fields:
                values = self.read([f.id for f in found], fields)
                found = [replace(f, values=values[f.id]) for f in found if f.id in values]
            yield found

    def count(self) -> int:
        """Return how many external ids are ours."""
        return int(self.client.call("ir.model.data", "search_count", domain=self._ours))

    def create(self, rows: Sequence[Create]) -> list[Outcome]:
        """Write new records by `load`; a row whose key is there already is written onto it."""
        floor = self._floor
        blank = dict.fromkeys(name for name in self.entity.blank if name in self.columns)
        values = [{**blank, **self.constants, **row.values} for row in rows]
        cells = self._each(values, lambda c, value: self.codec.cell(c, value))
        names = sorted({name for row in values for name in row})
        defaults = self._default_cells(names)
        matrix = [
            [self._xmlid(row.key), *(cell.get(name, defaults[name]) for name in names)]
            for row, cell in zip(rows, cells, strict=True)
        ]
        heads = ["id", *(header(self.columns[name]) for name in names)]
        try:
            result = self.client.call(self.model, "load", fields=heads, data=matrix, context=ALL)
        except BatchRefused as error:
            raise self._explained(error, []) from None
        if result["ids"] is False:
            raise _refused_by_load(self.model, result["messages"])
        return [
            Outcome(row.key, id=str(id_), existed=id_ <= floor)
            for row, id_ in zip(rows, result["ids"], strict=True)
        ]

    def adopt(self, ids: Mapping[str, str]) -> None:
        """Write external ids; `noupdate` marks them as put on, not born with."""

        def send(missing: Sequence[str]) -> dict[str, str]:
            rows = [
                {
                    "module": keys.MODULE,
                    "name": self.prefix + keys.encode(key),
                    "model": self.model,
                    "res_id": int(ids[key]),
                    "noupdate": True,
                }
                for key in missing
            ]
            self.client.call("ir.model.data", "create", vals_list=rows)
            return dict.fromkeys(missing, "")

        there = self._data(list(ids))
        create_once(
            [key for key in ids if key not in there], send, self.find, limit_s=self.client.server_limit_s
        )

    def release(self, keys_: Sequence[str]) -> None:
        """Delete external ids only."""
        rows = [row_id for row_id, _ in self._data(keys_).values()]
        if rows:
            self.client.call("ir.model.data", "unlink", rows)

    def without_key(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Drop records that have an external id of our module."""
        domain = [
            ["module", "=", keys.MODULE],
            ["model", "=", self.model],
            ["res_id", "in", [row["id"] for row in rows]],
        ]
        ours = self.client.call("ir.model.data", "search_read", domain=domain, fields=["res_id"])
        taken = {row["res_id"] for row in ours}
        return [row for row in rows if row["id"] not in taken]

    @property
    def _ours(self) -> list[Any]:
        return [
            ["module", "=", keys.MODULE],
            ["model", "=", self.model],
            ["name", "=like", keys.like(self.prefix)],
        ]

    def _xmlid(self, key: str) -> str:
        return f"{keys.MODULE}.{self.prefix}{keys.encode(key)}"

    def _key(self, name: str) -> str:
        return keys.decode(name.removeprefix(self.prefix))

    def _data(self, keys_: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Return (id of the external id, id of the record) by key."""
        found = {}
        for start in range(0, len(keys_), PAGE):
            names = [self.prefix + keys.encode(key) for key in keys_[start : start + PAGE]]
            rows = self.client.call(
                "ir.model.data",
                "search_read",
                domain=[["module", "=", keys.MODULE], ["model", "=", self.model], ["name", "in", names]],
                fields=["name", "res_id"],
            )
            found.update({self._key(row["name"]): (row["id"], row["res_id"]) for row in rows})
        return found

    def _default_cells(self, names: Sequence[str]) -> dict[str, str]:
        """Return what stands in the cell of a row that has no value: an empty cell would undo a default."""
        new = [name for name in names if name not in self._defaults]
        if new:
            given = self.client.call(self.model, "default_get", fields=new)
            for name in new:
                c = self.columns[name]
                self._defaults[name] = self.codec.cell(c, self.codec.decode(c, given.get(name, False)))
        return self._defaults

    @cached_property
    def _defaults(self) -> dict[str, str]:
        return dict.fromkeys(self.entity.blank, "")


def _refused_by_load(model: str, messages: Sequence[Mapping[str, Any]]) -> BatchRefused:
    rows: dict[int, Refusal] = {}
    for message in messages:
        if message.get("type") == "error" and message.get("record") is not None:
            field = message.get("field")
            code = "value_refused" if field else "row_refused"
            rows.setdefault(int(message["record"]), Refusal(code, str(message.get("message")), field))
    reason = next(iter(rows.values()), Refusal("load_refused", str(messages)))
    # Odoo tells the common try's error as if it were the first row's (BaseModel.load). If that row is
    # bad indeed, the next call says so.
    if len(rows) > 1 and rows.get(0) and rows[0].field is None:
        del rows[0]
    return BatchRefused(f"{model}.load: {len(rows)} rows refused.", reason=reason, rows=rows)
