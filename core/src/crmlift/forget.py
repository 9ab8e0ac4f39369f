"""Forget one person: everything that crmlift itself keeps of them goes; the CRM is left alone.

What stays is the digest of an address that opted out, so that it is not written to again.
"""

from __future__ import annotations

from crmlift.errors import ConfigError
from crmlift.ledger import Ledger
from crmlift.mapping.model import Mapping
from crmlift.part import Part

PEOPLE = "people"


class Forgotten(Part):
    """What was erased: rows by table of the ledger."""

    erased: dict[str, int]


def forget(ledger: Ledger, mapping: Mapping, who: str) -> Forgotten:
    """Erase a person from the ledger. `who` is a `cio_id`, or an address that was used to match people.

    Raises `ConfigError` where the ledger knows nobody by it, `RunStopped` where a run is at work.
    """
    ledger.write_alone()
    key = ledger.erasure.key_of(who)
    if key is None:
        raise ConfigError(
            "The ledger knows nobody by that.",
            hint="Give the person's cio_id; an email address works only where people are matched by it.",
        )
    ledger.erasure.forget_in_flight(key)
    return Forgotten(erased=ledger.erasure.erase(key, _links_to_people(mapping)))


def _links_to_people(mapping: Mapping) -> dict[str, list[str]]:
    people = {rule.entity for rule in mapping.streams.get(PEOPLE, [])}
    found: dict[str, list[str]] = {}
    for rules in mapping.streams.values():
        for rule in rules:
            names = [name for name, link in rule.links.items() if people & {*link.entity}]
            if names:
                found.setdefault(rule.entity, []).extend(names)
    return found
