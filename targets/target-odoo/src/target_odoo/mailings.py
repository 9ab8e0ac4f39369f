"""Mailings that Customer.io sent: records for their statistics, which Odoo never sends again."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from crmlift.destination import Outcome
from crmlift.errors import BatchRefused
from target_odoo.records import ALL
from target_odoo.xmlids import XmlIdTable

SOURCE = "utm.source"


class MailingTable(XmlIdTable):
    """`mailing.mailing`. Odoo makes a `utm.source` with each one and leaves it behind (utm.source.mixin)."""

    def delete(self, rows: Mapping[str, str]) -> list[Outcome]:
        """Delete mailings, and the sources that were born with them."""
        sources = self._born_with([int(id_) for id_ in rows.values()])
        outcomes = super().delete(rows)
        gone = [sources[str(o.id)] for o in outcomes if o.refusal is None and str(o.id) in sources]
        if gone:
            # A source that something else uses by now stays.
            with contextlib.suppress(BatchRefused):
                self.client.call(SOURCE, "unlink", gone)
        return outcomes

    def _born_with(self, ids: list[int]) -> dict[str, int]:
        """Return the source by mailing, where both were created in one transaction."""
        mailings = self.client.call(
            self.model,
            "search_read",
            domain=[["id", "in", ids]],
            fields=["source_id", "create_date"],
            context=ALL,
        )
        wanted = [row["source_id"][0] for row in mailings]
        sources = self.client.call(
            SOURCE, "search_read", domain=[["id", "in", wanted]], fields=["create_date"], context=ALL
        )
        born = {row["id"]: row["create_date"] for row in sources}
        return {
            str(row["id"]): row["source_id"][0]
            for row in mailings
            if born.get(row["source_id"][0]) == row["create_date"]
        }
