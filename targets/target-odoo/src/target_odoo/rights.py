"""What the API key's user may do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from crmlift.errors import BatchRefused
from target_odoo.client import OdooClient
from target_odoo.versions import members_of_group

OPERATIONS = ("read", "create", "write", "unlink")


class Rights:
    """Rights on some models, asked for at once.

    Odoo's access rules are for administrators to see, as our runs need one; for anybody else each right is
    asked for by itself.
    """

    def __init__(self, client: OdooClient, models: Sequence[str]) -> None:
        self._client = client
        self._models = list(models)

    def may(self, model: str, operation: str) -> bool:
        """Say whether the user may do this to records of a model in general."""
        if self._granted is not None:
            return (model, operation) in self._granted
        return bool(self._client.call(model, "has_access", [], operation=operation))

    def lacking(self, model: str) -> list[str]:
        """Return what the user may not do to records of a model."""
        return [operation for operation in OPERATIONS if not self.may(model, operation)]

    @cached_property
    def _granted(self) -> set[tuple[str, str]] | None:
        """The pairs of model and operation of the rules for the user's groups and for everybody."""
        mine = [f"group_id.{members_of_group(self._client.version[0])}", "in", [self._client.uid]]
        domain = [["model_id.model", "in", self._models], "|", ["group_id", "=", False], mine]
        fields = [f"perm_{operation}" for operation in OPERATIONS]
        try:
            rules = self._client.call(
                "ir.model.access", "search_read", domain=domain, fields=["model_id", *fields]
            )
            names = self._client.call(
                "ir.model",
                "search_read",
                domain=[["id", "in", sorted({rule["model_id"][0] for rule in rules})]],
                fields=["model"],
            )
        except BatchRefused:
            return None
        model_of = {row["id"]: row["model"] for row in names}
        return {
            (model_of[rule["model_id"][0]], operation)
            for rule in rules
            for operation in OPERATIONS
            if rule[f"perm_{operation}"]
        }
