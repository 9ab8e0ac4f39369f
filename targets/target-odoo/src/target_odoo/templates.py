"""The hook that turns templates of Customer.io into Odoo's before they are mapped."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from crmlift.batch import Batch, Record
from crmlift.hookspecs import hookimpl
from target_odoo.placeholders import Placeholders

_CONTENT = "{{content}}"


class Templates(BaseModel):
    """Give each message of some streams its subject and body for Odoo.

    `fields` are fields of the contact that hold an attribute's exact text, by attribute; all attributes
    are in the contact's JSON field `attributes`. The result stands `into` one key of the record: `subject`,
    `body`, and `left`, the pieces of Liquid that Odoo has no form of.
    """

    model_config = ConfigDict(extra="forbid")

    streams: list[str] = ["transactional_contents"]
    fields: dict[str, str] = {}
    attributes: str = "x_cio_attributes"
    into: str = "odoo"

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Add to every message of the configured streams."""
        if batch.stream in self.streams:
            for item in batch.items:
                item.record[self.into] = self._translated(item.record)

    def _translated(self, record: Record) -> dict[str, Any]:
        subject = self._placeholders.subject(str(record.get("subject") or ""))
        body = self._placeholders.body(_whole(record))
        left = list(dict.fromkeys([*subject.left, *body.left]))
        return {"subject": subject.text, "body": body.text, "left": left}

    @cached_property
    def _placeholders(self) -> Placeholders:
        return Placeholders(self.fields, self.attributes)


def _whole(record: Record) -> str:
    """Return the body in its layout."""
    body, layout = str(record.get("body") or ""), str(record.get("layout") or "")
    place = layout.replace("{{ content }}", _CONTENT)
    return place.replace(_CONTENT, body, 1) if _CONTENT in place else body
