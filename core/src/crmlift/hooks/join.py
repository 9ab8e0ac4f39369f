"""Join records of small streams into those that name them, such as a newsletter into its metrics."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, PrivateAttr

from crmlift.batch import Batch, Record
from crmlift.hookspecs import hookimpl


class Join(BaseModel):
    """Give records what an earlier stream says of the thing that they name by its `id`.

    `streams` holds, by stream, the earlier stream and the key that names its record. The record is copied
    `into` one key; where it did not come before, what stands there from an earlier time stays. All records
    of the earlier streams are kept in memory: for lists that people make, not for people.
    """

    model_config = ConfigDict(extra="forbid")

    streams: dict[str, dict[str, str]]
    into: str = "parent"
    _seen: dict[str, dict[str, Record]] = PrivateAttr(default_factory=dict)

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Remember, and join."""
        if any(batch.stream in earlier for earlier in self.streams.values()):
            kept = self._seen.setdefault(batch.stream, {})
            kept.update((str(item.record["id"]), item.record) for item in batch.items if "id" in item.record)
        for earlier, key in self.streams.get(batch.stream, {}).items():
            known = self._seen.get(earlier, {})
            for item in batch.items:
                if (found := known.get(str(item.record.get(key)))) is not None:
                    item.record[self.into] = dict(found)
