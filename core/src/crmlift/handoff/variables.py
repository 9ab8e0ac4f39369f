"""Where the variables of messages are in the CRM: what to write there instead of Liquid."""

from __future__ import annotations

from crmlift.handoff.advice import Fields
from crmlift.handoff.model import Item, Table

_ATTRIBUTES = ("customer.", "attributes.")
_ELSEWHERE = {
    "event": "the event that begins it",
    "trigger": "what the call of the API gives",
    "snippets": "a snippet: its text is with the settings",
    "company": "set in the account",
}
_NOWHERE = "no field of its own"


def table(item: Item, fields: Fields, crm: str) -> list[Table]:
    """Return a table of the variables of an item's messages, with the field of each entity of people."""
    named = sorted({name for message in item.messages for name in message.liquid.variables})
    entities = [entity for entity in fields.entities() if any(_held(name, entity, fields) for name in named)]
    if not named or not entities:
        return []
    return [
        Table(
            title=f"Liquid variables in {crm}",
            columns=["Variable", *(f"Field of {entity.replace('_', ' ')}" for entity in entities)],
            rows=[[name, *(_field(name, entity, fields) for entity in entities)] for name in named],
        )
    ]


def _field(name: str, entity: str, fields: Fields) -> str:
    return _held(name, entity, fields) or _ELSEWHERE.get(name.partition(".")[0], _NOWHERE)


def _held(name: str, entity: str, fields: Fields) -> str | None:
    prefix = next((prefix for prefix in _ATTRIBUTES if name.startswith(prefix)), None)
    if prefix is None:
        return None
    attribute = name.removeprefix(prefix)
    if held := fields.holding(attribute, entity):
        return held.field
    whole = fields.within(attribute, entity)
    return f"part of {whole}" if whole else None
