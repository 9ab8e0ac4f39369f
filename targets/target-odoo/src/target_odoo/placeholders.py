"""Customer.io's Liquid as Odoo's placeholders, where both say the same; what is left is named.

An attribute of the person becomes a field of the contact where the mapping names one that holds exactly
its value, and else an entry of the contact's attributes, which are kept as JSON. Translated are output,
the filters `default`, `escape` and those of `_TEXT`, and conditions of `==`, `!=`, `contains`, `and` and
`or`. All else stays as it stands, as inert text: loops, data of a trigger, snippets, Customer.io's tags.

Odoo escapes HTML in values, writes booleans with a capital, and shows a default in place of the number 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from liquid import Environment, Token
from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import BooleanExpression, FilteredExpression, Path, StringLiteral
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    LogicalAndExpression,
    LogicalOrExpression,
    NeExpression,
)
from liquid.builtin.expressions.primitive import FloatLiteral, IntegerLiteral
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.exceptions import LiquidError
from liquid.expression import Expression
from liquid.stream import TokenStream
from liquid.tag import Tag
from liquid.token import TOKEN_CONTENT, TOKEN_EXPRESSION, TOKEN_ILLEGAL, TOKEN_TAG

from target_odoo.markup import inside_tag, is_balanced

_PERSON = "customer"
_TEXT: Mapping[str, str] = {
    "upcase": "upper",
    "downcase": "lower",
    "capitalize": "capitalize",
    "strip": "strip",
}
# A translated output, until it is known where in the HTML it stands; private use, so no text has it.
_MARK = re.compile("\ue000(\\d+)\ue001")
_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_ATTRIBUTE = re.compile(
    r"(?P<name>[\w:.-]+)(?P<equals>\s*=\s*)(?P<quote>[\"'])(?P<value>.*?)(?P=quote)", re.DOTALL
)
_INERT = re.compile(r"<!--.*?-->|<(style|script)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)


class Translation(NamedTuple):
    """Text for Odoo, and the pieces of Liquid that stand in it untranslated."""

    text: str
    left: list[str]


class Untranslatable(Exception):
    """Liquid that Odoo has no exact form of."""


class Placeholders:
    """Translates for one mapping: `fields` are the contact's by attribute, `attributes` holds all as JSON."""

    def __init__(self, fields: Mapping[str, str], attributes: str) -> None:
        self._fields = fields
        self._attributes = attributes

    def subject(self, source: str) -> Translation:
        """Return an inline template, as Odoo's fields of one line have them (`{{ object.name }}`)."""
        left: list[str] = []
        parts: list[str] = []
        for node in _parsed(source, left):
            if isinstance(node, CommentNode):
                continue
            if isinstance(node, OutputNode):
                try:
                    parts.append("{{ " + self.value(node.expression) + " }}")
                    continue
                except Untranslatable:
                    pass
            if type(node) is not ContentNode:
                left.append(str(node))
            parts.append(_inert_inline(str(node)))
        return Translation("".join(parts), _once(left))

    def body(self, source: str) -> Translation:
        """Return QWeb (`<t t-out="object.name"/>`)."""
        return _Body(self).translate(source)

    def value(self, expression: Expression) -> str:
        """Return the Python expression of an output. Raises `Untranslatable`."""
        if isinstance(expression, FilteredExpression):
            value = self.value(expression.left)
            for each in expression.filters or ():
                value = self._filtered(value, each)
            return value
        if isinstance(expression, Path):
            return self._path(expression.path)
        if isinstance(expression, StringLiteral):
            return _literal(expression.value)
        if isinstance(expression, IntegerLiteral | FloatLiteral):
            return repr(expression.value)
        raise Untranslatable

    def condition(self, expression: Expression) -> str:
        """Return the Python expression of a condition. Raises `Untranslatable`."""
        match expression:
            case BooleanExpression():
                return self.condition(expression.expression)
            case LogicalAndExpression() | LogicalOrExpression():
                word = "and" if isinstance(expression, LogicalAndExpression) else "or"
                return f"({self.condition(expression.left)} {word} {self.condition(expression.right)})"
            case EqExpression():
                return f"{self.value(expression.left)} == {self.value(expression.right)}"
            case NeExpression():
                return f"{self.value(expression.left)} != {self.value(expression.right)}"
            case ContainsExpression():
                return f"{self.value(expression.right)} in ({self.value(expression.left)} or '')"
        value = self.value(expression)
        # Only nil and false are false in Liquid.
        return f"({value} is not None and {value} is not False)"

    def _path(self, path: Sequence[object]) -> str:
        head, *names = path
        if head != _PERSON or not names or not all(isinstance(name, str) for name in names):
            raise Untranslatable
        name = ".".join(map(str, names))
        if name in self._fields:
            return f"object.{self._fields[name]}"
        if len(names) > 1:
            raise Untranslatable
        return f"(object.{self._attributes} or {{}}).get({_literal(name)})"

    def _filtered(self, value: str, each: Filter) -> str:
        arguments = [self.value(argument.value) for argument in each.args]
        match each.name, arguments:
            case "escape", []:
                return value
            case "default", [default]:
                return f"({value} or {default})"
            case name, [] if name in _TEXT:
                return f"str({value} or '').{_TEXT[name]}()"
        raise Untranslatable


