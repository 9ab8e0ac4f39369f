"""Salesforce as a crmlift destination: each entity's calls go to the table that holds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from crmlift.destination import (
    Allowance,
    Create,
    EntitySpec,
    Field,
    Finding,
    Found,
    Outcome,
    Update,
    Value,
    Values,
)
from target_salesforce.client import SalesforceClient
from target_salesforce.converted import Converted
from target_salesforce.entities import BATCH, BULK_FROM, ENTITIES, LEAD, TEMPLATE, Pairs
from target_salesforce.leads import LeadTable
from target_salesforce.named import Named
from target_salesforce.pairs import PairTable
from target_salesforce.preflight import preflight
from target_salesforce.records import RecordTable
from target_salesforce.schema import Schema
from target_salesforce.sending import Sender
from target_salesforce.soql import quoted
from target_salesforce.templates import TemplateTable
from target_salesforce.values import change

KILOBYTES = 2
"""What a record takes of the storage; a campaign takes 8, a membership 1."""
_SPECIAL = {TEMPLATE: TemplateTable, LEAD: LeadTable}


class SalesforceDestination:
    """One org, for one workspace."""

    def __init__(
        self,
        client: SalesforceClient,
        workspace: str,
        *,
        allow_automations: bool = False,
        batch_size: int = BATCH,
        bulk_from: int = BULK_FROM,
    ) -> None:
        self.client = client
        self.workspace = workspace
        self.entities: Mapping[str, EntitySpec] = _Specs(batch_size)
        self.schema = Schema(client)
        self.sender = Sender(client, bulk_from=bulk_from)
        self._converted = Converted(client, self.schema, workspace)
        self._named = Named(client, self.schema)
        self._allow_automations = allow_automations
        self._tables: dict[str, RecordTable | PairTable] = {}

    def __enter__(self) -> SalesforceDestination:
        return self

    def __exit__(self, *exc: object) -> None:
        self.client.close()

    def preflight(self, entities: Sequence[str]) -> list[Finding]:
        """Check login, rights, quota, storage, automations and rules."""
        return preflight(self.client, self.schema, entities, allow_automations=self._allow_automations)

    def describe(self, entity: str) -> dict[str, Field]:
        """Return the live fields by name; none for a custom object before it is there."""
        return self._table(entity).describe()

    def provision(self, entity: str, fields: Sequence[Field]) -> None:
        """Create what is missing."""
        self._table(entity).provision(fields)

    def expected(self, entity: str, values: Values) -> Values:
        """Return the values as Salesforce will hold them; `target_salesforce.values` lists the changes."""
        return self._table(entity).expected(values)

    def find(self, entity: str, keys: Sequence[str]) -> dict[str, str]:
        """Return the id per key of ours."""
        return self._table(entity).find(keys)

    def scan(self, entity: str, fields: Sequence[str], *, ours: bool) -> Iterator[list[Found]]:
        """Page through our records, or through those that could be adopted."""
        table = self._table(entity)
        return table.scan_ours(fields) if ours else table.scan_others(fields)

    def read(self, entity: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Return values by id."""
        return self._table(entity).read(ids, fields) if ids else {}

    def count(self, entity: str) -> int:
        """Return how many records are ours."""
        return self._table(entity).count()

    def create(self, entity: str, rows: Sequence[Create]) -> list[Outcome]:
        """Write new records."""
        return self._table(entity).create(rows) if rows else []

    def update(self, entity: str, rows: Sequence[Update]) -> list[Outcome]:
        """Change records."""
        return self._table(entity).update(rows) if rows else []

    def adopt(self, entity: str, ids: Mapping[str, str]) -> None:
        """Put our key on existing records."""
        self._table(entity).adopt(ids)

    def release(self, entity: str, keys: Sequence[str]) -> None:
        """Take our key off records."""
        self._table(entity).release(keys)

    def delete(self, entity: str, rows: Mapping[str, str]) -> list[Outcome]:
        """Delete records."""
        return self._table(entity).delete(rows) if rows else []

    def below(self, entity: str, ids: Sequence[str]) -> Mapping[str, int]:
        """Count the records of others that Salesforce would delete along."""
        return self._table(entity).foreign_below(ids) if ids else {}

    def outgoing(self) -> Mapping[str, int]:
        """Return the emails that exist because of our user."""
        mine = f"CreatedById = {quoted(self.client.user_id)}"
        return {"EmailMessage": self.client.count(f"SELECT count() FROM EmailMessage WHERE {mine}")}

    def allowance(self) -> Allowance:
        """Return the calls of these 24 hours and the room for records that the org has left."""
        limits = self.client.call("limits", "GET", "/limits")
        storage = int(limits["DataStorageMB"]["Remaining"])
        calls = int(limits["DailyApiRequests"]["Remaining"])
        return Allowance(calls=calls, records=storage * 1024 // KILOBYTES, source="/limits of the org")

    def calls_for(self, entity: str, rows: int, *, writing: bool) -> int:
        """Return the calls that so many rows take: by sObject Collections, or in a job."""
        return self.sender.calls(rows) if writing else self._table(entity).reading_calls(rows)

    def changes(self, entity: str) -> Mapping[str, str]:
        """Return, by field, what Salesforce makes of values."""
        return {
            name: told for name, column in self._table(entity).columns.items() if (told := change(column))
        }

    def _table(self, name: str) -> RecordTable | PairTable:
        if name not in self._tables:
            entity = ENTITIES[name]
            if isinstance(entity, Pairs):
                self._tables[name] = PairTable(
                    self.sender, self.schema, entity, self.workspace, self._converted
                )
            else:
                make = _SPECIAL.get(entity.sobject, RecordTable)
                self._tables[name] = make(
                    self.sender, self.schema, entity, self.workspace, self._converted, self._named
                )
        return self._tables[name]


class _Specs(Mapping[str, EntitySpec]):
    """The specs of all entities, with the rows per call that the settings name."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size

    def __getitem__(self, name: str) -> EntitySpec:
        return replace(ENTITIES[name].spec, batch_limit=self._batch_size)

    def __iter__(self) -> Iterator[str]:
        return iter(ENTITIES)

    def __len__(self) -> int:
        return len(ENTITIES)
