"""Owners and record types by name: their ids differ between a sandbox org and production."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from crmlift.destination import Value, Values
from target_salesforce.client import SalesforceClient
from target_salesforce.schema import Schema

OWNER, RECORD_TYPE = "OwnerId", "RecordTypeId"
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


class Named:
    """Finds the ids of what a mapping names; both are asked for once, with the first name."""

    def __init__(self, client: SalesforceClient, schema: Schema) -> None:
        self._client, self._schema = client, schema

    def ids(self, sobject: str, values: Values) -> Values:
        """Return the values with ids for names; None, which leaves the default, for one that nobody bears."""
        found: dict[str, Value] = {}
        for name, known in ((OWNER, self._owners), (RECORD_TYPE, self._record_types)):
            text = values.get(name)
            if isinstance(text, str) and not _ID.fullmatch(text):
                found[name] = known(sobject).get(text.strip().casefold())
        return {**values, **found} if found else values

    def _owners(self, sobject: str) -> Mapping[str, str]:
        """Active users by username and, where it is one's alone, email; queues by DeveloperName."""
        return {**(self._queues if sobject == "Lead" else {}), **self._users}

    @cached_property
    def _users(self) -> Mapping[str, str]:
        soql = "SELECT Id, Username, Email FROM User WHERE IsActive = true"
        rows = [row for page in self._client.query(soql) for row in page]
        emails: dict[str, set[str]] = {}
        for row in rows:
            emails.setdefault(str(row["Email"]).casefold(), set()).add(row["Id"])
        alone = {email: next(iter(ids)) for email, ids in emails.items() if len(ids) == 1}
        return alone | {str(row["Username"]).casefold(): row["Id"] for row in rows}

    @cached_property
    def _queues(self) -> Mapping[str, str]:
        soql = "SELECT Id, DeveloperName FROM Group WHERE Type = 'Queue'"
        rows = (row for page in self._client.query(soql) for row in page)
        return {str(row["DeveloperName"]).casefold(): row["Id"] for row in rows}

    def _record_types(self, sobject: str) -> Mapping[str, str]:
        """Those that the user may give records, by DeveloperName."""
        infos = self._schema.object(sobject).get("recordTypeInfos", ())
        return {one["developerName"].casefold(): one["recordTypeId"] for one in infos if one["available"]}
