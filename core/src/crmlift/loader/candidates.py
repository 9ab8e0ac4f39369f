"""Find existing CRM records for rows that have none: by email, domain, or what the mapping matches on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from crmlift.destination import Destination
from crmlift.ledger import Ledger
from crmlift.mapping.engine import Row


class Candidates:
    """An index of the CRM's own records, read once per run and entity, kept in the ledger.

    One pass over the CRM in pages costs far fewer calls than a search per batch.
    """

    def __init__(self, destination: Destination, ledger: Ledger) -> None:
        self._crm = destination
        self._ledger = ledger
        self._indexed: set[str] = set()
        self._taken: set[tuple[str, str]] = set()

    def indexed(self, entity: str) -> bool:
        """Say whether the CRM's records of an entity have been read."""
        return entity in self._indexed

    def match(self, entity: str, rows: Sequence[Row]) -> dict[str, list[str]]:
        """Return the ids of matching records per key; the first match field with a hit decides."""
        wanted: dict[str, dict[str, str]] = defaultdict(dict)
        for row in rows:
            for name, get in row.rule.match:
                value = _comparable(get(row.item.record))
                if value:
                    wanted[name][row.key] = value
        if not wanted:
            return {}
        self._index(entity, sorted({name for row in rows for name, _ in row.rule.match}))
        hits: dict[str, dict[str, list[str]]] = {
            name: self._ledger.candidates.find(entity, name, set(values.values()))
            for name, values in wanted.items()
        }
        matches: dict[str, list[str]] = {}
        for row in rows:
            for name, _ in row.rule.match:
                found = hits.get(name, {}).get(wanted[name].get(row.key, ""), [])
                ids = [crm_id for crm_id in found if (entity, crm_id) not in self._taken]
                if ids:
                    matches[row.key] = ids
                    if len(ids) == 1:
                        self._taken.add((entity, ids[0]))
                    break
        return matches

    def _index(self, entity: str, fields: list[str]) -> None:
        if entity in self._indexed:
            return
        self._indexed.add(entity)
        self._ledger.candidates.clear(entity)
        for page in self._crm.scan(entity, fields, ours=False):
            self._ledger.candidates.add(
                entity,
                [
                    (name, value, item.id)
                    for item in page
                    for name in fields
                    if (value := _comparable(item.values.get(name)))
                ],
            )


def _comparable(value: Any) -> str:
    return "" if value is None else str(value).strip().casefold()
