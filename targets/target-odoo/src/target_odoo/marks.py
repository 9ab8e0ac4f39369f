"""External ids: of Odoo's own records, and those that mark what a migration adds to the schema as ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crmlift.errors import ConfigError
from target_odoo import keys
from target_odoo.client import OdooClient

_DATA = "ir.model.data"
_START = "schema:"
"""No workspace's name ends in a colon, so no key of a record begins like this."""


class Marks:
    """External ids `__cio__.schema:{name}` on fields, models, views, actions and menus of ours."""

    def __init__(self, client: OdooClient) -> None:
        self._client = client

    def put(self, model: str, ids: Mapping[str, int]) -> None:
        """Mark records as ours, by their names."""
        there = {name for name, _ in self.of(model)}
        rows = [
            {
                "module": keys.MODULE,
                "name": _START + keys.encode(name),
                "model": model,
                "res_id": id_,
                "noupdate": True,
            }
            for name, id_ in ids.items()
            if name not in there
        ]
        if rows:
            self._client.call(_DATA, "create", vals_list=rows)

    def of(self, model: str) -> list[tuple[str, int]]:
        """Return name and id of what is ours of a model, in the order in which it was made."""
        domain = [
            ["module", "=", keys.MODULE],
            ["name", "=like", keys.like(_START)],
            ["model", "=", model],
        ]
        rows = self._client.call(_DATA, "search_read", domain=domain, fields=["name", "res_id"], order="id")
        return [(keys.decode(row["name"].removeprefix(_START)), row["res_id"]) for row in rows]


def external_ids(client: OdooClient, xmlids: Iterable[str]) -> dict[str, int]:
    """Return record ids by external id. Raises ConfigError for one that is not there."""
    found = {}
    for xmlid in xmlids:
        module, _, name = xmlid.partition(".")
        rows = client.call(
            _DATA,
            "search_read",
            domain=[["module", "=", module], ["name", "=", name]],
            fields=["res_id"],
        )
        if not rows:
            raise ConfigError(f"Odoo has no record {xmlid}.", hint="Is its module installed?")
        found[xmlid] = rows[0]["res_id"]
    return found
