"""Merge people that are one and the same: the first one seen owns the row, later ones fill its gaps."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from crmlift.batch import Batch, Item
from crmlift.hookspecs import hookimpl
from crmlift.mapping.engine import path_getter


class Dedupe(BaseModel):
    """Records of `stream` that share a value of `by` become one row.

    `by` lists paths; values are compared without case and outer spaces.

    Who was first is remembered in the ledger, so the answer is the same in every run. What hangs
    on a merged record (events, memberships) follows it to the row it joined.
    """

    model_config = ConfigDict(extra="forbid")

    stream: str = "people"
    by: list[str] = ["email"]

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Merge the records of a batch whose value belongs to an earlier record."""
        if batch.stream != self.stream:
            return
        for path in self.by:
            self._merge_by(path, batch)

    def _merge_by(self, path: str, batch: Batch) -> None:
        get = path_getter(path)
        values: dict[str, list[Item]] = {}
        for item in batch.items:
            value = get(item.record)
            if value is not None and not item.merged:
                values.setdefault(str(value).strip().casefold(), []).append(item)
        owners = batch.claims.claim(
            f"{self.stream}.{path}", {value: items[0].key for value, items in values.items()}
        )
        for value, items in values.items():
            for item in items:
                if item.key != owners[value]:
                    batch.merge(item, owners[value])
