"""The files of a deploy: their namespace, their texts, and what is wrong with one."""

from __future__ import annotations

from xml.etree.ElementTree import Element

NS = "{http://soap.sforce.com/2006/04/metadata}"


class Failure(Exception):
    """A component that is refused."""


def text(xml: Element, name: str) -> str:
    """Return the text of a child; nothing where there is none."""
    return (xml.findtext(f"{NS}{name}") or "").strip() if name else ""
