"""Events, deliveries and messages: records that carry our key in an indexed field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crmlift.destination import Create, Found, Outcome
from crmlift.errors import BatchRefused
from crmlift.once import create_once
from target_odoo import keys
from target_odoo.records import ALL, PAGE, RecordTable, pages


class FieldKeyTable(RecordTable):
    """Records that carry the key in an indexed field.

    `create` is the fastest way into Odoo (2-3 times `load`) but not safe to repeat, so after a call
    without an answer the keys are looked up first.
    """

    def find(self, keys_: Sequence[str]) -> dict[str, str]:
        """Return ids by key."""
        found: dict[str, str] = {}
        if not self._has_key:
            return found
        for start in range(0, len(keys_), PAGE):
            wanted = [self._key(key) for key in keys_[start : start + PAGE]]
            rows = self.client.call(
                self.model,
                "search_read",
                domain=[[self._field, "in", wanted]],
                fields=[self._field],
                context=ALL,
            )
            found.update({self._source(row[self._field]): str(row["id"]) for row in rows})
        return found

    def scan_ours(self, fields: Sequence[str]) -> Iterator[list[Found]]:
        """Page through our records."""
        if not self._has_key:
            return
        for page in pages(self.client, self.model, self._ours, [self._field, *self._names(fields)]):
            yield [
                Found(str(row["id"]), self._source(row[self._field]), self._decode(row, fields))
                for row in page
            ]

    def count(self) -> int:
        """Return how many records are ours; none where the model or its key is not there yet."""
        if not self._has_key:
            return 0
        return int(self.client.call(self.model, "search_count", domain=self._ours, context=ALL))

    def create(self, rows: Sequence[Create]) -> list[Outcome]:
        """Write new records by `create`."""
        if not self._has_key:
            self.schema.provision(self.model, ())
        vals = self._encode([{**self.constants, **row.values} for row in rows])
        pairs = list(zip(rows, vals, strict=True))
        if order := self.entity.oldest_first:
            pairs.sort(key=lambda pair: str(pair[1].get(order)))
        by_key = {row.key: {self._field: self._key(row.key), **values} for row, values in pairs}

        def send(missing: Sequence[str]) -> dict[str, str]:
            ids = self.client.call(self.model, "create", vals_list=[by_key[key] for key in missing])
            return {key: str(id_) for key, id_ in zip(missing, ids, strict=True)}

        try:
            ids = create_once(list(by_key), send, self.find, limit_s=self.client.server_limit_s)
        except BatchRefused as error:
            raise self._explained(error, []) from None
        return [Outcome(row.key, id=ids[row.key]) for row in rows]

    def adopt(self, ids: Mapping[str, str]) -> None:
        """Write our key into the records."""
        self._save([int(id_) for id_ in ids.values()], [{self._field: self._key(key)} for key in ids])

    def release(self, keys_: Sequence[str]) -> None:
        """Empty our key."""
        ids = [int(id_) for id_ in self.find(keys_).values()]
        if ids:
            self.client.call(self.model, "write", ids, vals={self._field: False})

    def without_key(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keep records whose key is empty, or somebody else's."""
        if not self._has_key:
            return rows
        ids, start = [row["id"] for row in rows], self.entity.key_start
        free = ["!", [self._field, "=like", keys.like(start)]] if start else [[self._field, "=", False]]
        free = self.client.call(self.model, "search", domain=[["id", "in", ids], *free], context=ALL)
        return [row for row in rows if row["id"] in set(free)]

    @property
    def _field(self) -> str:
        return self.entity.key_field

    @property
    def _has_key(self) -> bool:
        return self._field in self.columns

    @property
    def _ours(self) -> list[Any]:
        return [[self._field, "=like", keys.like(self._start)]]

    @property
    def _start(self) -> str:
        return self.entity.key_start + self.prefix

    def _key(self, key: str) -> str:
        return self._start + keys.encode(key)

    def _source(self, text: str) -> str:
        return keys.decode(text.removeprefix(self._start))
