"""Leads, of which converted ones are read from and written to their contact."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from crmlift.destination import Outcome, Update, Value
from target_salesforce.converted import as_contact, as_lead, on_contact
from target_salesforce.entities import ENTITIES, Records
from target_salesforce.records import RecordTable


class LeadTable(RecordTable):
    """`Lead`."""

    def read(self, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Return values by id; a converted lead has those of its contact, where that has such a field."""
        found = super().read(ids, fields)
        moved = {lead: self.converted.contacts[lead] for lead in found if lead in self.converted.contacts}
        if not moved:
            return found
        names = {name: there for name in fields if (there := on_contact(name, self._contacts.columns))}
        held = self._contacts.read(list(dict.fromkeys(moved.values())), list(names.values()))
        for lead, contact in moved.items():
            if contact in held:
                found[lead] |= {name: held[contact].get(there) for name, there in names.items()}
        return found

    def update(self, rows: Sequence[Update]) -> list[Outcome]:
        """Change leads, and the contacts of those that were converted."""
        moved = {row.key: row for row in rows if row.id in self.converted.contacts}
        if not moved:
            return super().update(rows)
        columns = self._contacts.columns
        there = [as_contact(row, self.converted.contacts[row.id], columns) for row in moved.values()]
        done = self._contacts.update([row for row in there if row.values])
        outcomes = {outcome.key: as_lead(moved[outcome.key], outcome) for outcome in done}
        outcomes |= {row.key: Outcome(row.key, id=moved[row.key].id) for row in there if not row.values}
        outcomes |= {
            outcome.key: outcome for outcome in super().update([row for row in rows if row.key not in moved])
        }
        return [outcomes[row.key] for row in rows]

    @cached_property
    def _contacts(self) -> RecordTable:
        entity = ENTITIES["contact"]
        assert isinstance(entity, Records)
        return RecordTable(self.sender, self.schema, entity, self.workspace, self.converted, self.named)
