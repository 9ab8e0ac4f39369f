"""Keep what the split decided: a person stays what it became, and what hangs on it is told so."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from crmlift.batch import Batch, Item
from crmlift.hookspecs import hookimpl


class Follow(BaseModel):
    """Give a person the scope of its first run, and give each record of `streams` that of its person.

    In a CRM with leads beside contacts, a person that was loaded as a lead stays one: only a user turns it
    into a contact. A record that was merged takes the scope of the record it joins. `streams` maps a
    stream to the path of the person's key; the scope of an unknown person is None. Stands after `split`
    and `dedupe`.
    """

    model_config = ConfigDict(extra="forbid")

    stream: str = "people"
    into: str = "scope"
    streams: dict[str, str] = {}

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Write the remembered scope into the records of a batch."""
        kind = f"{self.stream}.{self.into}"
        if batch.stream == self.stream:
            self._remember(kind, batch)
        elif path := self.streams.get(batch.stream):
            keys = {str(item.record[path]) for item in batch.items if item.record.get(path) is not None}
            scopes = batch.claims.owners(kind, keys)
            for item in batch.items:
                item.record[self.into] = scopes.get(str(item.record.get(path)))

    def _remember(self, kind: str, batch: Batch) -> None:
        # The first of several with one key decides, as it does in the ledger.
        wanted = {_row(item): item.record[self.into] for item in reversed(batch.items)}
        scopes = batch.claims.claim(kind, wanted)
        for item in batch.items:
            item.record[self.into] = scopes[_row(item)]
        batch.claims.claim(kind, {item.key: scopes[_row(item)] for item in batch.items if item.merged})


def _row(item: Item) -> str:
    return item.into or item.key
