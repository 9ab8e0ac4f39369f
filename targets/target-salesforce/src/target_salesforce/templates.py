"""Email templates: inactive, in a folder of ours, with the key spelled in their DeveloperName."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from crmlift.destination import Value
from crmlift.errors import Refusal
from target_salesforce import keys
from target_salesforce.records import RecordTable
from target_salesforce.soql import begins
from target_salesforce.values import Unfit

MAX_NAME = 80


class TemplateTable(RecordTable):
    """`EmailTemplate`, which takes no custom fields."""

    key_field = "DeveloperName"

    @cached_property
    def constants(self) -> Mapping[str, Value]:
        """What every new template gets."""
        return {**self.entity.constants, "FolderId": self.schema.folder()}

    def encode_key(self, key: str) -> str:
        """Return the DeveloperName."""
        name = keys.developer_prefix(self.workspace) + keys.developer_key(key)
        if len(name) > MAX_NAME:
            raise Unfit(Refusal("key_too_long", field=self.key_field))
        return name

    def decode_key(self, text: str) -> str:
        """Return the key again."""
        return keys.from_developer_key(text.removeprefix(keys.developer_prefix(self.workspace)))

    @property
    def _ours(self) -> str:
        return begins(self.key_field, keys.developer_prefix(self.workspace))

    @property
    def _without_key(self) -> str:
        return "(NOT DeveloperName LIKE 'cio\\_%')"
