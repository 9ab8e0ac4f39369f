"""Odoo as a crmlift destination: each entity's calls go to the table that holds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from crmlift.destination import (
    Create,
    EntitySpec,
    Field,
    Finding,
    Found,
    Outcome,
    TakenBack,
    Update,
    Value,
    Values,
)
from crmlift.errors import BatchRefused
from target_odoo import keys
from target_odoo.changes import described
from target_odoo.client import OdooClient
from target_odoo.entities import ENTITIES, for_company
from target_odoo.errors import NoSuchModel
from target_odoo.fieldkeys import FieldKeyTable
from target_odoo.kinds import BATCH, BLACKLIST, CATEGORY, MAILING, PHONE_BLACKLIST, Pairs, Records
from target_odoo.lookups import Lookups
from target_odoo.mailings import MailingTable
from target_odoo.optouts import AddressOptOuts, NumberOptOuts
from target_odoo.pairs import PairTable
from target_odoo.preflight import preflight
from target_odoo.records import RecordTable
from target_odoo.schema import Schema
from target_odoo.tags import TagTable
from target_odoo.unprovision import Unprovision
from target_odoo.values import Codec
from target_odoo.xmlids import XmlIdTable

_MESSAGES: Mapping[str, tuple[str, list[Any]]] = {
    # What we wrote down of mails sent long ago is none, as long as it does not wait for sending.
    "mail.mail": (
        "create_uid",
        ["|", ["state", "=", "outgoing"], "!", ["message_id", "=like", keys.like(f"{keys.MODULE}.")]],
    ),
    "sms.sms": ("create_uid", []),
    "mail.notification": ("mail_message_id.create_uid", [["notification_type", "in", ["email", "sms"]]]),
}

_SPECIAL = {
    BLACKLIST: AddressOptOuts,
    PHONE_BLACKLIST: NumberOptOuts,
    CATEGORY: TagTable,
    MAILING: MailingTable,
}


class OdooDestination:
    """One Odoo database, for one workspace."""

    def __init__(
        self,
        client: OdooClient,
        workspace: str,
        *,
        company_id: int | None = None,
        allow_automations: bool = False,
        batch_size: int = BATCH,
    ) -> None:
        self.client = client
        self._company_id = company_id
        self.entities: Mapping[str, EntitySpec] = {
            name: replace(
                entity.spec,
                batch_limit=batch_size,
                # An external id is unique in Odoo; a field of a model made over the API cannot be.
                in_flight_s=client.server_limit_s if getattr(entity, "key", "") == "field" else 0.0,
            )
            for name, entity in ENTITIES.items()
        }
        self.schema = Schema(client)
        self._codec = Codec(Lookups(client))
        self._allow_automations = allow_automations
        self._tables = {
            name: self._table(for_company(entity, company_id), workspace) for name, entity in ENTITIES.items()
        }

    def __enter__(self) -> OdooDestination:
        return self

    def __exit__(self, *exc: object) -> None:
        self.client.close()

    def preflight(self, entities: Sequence[str]) -> list[Finding]:
        """Check key, version, rights, automation rules and modules."""
        return preflight(
            self.client,
            self.schema,
            entities,
            company_id=self._company_id,
            allow_automations=self._allow_automations,
        )

    def describe(self, entity: str) -> dict[str, Field]:
        """Return the live fields by name; none for events before their model is there."""
        table = self._tables[entity]
        if isinstance(table, PairTable):
            return table.describe()
        return {name: column.field for name, column in table.columns.items()}

    def provision(self, entity: str, fields: Sequence[Field]) -> None:
        """Create what is missing."""
        table = self._tables[entity]
        if isinstance(table, PairTable):
            table.provision()
        else:
            self.schema.provision(table.model, fields)

    def unprovision(self, *, dry_run: bool = False) -> TakenBack:
        """Take away fields, models and pages of ours that hold nothing."""
        schema = self.schema
        taken = Unprovision(self.client, schema.marks, schema.pages, dry_run=dry_run).all()
        schema.forget()
        return taken

    def expected(self, entity: str, values: Values) -> Values:
        """Return the values as Odoo will hold them; `target_odoo.values` lists the changes."""
        table = self._tables[entity]
        return values if isinstance(table, PairTable) else self._codec.expected(table.columns, values)

    def changes(self, entity: str) -> Mapping[str, str]:
        """Return what Odoo makes of the values of each field, in words."""
        table = self._tables[entity]
        return {} if isinstance(table, PairTable) else described(table.columns)

    def find(self, entity: str, keys: Sequence[str]) -> dict[str, str]:
        """Return the id per key of ours."""
        return self._tables[entity].find(keys)

    def scan(self, entity: str, fields: Sequence[str], *, ours: bool) -> Iterator[list[Found]]:
        """Page through our records, or through those that could be adopted."""
        table = self._tables[entity]
        return table.scan_ours(fields) if ours else table.scan_others(fields)

    def read(self, entity: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Return values by id."""
        return self._tables[entity].read(ids, fields)

    def count(self, entity: str) -> int:
        """Return how many records are ours."""
        return self._tables[entity].count()

    def create(self, entity: str, rows: Sequence[Create]) -> list[Outcome]:
        """Write new records."""
        return self._tables[entity].create(rows) if rows else []

    def update(self, entity: str, rows: Sequence[Update]) -> list[Outcome]:
        """Change records."""
        return self._tables[entity].update(rows) if rows else []

    def adopt(self, entity: str, ids: Mapping[str, str]) -> None:
        """Put our key on existing records."""
        table = self._tables[entity]
        if ids and isinstance(table, RecordTable):
            table.adopt(ids)

    def release(self, entity: str, keys: Sequence[str]) -> None:
        """Take our key off records."""
        table = self._tables[entity]
        if keys and isinstance(table, RecordTable):
            table.release(keys)

    def delete(self, entity: str, rows: Mapping[str, str]) -> list[Outcome]:
        """Delete records."""
        return self._tables[entity].delete(rows) if rows else []

    def outgoing(self) -> Mapping[str, int]:
        """Return the mails, texts and notifications that exist because of our user, by model."""
        uid = self.client.uid
        counts = {}
        for model, (creator, domain) in _MESSAGES.items():
            try:
                counts[model] = int(
                    self.client.call(model, "search_count", domain=[[creator, "=", uid], *domain])
                )
            except (NoSuchModel, BatchRefused):
                continue  # the module is not installed, or the user may not see it
        return counts

    def _table(self, entity: Records | Pairs, workspace: str) -> RecordTable | PairTable:
        if isinstance(entity, Pairs):
            return PairTable(self.client, self.schema, entity)
        if entity.key == "field":
            return FieldKeyTable(self.client, self.schema, self._codec, entity, workspace)
        return _SPECIAL.get(entity.model, XmlIdTable)(
            self.client, self.schema, self._codec, entity, workspace
        )
