"""Contact tags, which stand in a tree."""

from __future__ import annotations

from collections.abc import Mapping

from crmlift.destination import Outcome
from crmlift.errors import Refusal
from target_odoo.records import ALL
from target_odoo.xmlids import XmlIdTable


class TagTable(XmlIdTable):
    """`res.partner.category`. Odoo deletes a tag with all that stand below it, whoever made them."""

    def delete(self, rows: Mapping[str, str]) -> list[Outcome]:
        """Delete tags, but none that others stand below."""
        ids = [int(id_) for id_ in rows.values()]
        below = self.client.call(
            self.model,
            "search_read",
            domain=[["parent_id", "in", ids], ["id", "not in", ids]],
            fields=["parent_id"],
            context=ALL,
        )
        parents = {str(row["parent_id"][0]) for row in below}
        free = super().delete({key: id_ for key, id_ in rows.items() if id_ not in parents})
        kept = Refusal("has_children", "other tags stand below it")
        return [*free, *(Outcome(key, refusal=kept) for key, id_ in rows.items() if id_ in parents)]
