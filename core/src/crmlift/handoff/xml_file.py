"""XML files for targets' advice: what any text needs to stand in one."""

from __future__ import annotations

from xml.etree import ElementTree as ET


def child(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    """Add an element with a text; control characters, which names in Customer.io may hold, are left out."""
    made = ET.SubElement(parent, tag, attributes)
    made.text = "".join(c for c in text if c in "\t\n\r" or c >= " ")
    return made


def written(root: ET.Element, *, indent: str = "  ") -> str:
    """Return a whole file."""
    ET.indent(root, indent)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'