class _Body:
    """One body on its way."""

    def __init__(self, placeholders: Placeholders) -> None:
        self._to = placeholders
        self._left: list[str] = []
        self._outputs: list[tuple[str, str]] = []

    def translate(self, source: str) -> Translation:
        marked = self._nodes(_parsed(source, self._left), before="")
        marked = _INERT.sub(lambda found: self._restore(found[0]), marked)
        marked = _TAG.sub(lambda found: self._in_tag(found[0]), marked)
        text = _MARK.sub(lambda found: f'<t t-out="{escape(self._outputs[int(found[1])][0])}"/>', marked)
        return Translation(text, _once(self._left))

    def _nodes(self, nodes: Sequence[Node], before: str) -> str:
        done = ""
        for node in nodes:
            done += self._node(node, before + done)
        return done

    def _node(self, node: Node, before: str) -> str:
        if isinstance(node, CommentNode):
            return ""
        if type(node) is ContentNode:
            return node.text
        try:
            if isinstance(node, OutputNode):
                self._outputs.append((self._to.value(node.expression), str(node)))
                return f"\ue000{len(self._outputs) - 1}\ue001"
            if isinstance(node, IfNode | UnlessNode) and not inside_tag(before):
                return self._branches(node)
        except Untranslatable:
            pass
        self._left.append(str(node))
        return str(node) if inside_tag(before) else escape(str(node), quote=False)

    def _branches(self, node: IfNode | UnlessNode) -> str:
        first = self._to.condition(node.condition)
        tests = [f'if="{escape(f"not ({first})" if isinstance(node, UnlessNode) else first)}"']
        tests += [f'elif="{escape(self._to.condition(each.expression))}"' for each in node.alternatives]
        blocks: list[BlockNode] = [node.consequence, *(each.block for each in node.alternatives)]
        if node.default:
            tests.append('else=""')
            blocks.append(node.default)
        texts = [self._nodes(block.nodes, before="") for block in blocks]
        if not all(map(is_balanced, texts)):
            raise Untranslatable
        return "".join(f"<t t-{test}>{text}</t>" for test, text in zip(tests, texts, strict=True))

    def _restore(self, text: str) -> str:
        """Put the Liquid back where Odoo fills nothing in."""

        def source(found: re.Match[str]) -> str:
            self._left.append(self._outputs[int(found[1])][1])
            return self._left[-1]

        return _MARK.sub(source, text)

    def _in_tag(self, tag: str) -> str:
        return self._restore(_ATTRIBUTE.sub(self._in_attribute, tag)) if _MARK.search(tag) else tag

    def _in_attribute(self, found: re.Match[str]) -> str:
        name, equals, _quote, value = found.groups()
        if not _MARK.search(value) or "{{" in value or "#{" in value or name.startswith("t-"):
            return self._restore(found[0])
        filled = _MARK.sub(lambda mark: "{{" + escape(self._outputs[int(mark[1])][0]) + "}}", value)
        return f't-attf-{name}{equals}"{filled}"'


class _Unknown(ContentNode):
    """A tag of Customer.io's own, such as `{% unsubscribe_url %}`."""


class _UnknownTag(Tag):
    name = TOKEN_ILLEGAL
    block = False

    def parse(self, stream: TokenStream) -> _Unknown:
        token = stream.expect(TOKEN_TAG)
        words = [token.value]
        if stream.peek.kind == TOKEN_EXPRESSION:
            next(stream)
            words.append(stream.current.value)
        return _Unknown(token, f"{{% {' '.join(words)} %}}")


_LIQUID = Environment()
_LIQUID.add_tag(_UnknownTag)


def _parsed(source: str, left: list[str]) -> Sequence[Node]:
    """Return the nodes of a text; one that is no Liquid stays whole."""
    try:
        return _LIQUID.parse(source).nodes
    except LiquidError:
        left.append("the whole text: its Liquid cannot be read")
        return [ContentNode(Token(TOKEN_CONTENT, source, 0, source), source)]


def _literal(text: str) -> str:
    if "}}" in text or "{{" in text:
        raise Untranslatable
    return repr(text)


def _inert_inline(text: str) -> str:
    """Return text in which Odoo finds no placeholder."""
    return text.replace("{{", "{{ '{' + '{' }}")


def _once(left: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(left))
