"""Expressions as closures: what simpleeval works out node by node for each record, prepared once.

Only what is plain about a record is prepared: names, dotted paths, constants, comparisons, logic, operators
and calls of our own functions. simpleeval parses every expression, and evaluates all others.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from simpleeval import (
    DEFAULT_OPERATORS,
    DISALLOW_METHODS,
    DISALLOW_PREFIXES,
    MAX_STRING_LENGTH,
    AttributeDoesNotExist,
)

Evaluate = Callable[[Mapping[str, Any]], Any]
Functions = Mapping[str, Callable[..., Any]]
_ABSENT = object()


class Unprepared(Exception):
    """An expression that is left to simpleeval."""


def prepare(node: ast.AST, functions: Functions) -> Evaluate:
    """Return a function of a record that gives what simpleeval gives. Raises `Unprepared`."""

    def part(inner: ast.AST) -> Evaluate:
        return prepare(inner, functions)

    match node:
        case ast.Expr(value=value):
            return part(value)
        case ast.Constant(value=value) if not isinstance(value, str) or len(value) <= MAX_STRING_LENGTH:
            return lambda _record: value
        case ast.Name(id=name):
            return lambda record: record.get(name)
        case ast.Attribute(value=owner, attr=name):
            return _attribute(part(owner), name)
        case ast.List(elts=items):
            parts = [part(item) for item in items]
            return lambda record: [get(record) for get in parts]
        case ast.BoolOp(op=op, values=values):
            return _logic([part(value) for value in values], stop_at=isinstance(op, ast.Or))
        case ast.UnaryOp(op=op, operand=operand):
            return _unary(_operator(op), part(operand))
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(_operator(op), part(left), part(right))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _binary(_operator(op), part(left), part(right))
        case ast.IfExp(test=test, body=body, orelse=other):
            return _choice(part(test), part(body), part(other))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in functions:
            return _call(functions[name], [part(argument) for argument in arguments])
    raise Unprepared


def _operator(op: ast.AST) -> Callable[..., Any]:
    try:
        found: Callable[..., Any] = DEFAULT_OPERATORS[type(op)]
    except KeyError:
        raise Unprepared from None
    return found


def _attribute(owner: Evaluate, name: str) -> Evaluate:
    """Return what finds a name in an object of the record: None where it is absent."""
    if name.startswith(tuple(DISALLOW_PREFIXES)) or name in DISALLOW_METHODS or hasattr(dict, name):
        raise Unprepared

    def get(record: Mapping[str, Any]) -> Any:
        value = owner(record)
        if isinstance(value, dict):
            return value.get(name)
        found = getattr(value, name, _ABSENT)
        if found is _ABSENT:
            raise AttributeDoesNotExist(name, "")
        return found

    return get


def _logic(parts: list[Evaluate], *, stop_at: bool) -> Evaluate:
    """Return Python's `and` and `or`: the last value that had to be looked at."""

    def get(record: Mapping[str, Any]) -> Any:
        value: Any = None
        for part in parts:
            value = part(record)
            if bool(value) is stop_at:
                break
        return value

    return get


def _unary(operator: Callable[..., Any], operand: Evaluate) -> Evaluate:
    return lambda record: operator(operand(record))


def _binary(operator: Callable[..., Any], left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda record: operator(left(record), right(record))


def _choice(test: Evaluate, body: Evaluate, other: Evaluate) -> Evaluate:
    return lambda record: body(record) if test(record) else other(record)


def _call(function: Callable[..., Any], arguments: list[Evaluate]) -> Evaluate:
    return lambda record: function(*[argument(record) for argument in arguments])
