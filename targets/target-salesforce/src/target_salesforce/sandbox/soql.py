"""SOQL, parsed. What the language forbids, such as AND beside OR without parentheses, is no sentence here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import VisitError

from target_salesforce.sandbox.errors import ApiError, malformed

GRAMMAR = r"""
start: "SELECT"i columns "FROM"i NAME where? group? order? limit? offset?
columns: column ("," column)*
column: NAME                                          -> plain
      | "FIELDS"i "(" NAME ")"                        -> fields
      | "COUNT"i "(" ")"                              -> count_rows
      | FUNCTION "(" NAME ")" NAME?                   -> aggregate
where: "WHERE"i logic
?logic: unary
      | unary ("AND"i unary)+                         -> both
      | unary ("OR"i unary)+                          -> either
?unary: "NOT"i unary                                  -> negated
      | "(" logic ")"
      | NAME OPERATOR value                           -> compare
      | NAME "LIKE"i value                            -> like
      | NAME "IN"i set                                -> within
      | NAME "NOT"i "IN"i set                         -> without
set: "(" value ("," value)* ")"                       -> listed
   | "(" start ")"                                    -> selected
value: STRING | NUMBER | DATETIME | DATE | LITERAL | WORD
group: "GROUP"i "BY"i NAME ("," NAME)*
order: "ORDER"i "BY"i sorting ("," sorting)*
sorting: NAME DIRECTION? NULLS?
limit: "LIMIT"i NUMBER
offset: "OFFSET"i NUMBER
FUNCTION.3: /(COUNT|COUNT_DISTINCT|MIN|MAX|SUM|AVG)(?=\s*\(\s*\w)/i
OPERATOR: "!=" | "<>" | "<=" | ">=" | "=" | "<" | ">"
DIRECTION: "ASC"i | "DESC"i
NULLS: /NULLS\s+(FIRST|LAST)/i
WORD: "TRUE"i | "FALSE"i | "NULL"i
LITERAL: /[A-Z]+(_[A-Z]+)*(:\d+)?/
DATETIME.2: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)/
DATE.1: /\d{4}-\d\d-\d\d/
NUMBER: /-?\d+(\.\d+)?/
STRING: /'(\\.|[^'\\])*'/
NAME: /[A-Za-z_]\w*(\.[A-Za-z_]\w*)*/
%import common.WS
%ignore WS
"""
MAX_STATEMENT = 100_000
MAX_STRING = 4_000
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Query:
    """A sentence. `where` is a tree of tuples whose first item names the kind."""

    columns: list[tuple[Any, ...]]
    of: str
    where: tuple[Any, ...] | None
    group: list[str]
    order: list[tuple[str, bool]]
    limit: int | None
    offset: int
    text: str = ""


class _Build(Transformer[Token, Any]):
    def start(self, parts: list[Any]) -> Query:
        more = {kind: value for kind, value in (part for part in parts[2:] if part is not None)}
        return Query(
            parts[0],
            str(parts[1]),
            more.get("where"),
            more.get("group", []),
            more.get("order", []),
            more.get("limit"),
            more.get("offset", 0),
        )

    columns = list

    def plain(self, parts: list[Any]) -> Any:
        return ("field", str(parts[0]))

    def fields(self, parts: list[Any]) -> Any:
        return ("fields", str(parts[0]).upper())

    def count_rows(self, _parts: list[Any]) -> Any:
        return ("count_rows",)

    def aggregate(self, parts: list[Any]) -> Any:
        return ("aggregate", str(parts[0]).upper(), str(parts[1]), str(parts[2]) if len(parts) > 2 else None)

    def where(self, parts: list[Any]) -> Any:
        return ("where", parts[0])

    def both(self, parts: list[Any]) -> Any:
        return ("AND", *parts)

    def either(self, parts: list[Any]) -> Any:
        return ("OR", *parts)

    def negated(self, parts: list[Any]) -> Any:
        return ("NOT", parts[0])

    def compare(self, parts: list[Any]) -> Any:
        return ("compare", str(parts[0]), str(parts[1]), parts[2])

    def like(self, parts: list[Any]) -> Any:
        return ("like", str(parts[0]), parts[1])

    def within(self, parts: list[Any]) -> Any:
        return ("in", str(parts[0]), parts[1], True)

    def without(self, parts: list[Any]) -> Any:
        return ("in", str(parts[0]), parts[1], False)

    listed = list

    def selected(self, parts: list[Any]) -> Any:
        return parts[0]

    def value(self, parts: list[Token]) -> Any:
        token = parts[0]
        text = str(token)
        match token.type:
            case "STRING":
                return ("text", _unescape(text[1:-1]))
            case "NUMBER":
                return ("number", float(text) if "." in text else int(text))
            case "WORD":
                return ("word", {"TRUE": True, "FALSE": False, "NULL": None}[text.upper()])
            case "LITERAL" if text.upper() in ("TRUE", "FALSE", "NULL"):
                return ("word", {"TRUE": True, "FALSE": False, "NULL": None}[text.upper()])
            case kind:
                return (kind.lower(), text)

    def group(self, parts: list[Any]) -> Any:
        return ("group", [str(part) for part in parts])

    def order(self, parts: list[Any]) -> Any:
        return ("order", parts)

    def sorting(self, parts: list[Any]) -> Any:
        words = [str(part).upper() for part in parts[1:] if part is not None]
        return (str(parts[0]), "DESC" in words)

    def limit(self, parts: list[Any]) -> Any:
        return ("limit", int(parts[0]))

    def offset(self, parts: list[Any]) -> Any:
        return ("offset", int(parts[0]))


def _unescape(text: str) -> str:
    made, chars = [], iter(text)
    for char in chars:
        if char == "\\":
            after = next(chars)
            # A pattern keeps the escape of its wildcards.
            made.append(_ESCAPES.get(after) or ("\\" + after if after in "_%" else after))
        else:
            made.append(char)
    if len(made) > MAX_STRING:
        raise malformed("string literal exceeds 4000 characters")
    return "".join(made)


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False)


def parse(text: str) -> Query:
    """Return the query. Raises `ApiError` MALFORMED_QUERY."""
    if len(text) > MAX_STATEMENT:
        raise malformed("SOQL statements cannot be longer than 100000 characters.")
    try:
        made: Query = _Build().transform(_parser().parse(text))
    except UnexpectedInput as error:
        where = f"\n{text[-80:]}\n^\nERROR at Row:{error.line}:Column:{error.column}\n"
        raise malformed(f"{where}unexpected token") from None
    except VisitError as error:
        if isinstance(error.orig_exc, ApiError):
            raise error.orig_exc from None
        raise
    if made.offset > 2000:
        raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
    return Query(made.columns, made.of, made.where, made.group, made.order, made.limit, made.offset, text)
