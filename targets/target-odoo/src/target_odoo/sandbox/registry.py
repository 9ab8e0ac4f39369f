"""What a field is, and all models with their fields, custom ones included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

AUTOMATIC = ("id", "create_date", "create_uid", "write_date", "write_uid", "display_name")


@dataclass(slots=True)
class F:
    """One field. `table` and `flip` tell the two sides of a many2many apart."""

    type: str
    string: str = ""
    relation: str = ""
    selection: tuple[tuple[str, str], ...] = ()
    required: bool = False
    readonly: bool = False
    index: bool = False
    manual: bool = False
    any_text: bool = False
    size: int = 0
    default: Any = None
    inverse: str = ""
    table: str = ""
    flip: bool = False
    on_delete: str = "set null"
    help: str = ""
    inside: str = ""
    """The link to the record that holds the value: a model shows the fields of what it inherits."""


Fields = dict[str, F]


def char(string: str, **options: Any) -> F:
    """Return a char field."""
    return F("char", string, **options)


def many2one(relation: str, string: str, **options: Any) -> F:
    """Return a many2one field."""
    return F("many2one", string, relation=relation, **options)


def selection(string: str, *values: str, **options: Any) -> F:
    """Return a selection whose labels are its values, capitalised."""
    return F(
        "selection", string, selection=tuple((v, v.replace("_", " ").capitalize()) for v in values), **options
    )


def automatic() -> Fields:
    """Return the fields that every model has."""
    return {
        "id": F("integer", "ID", readonly=True),
        "display_name": char("Display Name", readonly=True),
        "create_date": F("datetime", "Created on", readonly=True),
        "create_uid": many2one("res.users", "Created by", readonly=True),
        "write_date": F("datetime", "Last Updated on", readonly=True),
        "write_uid": many2one("res.users", "Last Updated by", readonly=True),
    }


def active() -> F:
    """Return the field that archives."""
    return F("boolean", "Active", default=True)


@dataclass(slots=True)
class Registry:
    """All models by name, custom ones and custom fields included."""

    models: dict[str, Fields]

    def pointing_at(self, model: str) -> list[tuple[str, str, F]]:
        """Return every many2one that links to a model: (model, field name, field)."""
        return [
            (owner, name, f)
            for owner, fields in self.models.items()
            for name, f in fields.items()
            if f.type == "many2one" and f.relation == model and name not in AUTOMATIC
        ]

    def relation_tables(self, model: str) -> list[tuple[str, bool]]:
        """Return the many2many tables in which records of a model stand, and on which side."""
        tables = set()
        for owner, fields in self.models.items():
            for f in fields.values():
                if f.type == "many2many":
                    if owner == model:
                        tables.add((f.table, f.flip))
                    if f.relation == model:
                        tables.add((f.table, not f.flip))
        return sorted(tables)
