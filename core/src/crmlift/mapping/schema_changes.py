"""The custom fields that a mapping needs and the CRM does not have yet."""

from __future__ import annotations

from dataclasses import dataclass

from crmlift.destination import CreatesByHand, Destination, Field, FieldType, NeedsFields
from crmlift.errors import ConfigError, RunStopped
from crmlift.mapping.model import CustomField, Mapping, Rule


def wanted(mapping: Mapping) -> dict[str, dict[str, Field]]:
    """Return the custom fields that the mapping declares, by entity and name."""
    fields: dict[str, dict[str, Field]] = {}
    for rules in mapping.streams.values():
        for rule in rules:
            declared = fields.setdefault(rule.entity, {})
            for name, spec in rule.fields.items():
                if spec.custom:
                    declared[name] = _field(name, spec.custom)
            for name, link in rule.links.items():
                if link.custom:
                    declared[name] = _field(name, link.custom)
    return fields


def used(mapping: Mapping) -> dict[str, set[str]]:
    """Return the names of all fields and links that the mapping writes, by entity."""
    names: dict[str, set[str]] = {}
    for rules in mapping.streams.values():
        for rule in rules:
            names.setdefault(rule.entity, set()).update(rule.fields, rule.links)
    return names


def missing(mapping: Mapping, destination: Destination) -> dict[str, list[Field]]:
    """Return the fields that the live CRM lacks, by entity: those declared, and the target's own.

    Raises `ConfigError` for a field that is neither declared nor there, or that cannot be written.
    """
    declared = wanted(mapping)
    lacking: dict[str, list[Field]] = {}
    for entity, fields in declared.items():
        live = destination.describe(entity)
        _check_names(mapping, entity, live, fields)
        own = destination.own_fields(entity) if isinstance(destination, NeedsFields) else ()
        new = [spec for spec in (*fields.values(), *own) if spec.name not in live]
        if new:
            lacking[entity] = new
    return lacking


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Fields by entity that were created, and what a person must do for those that the API cannot create."""

    created: dict[str, list[Field]]
    by_hand: dict[str, dict[str, str]]


def apply(mapping: Mapping, destination: Destination) -> Provisioned:
    """Create what is missing and can be created.

    Raises `RunStopped` where the CRM took a field and does not show it.
    """
    created: dict[str, list[Field]] = {}
    manual: dict[str, dict[str, str]] = {}
    for entity, fields in missing(mapping, destination).items():
        told = by_hand(destination, entity, fields)
        if told:
            manual[entity] = told
        wanted = [spec for spec in fields if spec.name not in told]
        if wanted:
            destination.provision(entity, wanted)
            _check_there(destination, entity, wanted)
            created[entity] = wanted
    return Provisioned(created, manual)


def by_hand(destination: Destination, entity: str, fields: list[Field]) -> dict[str, str]:
    """Return what a person must do for fields that the API cannot create, by field name."""
    return destination.by_hand(entity, fields) if isinstance(destination, CreatesByHand) else {}


def _check_there(destination: Destination, entity: str, fields: list[Field]) -> None:
    live = destination.describe(entity)
    hidden = [spec.name for spec in fields if spec.name not in live]
    if hidden:
        raise RunStopped(
            f"The CRM accepted new fields of '{entity}' and does not show them: {', '.join(hidden)}.",
            hint="Look for them in the CRM's settings, and at the rights of the user.",
        )


def _check_names(mapping: Mapping, entity: str, live: dict[str, Field], declared: dict[str, Field]) -> None:
    for stream, rule in _rules_of(mapping, entity):
        for name in (*rule.fields, *rule.links):
            where = f"streams.{stream}: the field '{name}' of '{entity}'"
            if name in live and live[name].readonly:
                raise ConfigError(
                    f"{where} cannot be written in this CRM.", hint="Take it out of the mapping."
                )
            if name not in live and name not in declared:
                raise ConfigError(
                    f"{where} does not exist in this CRM.",
                    hint="Correct its name, or declare it with 'custom:' so that it is created.",
                )


def _rules_of(mapping: Mapping, entity: str) -> list[tuple[str, Rule]]:
    return [
        (stream, rule) for stream, rules in mapping.streams.items() for rule in rules if rule.entity == entity
    ]


def _field(name: str, custom: CustomField) -> Field:
    return Field(
        name=name,
        type=FieldType(custom.type),
        label=custom.label or name,
        custom=True,
        indexed=custom.indexed,
        choices=tuple(custom.choices),
        links_to=custom.links_to,
    )
