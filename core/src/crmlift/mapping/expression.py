"""Expressions of a mapping (`when`, `expr`) and of hooks, evaluated by simpleeval."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from simpleeval import AttributeDoesNotExist, EvalWithCompoundTypes, InvalidExpression

from crmlift.addresses import is_dialable
from crmlift.errors import ConfigError


class _Names(dict[str, Any]):
    """A record whose missing names are None at every level: absent attributes are normal, not errors."""

    def __missing__(self, name: str) -> None:
        return None

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        return _Names(value) if type(value) is dict else value


def digest(value: Any) -> str | None:
    """Return a short name-based digest of a text, the same for every case of its letters, or None."""
    text = "" if value is None else str(value).strip().casefold()
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest() if text else None


def domain(email: Any) -> str | None:
    """Return the lower-case domain of an email address, or None."""
    local, at, host = str(email or "").rpartition("@")
    return host.lower() if at and local and host else None


def total(numbers: Any) -> float:
    """Return the sum of the numbers in a list; 0 where there is no list."""
    return sum(n for n in numbers if isinstance(n, int | float)) if isinstance(numbers, list) else 0


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "lower": lambda value: None if value is None else str(value).lower(),
    "upper": lambda value: None if value is None else str(value).upper(),
    "text": str,
    "count": lambda value: 0 if value is None else len(value),
    "digest": digest,
    "domain": domain,
    "total": total,
    "is_dialable": is_dialable,
    "starts": lambda value, prefix: str(value or "").startswith(prefix),
}


def _check_function(source: str, name: str, functions: Mapping[str, Any]) -> None:
    if name not in functions:
        raise ConfigError(
            f"'{source}' calls '{name}', which is none of the functions: {', '.join(sorted(functions))}."
        )


def compile_expression(source: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function of a record.

    A missing name is None; an expression that cannot be computed for a record (`None > 3`) gives
    None. Raises `ConfigError` where the text is no expression.
    """
    evaluator = EvalWithCompoundTypes(functions=FUNCTIONS)
    try:
        parsed = evaluator.parse(source)
    except (InvalidExpression, SyntaxError) as error:
        raise ConfigError(f"'{source}' is not an expression: {error}.") from None
    for node in ast.walk(parsed):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            _check_function(source, node.func.id, evaluator.functions)

    def evaluate(record: Mapping[str, Any]) -> Any:
        evaluator.names = _Names(record)
        try:
            return evaluator.eval(source, previously_parsed=parsed)
        except (AttributeDoesNotExist, TypeError, KeyError, IndexError, ValueError):
            return None
        except InvalidExpression as error:
            raise ConfigError(f"'{source}' cannot be evaluated: {error}.") from None

    return evaluate
