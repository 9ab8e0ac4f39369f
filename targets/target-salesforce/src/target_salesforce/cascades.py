"""What Salesforce deletes along with a record."""

from __future__ import annotations

from collections.abc import Sequence

from target_salesforce import keys
from target_salesforce.client import SalesforceClient
from target_salesforce.entities import ACTIVITIES, KEY_FIELD, MEMBER, Records
from target_salesforce.schema import Schema
from target_salesforce.soql import begins, lists, one_of, quoted


class Below:
    """Counts the records that hang on those of one entity."""

    def __init__(self, client: SalesforceClient, schema: Schema, entity: Records, workspace: str) -> None:
        self._client, self._schema, self._entity = client, schema, entity
        self._mine = begins(KEY_FIELD, keys.workspace_prefix(workspace))

    def all(self, ids: Sequence[str]) -> dict[str, int]:
        """Return, by parent, how many records would go with it."""
        return self._count(ids, foreign=False)

    def foreign(self, ids: Sequence[str]) -> dict[str, int]:
        """Return, by parent, how many of them are not ours."""
        return self._count(ids, foreign=True)

    def _count(self, ids: Sequence[str], *, foreign: bool) -> dict[str, int]:
        counts: dict[str, int] = {}
        for child, name in self._children():
            archives = child in ACTIVITIES
            conditions = [self._whose(child, foreign=foreign), "IsDeleted = false" if archives else ""]
            for part in lists(ids):
                where = " AND ".join(filter(None, [one_of(name, part), *conditions]))
                soql = f"SELECT {name}, COUNT(Id) n FROM {child} WHERE {where} GROUP BY {name}"
                for page in self._client.query(soql, everything=archives):
                    for row in page:
                        counts[row[name]] = counts.get(row[name], 0) + int(row["n"])
        return counts

    def _whose(self, child: str, *, foreign: bool) -> str:
        if child == MEMBER:
            # Memberships hold no key: who made them tells. A rollback takes ours along.
            return f"CreatedById != {quoted(self._client.user_id)}"
        if foreign and KEY_FIELD in self._schema.columns(child):
            return f"({KEY_FIELD} = null OR (NOT {self._mine}))"
        return ""

    def _children(self) -> list[tuple[str, str]]:
        """Return the children that Salesforce deletes along, as the org's describe says."""
        children = self._schema.object(self._entity.sobject).get("childRelationships", ())
        cascading = {(one["childSObject"], one["field"]) for one in children if one["cascadeDelete"]}
        return [pair for pair in self._entity.cascades if pair in cascading]
