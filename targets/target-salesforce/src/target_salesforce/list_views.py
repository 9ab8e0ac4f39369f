"""List views as metadata files that may be deployed, filters in words, and names of components."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from crmlift.handoff.xml_file import child, written
from target_salesforce.clauses import Filter, Tree, numbered
from target_salesforce.flow_file import NAMESPACE

MOST_FILTERS = 10
"""Filters that a list view, a report and a flow's start take."""
_LABEL = 40


def list_view(name: str, label: str, view: Tree | Filter) -> str | None:
    """Return the object's file with a list view; None where it cannot be made.

    Standard fields have names of their own in list views, so only custom ones are taken.
    """
    filters, logic = numbered(view)
    if not filters or len(filters) > MOST_FILTERS or not all(one.field.endswith("__c") for one in filters):
        return None
    root = ET.Element("CustomObject", xmlns=NAMESPACE)
    found = ET.SubElement(root, "listViews")
    child(found, "fullName", name)
    if "OR" in logic:
        child(found, "booleanFilter", logic)
    child(found, "columns", "FULL_NAME")
    child(found, "filterScope", "Everything")
    for one in filters:
        line = ET.SubElement(found, "filters")
        child(line, "field", one.field)
        child(line, "operation", one.operation)
        if one.value:
            child(line, "value", one.value)
    child(found, "label", label[:_LABEL])
    return written(root, indent="    ")


def lines(view: Tree | Filter) -> str:
    """Return the filters as a person enters them in a list view or a report."""
    filters, logic = numbered(view)
    said = [f"{n}. {one.field} {one.operation} {one.value or '(empty)'}" for n, one in enumerate(filters, 1)]
    too_many = (
        [f"These are more than the {MOST_FILTERS} that it takes."] if len(filters) > MOST_FILTERS else []
    )
    return "\n".join([*said, f"Filter logic: {logic}", *too_many]) + "\n"


def full_name(*parts: str) -> str:
    """Return a legal name of a component: letters, digits and single underscores, a letter first."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", "_".join(("cio", *parts))).strip("_")
    return name[:_LABEL].rstrip("_")
