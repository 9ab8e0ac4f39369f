"""What hangs on a person who was left out is left out as well: it could never find its parent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crmlift.batch import Batch

_GONE, _BACK = "gone", ""


class Followers:
    """Remembers in the ledger whom a hook left out, by `cio_id`; `name` is the hook's."""

    def __init__(self, name: str) -> None:
        self._kind = f"left_out.{name}"

    def note(self, batch: Batch, gone: Mapping[str, bool]) -> None:
        """Remember who is gone; forget who came back. `gone` maps all people of a batch."""
        before = batch.claims.owners(self._kind, gone)
        after = {who: _GONE if is_gone else _BACK for who, is_gone in gone.items()}
        changed = {who: state for who, state in after.items() if before.get(who, _BACK) != state}
        batch.claims.put(self._kind, changed)

    def leave(self, batch: Batch) -> None:
        """Leave out the records of a batch that name somebody who is gone."""
        people = self._gone(batch, (item.record.get("cio_id") for item in batch.items))
        for item in batch:
            if item.record.get("cio_id") in people:
                batch.leave(item)

    def _gone(self, batch: Batch, who: Iterable[object]) -> set[str]:
        asked = {str(one) for one in who if one}
        return {one for one, state in batch.claims.owners(self._kind, asked).items() if state == _GONE}
