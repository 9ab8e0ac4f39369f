"""Odoo data files (XML) that may be imported: filters, automation rules, scheduled actions, none active."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from crmlift.handoff.xml_file import child, written
from target_odoo.kinds import CATEGORY, PARTNER

Domain = list[Any]


class DataFile:
    """A data file of a module. Ids of records are those of the file's own."""

    def __init__(self) -> None:
        self._root = ET.Element("odoo", noupdate="1")

    def text(self) -> str:
        """Return the whole file."""
        return written(self._root)

    def record(self, model: str, id: str, /, **values: str) -> ET.Element:
        """Add a record with plain values."""
        record = ET.SubElement(self._root, "record", id=id, model=model)
        for name, value in values.items():
            child(record, "field", value, name=name)
        return record

    def rule(
        self,
        id: str,
        name: str,
        model: str,
        domain: Domain,
        code: str,
        *,
        trigger: str = "on_create_or_write",
        **more: str,
    ) -> ET.Element:
        """Add an automation rule with one action of code; `base_automation_id` is Odoo 17's and later."""
        rule = self.record("base.automation", id, name=name)
        self.of_model(rule, model)
        for field, value in {"trigger": trigger, "filter_domain": repr(domain), **more}.items():
            child(rule, "field", value, name=field)
        inactive(rule)
        action = self.record("ir.actions.server", f"{id}_action", name=name)
        self.of_model(action, model)
        refer(action, "base_automation_id", id)
        for field, value in (("usage", "base_automation"), ("state", "code"), ("code", code)):
            child(action, "field", value, name=field)
        return rule

    def of_model(self, record: ET.Element, model: str) -> None:
        """Name a record's model: one of ours has no external id."""
        ET.SubElement(record, "field", name="model_id", search=repr([("model", "=", model)]))


def inactive(record: ET.Element) -> None:
    """Let nothing happen until somebody has read it."""
    ET.SubElement(record, "field", name="active", eval="False")


def refer(record: ET.Element, field: str, id: str) -> None:
    """Link a record to another one of the file, or of a module."""
    ET.SubElement(record, "field", name=field, ref=id)


def saved_filter(id: str, name: str, domain: Domain) -> str:
    """Return a favourite of the contacts."""
    file = DataFile()
    file.record("ir.filters", f"crmlift_{id}_filter", name=name, model_id=PARTNER, domain=repr(domain))
    return file.text()


def tag_rules(id: str, tag: str, domain: Domain) -> str:
    """Return rules that put a tag on the contacts of a domain, and take it off all others."""
    file = DataFile()
    for verb, rule_domain, command in (("on", domain, 4), ("off", ["!", *domain], 3)):
        code = (
            f"tag = env[{CATEGORY!r}].search([('name', '=', {tag!r})], limit=1)\n"
            f"if tag:\n    records.write({{'category_id': [({command}, tag.id)]}})\n"
        )
        file.rule(f"crmlift_{id}_{verb}", f"Customer.io: tag {verb}: {tag}", PARTNER, rule_domain, code)
    return file.text()


def tag_job(id: str, tag: str, code: str) -> str:
    """Return a scheduled action that gives a tag to those in the set `people` of its code, and no others."""
    file = DataFile()
    job = file.record("ir.cron", f"crmlift_{id}_job", name=f"Customer.io: tag by events: {tag}")
    file.of_model(job, PARTNER)
    ends = (
        f"tag = env[{CATEGORY!r}].search([('name', '=', {tag!r})], limit=1)\n"
        "if tag:\n"
        f"    env[{PARTNER!r}].browse(people).write({{'category_id': [(4, tag.id)]}})\n"
        f"    env[{PARTNER!r}].search([('category_id', '=', tag.id), ('id', 'not in', list(people))])"
        ".write({'category_id': [(3, tag.id)]})\n"
    )
    for field, value in (("state", "code"), ("code", code + ends), ("interval_number", "1"),
                         ("interval_type", "days")):  # fmt: skip
        child(job, "field", value, name=field)
    inactive(job)
    return file.text()
