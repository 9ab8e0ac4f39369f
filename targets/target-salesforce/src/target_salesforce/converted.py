"""Leads that a user converted: they live on in a contact, which takes what still comes for them.

A converted lead takes no change, and no further task or membership; those that it had, Salesforce has moved
to the contact. To the rest of us it is the lead still: its id is written as the contact's, and read back as
its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from crmlift.destination import Outcome, Update, Value
from target_salesforce import keys
from target_salesforce.client import SalesforceClient
from target_salesforce.entities import CONTACT, KEY_FIELD, LEAD, WHO_FIELD
from target_salesforce.schema import Schema
from target_salesforce.soql import begins
from target_salesforce.values import Column

_PREFIX = "00Q"
_TO_PEOPLE = ("WhoId", WHO_FIELD)
_COUNTERPARTS = {
    name: f"Mailing{name}"
    for name in ("Street", "City", "State", "PostalCode", "Country", "StateCode", "CountryCode")
}


class Converted:
    """The converted leads of a workspace, looked up once, with the first link to a lead."""

    def __init__(self, client: SalesforceClient, schema: Schema, workspace: str) -> None:
        self._client, self._schema = client, schema
        self._workspace = workspace

    @cached_property
    def contacts(self) -> Mapping[str, str]:
        """The id of the contact by that of the lead."""
        return {row["Id"]: row["ConvertedContactId"] for row in self._rows}

    def to_wire(self, column: Column, value: Any) -> Any:
        """Return a link to somebody as it can be written: a contact's id for a converted lead's."""
        if column.name in _TO_PEOPLE and isinstance(value, str) and value.startswith(_PREFIX):
            return self.contacts.get(value, value)
        return value

    def from_wire(self, column: Column, value: Value) -> Value:
        """Return a link as we know it: a lead's id for that of its contact."""
        return self._leads.get(value, value) if column.name in _TO_PEOPLE and value else value

    @cached_property
    def _leads(self) -> Mapping[str, str]:
        """The id of the lead by that of the contact, unless the contact is one that we loaded ourselves."""
        mine = keys.prefix(self._workspace, "contact")
        return {
            row["ConvertedContactId"]: row["Id"]
            for row in self._rows
            if not str((row.get("ConvertedContact") or {}).get(KEY_FIELD) or "").startswith(mine)
        }

    @cached_property
    def _rows(self) -> Sequence[Mapping[str, Any]]:
        if KEY_FIELD not in self._schema.columns(LEAD):
            return []
        key = f", ConvertedContact.{KEY_FIELD}" if KEY_FIELD in self._schema.columns(CONTACT) else ""
        mine = begins(KEY_FIELD, keys.prefix(self._workspace, "lead"))
        soql = (
            f"SELECT Id, ConvertedContactId{key} FROM {LEAD} "
            f"WHERE IsConverted = true AND ConvertedContactId != null AND {mine}"
        )
        return [row for page in self._client.query(soql) for row in page]


def on_contact(name: str, columns: Mapping[str, Column]) -> str | None:
    """Return the field of a contact that says what a lead's field says; None where there is none."""
    found = _COUNTERPARTS.get(name, name)
    return found if found in columns and not columns[found].field.readonly else None


def as_contact(row: Update, contact: str, columns: Mapping[str, Column]) -> Update:
    """Return the change of a lead as that of its contact; what only a lead has is left out."""
    named = {on_contact(name, columns): value for name, value in row.values.items()}
    return Update(row.key, contact, {name: value for name, value in named.items() if name})


def as_lead(row: Update, outcome: Outcome) -> Outcome:
    """Return what became of a lead's change: it stays known by its own id."""
    return outcome if outcome.refusal else Outcome(row.key, id=row.id)
