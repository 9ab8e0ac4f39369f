"""HTML as Odoo keeps it: what its clean-up takes out, taken out before."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from lxml import etree, html

_VOID = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
}  # fmt: skip
_DROPPED = ("script", "iframe", "form", "object", "embed", "link", "meta", "title", "base")
_UNWRAPPED = ("html", "head", "body")
_BLANK = " \t\r\n\f"
_DOCTYPE = re.compile(r"<!doctype[^>]*>", re.IGNORECASE)
_OFFICE = re.compile(r"</?\w+:\w+[^>]*>")


def inside_tag(text: str) -> bool:
    """Say whether a text ends in the middle of a tag."""
    return text.rfind("<") > text.rfind(">")


def is_balanced(text: str) -> bool:
    """Say whether every element that a text opens is closed in it, and none that it does not open."""
    checker = _Checker()
    checker.feed(text)
    return checker.fits and not checker.open and not inside_tag(text)


class _Checker(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fits = True

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        del tag, attrs

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        self.fits = self.fits and bool(self.open) and self.open.pop() == tag


def canonical(text: str) -> str | None:
    """Return HTML in one form, the same for what is sent and for what Odoo gives back.

    Odoo parses it with libxml2 too, takes out scripts and handlers, and drops the document's own tags.
    """
    text = _OFFICE.sub("", _DOCTYPE.sub("", text)).strip(_BLANK)
    if not text:
        return None
    tree = html.fragment_fromstring(text, create_parent="div")
    for node in list(tree.iter()):
        if node is tree:
            continue
        if not isinstance(node.tag, str) or node.tag in _DROPPED:
            node.drop_tree()
        elif node.tag in _UNWRAPPED:
            node.drop_tag()
        else:
            for name in node.attrib:
                if name.startswith("on"):
                    del node.attrib[name]
    _unwrap(tree)
    inner = etree.tostring(tree, encoding="unicode", method="xml")
    return inner.removeprefix("<div>").removesuffix("</div>").removeprefix("<div/>").strip(_BLANK) or None


def _unwrap(tree: html.HtmlElement) -> None:
    """Take away the span that Odoo puts around text."""
    while len(tree) == 1 and not (tree.text or tree[0].tail or tree[0].attrib) and tree[0].tag == "span":
        tree[0].drop_tag()
