"""Search domains in Odoo's prefix notation, turned into SQL over the document table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from target_odoo.sandbox.errors import value_error
from target_odoo.sandbox.registry import F, Registry

Sql = tuple[str, list[Any]]
_COMPARE = {"=", "!=", "<", ">", "<=", ">=", "in", "not in", "like", "ilike", "not ilike", "=like", "=ilike"}


def to_sql(registry: Registry, model: str, domain: Sequence[Any]) -> Sql:
    """Return the condition and its parameters; raises the API's error for a bad domain."""
    terms = list(domain)
    parts: list[Sql] = []
    while terms:
        parts.append(_term(registry, model, terms))
    if not parts:
        return "1", []
    return " AND ".join(f"({sql})" for sql, _ in parts), [p for _, params in parts for p in params]


def mentions(domain: Sequence[Any], field: str) -> bool:
    """Say whether a domain looks at a field by itself."""
    return any(isinstance(term, list | tuple) and term and term[0] == field for term in domain)


def _term(registry: Registry, model: str, terms: list[Any]) -> Sql:
    if not terms:
        raise value_error("Domain() invalid item in domain: an operator lacks its terms")
    term = terms.pop(0)
    if term in ("&", "|"):
        left, right = _term(registry, model, terms), _term(registry, model, terms)
        word = "AND" if term == "&" else "OR"
        return f"({left[0]}) {word} ({right[0]})", left[1] + right[1]
    if term == "!":
        sql, params = _term(registry, model, terms)
        return f"NOT COALESCE(({sql}), 0)", params
    if not isinstance(term, list | tuple) or len(term) != 3 or term[1] not in _COMPARE:
        raise value_error(f"Domain() invalid item in domain: {term!r}")
    return _leaf(registry, model, *term)


def _leaf(registry: Registry, model: str, path: str, operator: str, value: Any) -> Sql:
    name, _, rest = path.partition(".")
    field = registry.models[model].get(name)
    if field is None:
        raise value_error(f"Invalid field {model}.{name} in condition ({path!r}, {operator!r}, {value!r})")
    if field.inside:
        return _leaf(registry, model, f"{field.inside}.{path}", operator, value)
    if rest:
        inner, params = _leaf(registry, field.relation, rest, operator, value)
        linked = f"SELECT id FROM record WHERE model = '{field.relation}' AND ({inner})"
        return _linked(name, field, linked), params
    if field.type in ("many2many", "one2many"):
        return _many(name, field, operator, value)
    return _scalar("id" if name == "id" else _column(name), field, operator, value)


def _column(name: str) -> str:
    return f"json_extract(doc, '$.{'name' if name == 'display_name' else name}')"


def _linked(name: str, field: F, ids: str) -> str:
    if field.type == "many2many":
        mine, other = ("b", "a") if field.flip else ("a", "b")
        return f"id IN (SELECT {mine} FROM pair WHERE tbl = '{field.table}' AND {other} IN ({ids}))"
    if field.type == "one2many":
        column = _column(field.inverse)
        return f"id IN (SELECT {column} FROM record WHERE model = '{field.relation}' AND id IN ({ids}))"
    return f"{_column(name)} IN ({ids})"


def _many(name: str, field: F, operator: str, value: Any) -> Sql:
    any_of = _linked(name, field, f"SELECT id FROM record WHERE model = '{field.relation}'")
    if value is False:
        return (f"NOT ({any_of})" if operator == "=" else any_of), []
    ids = value if isinstance(value, list) else [value]
    sql = _linked(name, field, "SELECT value FROM json_each(?)")
    return (f"NOT ({sql})" if operator in ("!=", "not in") else sql), [json.dumps(ids)]


def _scalar(column: str, field: F, operator: str, value: Any) -> Sql:
    if field.type == "boolean":
        return _boolean(column, operator, value)
    if operator in ("in", "not in"):
        values = [v for v in value if v not in (False, None)]
        sql = f"{column} IN (SELECT value FROM json_each(?))"
        empty = len(values) < len(value)
        if operator == "in":
            return (f"({sql} OR {column} IS NULL)" if empty else sql), [json.dumps(values)]
        return (
            f"({column} NOT IN (SELECT value FROM json_each(?)) "
            + (f"AND {column} IS NOT NULL)" if empty else f"OR {column} IS NULL)")
        ), [json.dumps(values)]
    if "like" in operator:
        ignore_case = int("ilike" in operator)
        pattern = value if operator.startswith("=") else f"%{value}%"
        sql = f"odoo_like(?, {column}, {ignore_case})"
        return (f"NOT {sql}" if operator.startswith("not") else sql), [pattern]
    if value is False or value is None:
        return f"{column} IS {'NOT ' if operator == '!=' else ''}NULL", []
    if operator == "!=":
        return f"({column} IS NULL OR {column} != ?)", [value]
    return f"{column} {operator} ?", [value]


def _boolean(column: str, operator: str, value: Any) -> Sql:
    values = {bool(v) for v in (value if isinstance(value, list) else [value])}
    if operator in ("!=", "not in"):
        values = {True, False} - values
    numbers = ", ".join(str(int(v)) for v in values) or "NULL"
    return f"COALESCE({column}, 0) IN ({numbers})", []
