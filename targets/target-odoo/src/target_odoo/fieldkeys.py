"""Events: records of a model of ours, which carry our key in an indexed field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crmlift.destination import Create, Found, Outcome
from crmlift.errors import BatchRefused
from target_odoo import keys
from target_odoo.entities import EVENT_KEY
from target_odoo.errors import NoSuchModel
from target_odoo.once import create_once
from target_odoo.records import PAGE, RecordTable, pages


class FieldKeyTable(RecordTable):
    """Records of our own model that carry the key in an indexed field.

    `create` is the fastest way into Odoo (2-3 times `load`) but not safe to repeat, so after a call
    without an answer the keys are looked up first.
    """

    def find(self, keys_: Sequence[str]) -> dict[str, str]:
        """Return ids by key."""
        found = {}
        for start in range(0, len(keys_), PAGE):
            wanted = [self._key(key) for key in keys_[start : start + PAGE]]
            rows = self.client.call(
                self.model, "search_read", domain=[[EVENT_KEY, "in", wanted]], fields=[EVENT_KEY]
            )
            found.update({self._source(row[EVENT_KEY]): str(row["id"]) for row in rows})
        return found

    def scan_ours(self, fields: Sequence[str]) -> Iterator[list[Found]]:
        """Page through our records."""
        for page in pages(self.client, self.model, self._ours, [EVENT_KEY, *self._names(fields)]):
            yield [
                Found(str(row["id"]), self._source(row[EVENT_KEY]), self._decode(row, fields)) for row in page
            ]

    def count(self) -> int:
        """Return how many records are ours; none where the model is not there yet."""
        try:
            return int(self.client.call(self.model, "search_count", domain=self._ours))
        except NoSuchModel:
            return 0

    def create(self, rows: Sequence[Create]) -> list[Outcome]:
        """Write new records by `create`."""
        vals = self._encode([{**self.entity.constants, **row.values} for row in rows])
        by_key = {row.key: {EVENT_KEY: self._key(row.key), **v} for row, v in zip(rows, vals, strict=True)}

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
        self._save([int(id_) for id_ in ids.values()], [{EVENT_KEY: self._key(key)} for key in ids])

    def release(self, keys_: Sequence[str]) -> None:
        """Empty our key."""
        ids = [int(id_) for id_ in self.find(keys_).values()]
        if ids:
            self.client.call(self.model, "write", ids, vals={EVENT_KEY: False})

    def without_key(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keep records whose key is empty."""
        ids = [row["id"] for row in rows]
        free = self.client.call(self.model, "search", domain=[["id", "in", ids], [EVENT_KEY, "=", False]])
        return [row for row in rows if row["id"] in set(free)]

    @property
    def _ours(self) -> list[Any]:
        return [[EVENT_KEY, "=like", keys.like(self.prefix)]]

    def _key(self, key: str) -> str:
        return self.prefix + keys.encode(key)

    def _source(self, text: str) -> str:
        return keys.decode(text.removeprefix(self.prefix))
