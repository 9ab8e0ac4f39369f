"""Odoo data files (XML) that may be imported: saved filters, and automation rules that are not active."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from crmlift.handoff.journey import Journey
from crmlift.handoff.xml_file import child, written
from target_odoo.kinds import CATEGORY, EVENT, PARTNER

Domain = list[Any]


def saved_filter(id: str, name: str, domain: Domain) -> str:
    """Return a favourite of the contacts."""
    root = _file()
    _record(root, "ir.filters", f"crmlift_{id}_filter", name=name, model_id=PARTNER, domain=repr(domain))
    return written(root)


def tag_rules(id: str, tag: str, domain: Domain) -> str:
    """Return rules that put a tag on the contacts of a domain, and take it off all others."""
    root = _file()
    for verb, rule_domain, command in (("on", domain, 4), ("off", ["!", *domain], 3)):
        code = (
            f"tag = env[{CATEGORY!r}].search([('name', '=', {tag!r})], limit=1)\n"
            f"if tag:\n    records.write({{'category_id': [({command}, tag.id)]}})\n"
        )
        _rule(root, f"crmlift_{id}_{verb}", f"Customer.io: tag {verb}: {tag}", rule_domain, code)
    return written(root)


def journey_rule(journey: Journey, domain: Domain | None, event: str | None, lines: Sequence[str]) -> str:
    """Return the rule that begins a journey; its action is empty, with the steps as comments."""
    root = _file()
    note = "".join(f"# {n}. {' '.join(line.split())}\n" for n, line in enumerate(lines, 1))
    model = EVENT if event else PARTNER
    rule_domain: Domain = [("x_name", "=", event)] if event else domain or []
    name = f"Customer.io: {journey.name}"
    _rule(root, f"crmlift_journey_{journey.id}", name, rule_domain, f"{note}pass\n", model=model)
    return written(root)


def _rule(root: ET.Element, id: str, name: str, domain: Domain, code: str, *, model: str = PARTNER) -> None:
    """An automation rule with one action of code; `base_automation_id` is Odoo 17's and later."""
    trigger = "on_create" if model == EVENT else "on_create_or_write"
    rule = _record(root, "base.automation", id, name=name)
    _model(rule, model)
    child(rule, "field", trigger, name="trigger")
    child(rule, "field", repr(domain), name="filter_domain")
    ET.SubElement(rule, "field", name="active", eval="False")
    action = _record(root, "ir.actions.server", f"{id}_action", name=name)
    _model(action, model)
    ET.SubElement(action, "field", name="base_automation_id", ref=id)
    for field, value in (("usage", "base_automation"), ("state", "code"), ("code", code)):
        child(action, "field", value, name=field)


def _model(record: ET.Element, model: str) -> None:
    """A model by its name: one of ours has no external id."""
    ET.SubElement(record, "field", name="model_id", search=repr([("model", "=", model)]))


def _file() -> ET.Element:
    return ET.Element("odoo", noupdate="1")


def _record(root: ET.Element, model: str, id: str, **values: str) -> ET.Element:
    record = ET.SubElement(root, "record", id=id, model=model)
    for name, value in values.items():
        child(record, "field", value, name=name)
    return record
