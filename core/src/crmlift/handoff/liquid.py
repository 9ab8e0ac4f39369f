"""What a message takes from elsewhere: the variables, filters and tags of its Liquid."""

from __future__ import annotations

from functools import cache

from liquid import Environment, Mode
from liquid.exceptions import LiquidError

from crmlift.part import Part

# Customer.io's own, or Liquid's, rather than somebody's data.
_PROVIDED = {"content", "layout", "forloop", "tablerowloop"}


class Liquid(Part):
    """Names as they are written, sorted. `errors` name the fields that are not valid Liquid."""

    variables: list[str] = []
    filters: list[str] = []
    tags: list[str] = []
    errors: list[str] = []


@cache
def _environment() -> Environment:
    # Lax: Customer.io has tags and filters of its own, such as `unsubscribe_url`.
    return Environment(tolerance=Mode.LAX)


def parse(texts: dict[str, str | None]) -> Liquid:
    """Return what the texts of a message, by field, refer to."""
    variables: set[str] = set()
    filters: set[str] = set()
    tags: set[str] = set()
    errors: list[str] = []
    for field, text in texts.items():
        if not text or "{" not in text:
            continue
        try:
            found = _environment().from_string(text).analyze(include_partials=False)
        except (LiquidError, RecursionError):
            errors.append(field)
            continue
        named = (str(variable) for several in found.globals.values() for variable in several)
        variables.update(name for name in named if name not in _PROVIDED)
        filters.update(found.filters)
        tags.update(found.tags)
    return Liquid(
        variables=sorted(variables), filters=sorted(filters), tags=sorted(tags), errors=sorted(errors)
    )
