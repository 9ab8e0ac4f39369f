"""Segments of what people did, as code of a scheduled action.

A domain of contacts cannot count their events, nor look into the JSON that holds an event's properties. The
code that a scheduled action runs can: it makes sets of contacts' ids, which `&`, `|` and `-` join. Odoo
allows no closures there (`safe_eval`): no function or comprehension may use what is local to another.
"""

from __future__ import annotations

import json
from typing import Any

from crmlift.handoff import words
from crmlift.handoff.advice import Fields, Segment
from crmlift.handoff.conditions import All, AnyOf, Compare, Did, Node, Not
from crmlift.handoff.translate import Translator
from crmlift.mapping.model import Rule
from target_odoo.domains import ENTITY, Domain, OdooDomain
from target_odoo.kinds import EVENT, PARTNER

_HISTORY = 30 * 86_400
"""How far back Customer.io's log of activities is sure to go."""
_FUNCTIONS = f"""
def partners(domain):
    return set(env[{PARTNER!r}].search(domain).ids)

def read(data, field):
    for part in [field] if field in data else field.split('.'):
        data = data.get(part) if isinstance(data, dict) else None
    return data

def text(value):
    if isinstance(value, float) and value == int(value):
        value = int(value)
    return '' if value is None else str(value).lower()

def number(value):
    try:
        return float(value)
    except Exception:
        return float('nan')

def did(of, seconds, times, test):
    domain = list(of)
    if seconds:
        since = datetime.datetime.now() - datetime.timedelta(seconds=seconds)
        domain.append(('x_occurred_at', '>=', since.strftime('%Y-%m-%d %H:%M:%S')))
    counts = {{}}
    if test:
        for event in env[{EVENT!r}].search(domain):
            if test(event.x_properties or {{}}):
                counts[event.x_partner_id.id] = counts.get(event.x_partner_id.id, 0) + 1
    else:
        for partner, count in env[{EVENT!r}]._read_group(domain, ['x_partner_id'], ['__count']):
            counts[partner.id] = count
    found = set()
    for partner in counts:
        if counts[partner] >= times:
            found.add(partner)
    return found
""".lstrip()


class OdooPeople(Translator[str]):
    """Conditions as an expression whose value is the set of the contacts' ids."""

    def __init__(self, fields: Fields) -> None:
        super().__init__(fields)
        self._domains = OdooDomain(fields, ENTITY)
        self._domains.lost = self.lost

    def everybody(self) -> str:
        """Every contact that came from Customer.io."""
        return "everybody"

    def all_of(self, parts: list[str]) -> str:
        """Who is in each set."""
        return f"({' & '.join(parts)})" if len(parts) > 1 else parts[0]

    def any_of(self, parts: list[str]) -> str:
        """Who is in one of the sets."""
        return f"({' | '.join(parts)})" if len(parts) > 1 else parts[0]

    def negation(self, part: str) -> str:
        """Everybody else."""
        return f"(everybody - {part})"

    def compare(self, test: Compare) -> str | None:
        """Contacts of a domain."""
        return _partners(self._domains.compare(test))

    def members(self, segment: Segment) -> str | None:
        """Contacts with the segment's tag."""
        return _partners(self._domains.members(segment))

    def did(self, did: Did) -> str | None:
        """Contacts with enough events that pass the test of their properties."""
        rules = event_rules(self.fields)
        if not rules:
            return None
        test = _change(did) if did.change else "None" if did.filters is None else _lambda(did.filters)
        if test is None:
            return None
        if any("name" in (rule.when or "") for rule in rules):
            self.lose("The mapping loads events of some names only.")
        if not did.within_seconds or did.within_seconds > _HISTORY:
            self.lose(
                f"Customer.io hands out activities of the last 30 days: who “{words.condition(did)}” before "
                "that is not found."
            )
        return f"did({event_domain(did)!r}, {did.within_seconds or 0}, {did.times}, {test})"


def event_rules(fields: Fields) -> list[Rule]:
    """Return the mapping's rules that make records of the model of events; without any, it is not there."""
    return [rule for rule in fields.mapping.streams.get("activities", []) if rule.entity == "event"]


def event_domain(did: Did) -> Domain:
    """Return the domain of the loaded events that may count, their time and properties aside."""
    if did.change:
        return [("x_type", "=", "attribute_change")]
    return [("x_name", "=", did.event), ("x_type", "=", "event")]


def code(expression: str, people: Domain) -> str:
    """Return the code that names the set `people` of those among the contacts of a domain."""
    return f"{_FUNCTIONS}\neverybody = partners({people!r})\npeople = everybody & {expression}\n"


def _partners(domain: Domain | None) -> str | None:
    return None if domain is None else f"partners({domain!r})"


def _lambda(filters: Node) -> str | None:
    found = _test(filters, "data")
    return None if found is None else f"lambda data: {found}"


def _change(did: Did) -> str | None:
    """A change of an attribute: its event has `{attribute: {from, to}}`."""
    there = f"isinstance(data.get({did.event!r}), dict)"
    if did.filters is None:
        return f"lambda data: {there}"
    found = _test(did.filters, f"data[{did.event!r}]")
    return None if found is None else f"lambda data: {there} and {found}"


def _test(node: Node, data: str) -> str | None:
    """A condition on `data`, the properties of an event, as an expression; None where it is not certain."""
    match node:
        case All() | AnyOf():
            parts = [_test(one, data) for one in node.of]
            said = [part for part in parts if part is not None]
            if len(said) < len(parts) or not said:
                return None
            return f"({(' and ' if isinstance(node, All) else ' or ').join(said)})"
        case Not():
            inner = _test(node.of, data)
            return None if inner is None else f"(not {inner})"
        case Compare() if node.owner == "event" and node.known:
            found = _compare(node, data)
            if found is None or not node.inverse:
                return found
            # Who lacks the property does not match the inverse either.
            return f"(read({data}, {node.field!r}) is not None and not {found})"
    return None


def _compare(test: Compare, data: str) -> str | None:
    value = f"read({data}, {test.field!r})"
    match test.operator:
        case "exists":
            return f"({value} is not None)"
        case "!exists":
            return f"({value} is None)"
        case "eq":
            return f"(text({value}) == {_text(test.value)!r})"
        case "contains":
            return f"({_text(test.value)!r} in text({value}))"
        case "gt" | "lt" if _is_number(test.value):
            return f"(number({value}) {'>' if test.operator == 'gt' else '<'} {float(test.value)!r})"
        case "bw" if _is_number(test.value) and _is_number(test.value2):
            return f"({float(test.value)!r} <= number({value}) <= {float(test.value2)!r})"
    return None


def _text(value: Any) -> str:
    return value.lower() if isinstance(value, str) else json.dumps(value).lower()


def _is_number(value: Any) -> bool:
    try:
        return abs(float(value)) < float("inf")
    except (TypeError, ValueError):
        return False
