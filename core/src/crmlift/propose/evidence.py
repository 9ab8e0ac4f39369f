"""What detectors say about an attribute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from crmlift.propose.kinds import kinds
from crmlift.propose.text import tokens

NONE = "none"
FIELDS = (
    *(
        "first_name",
        "last_name",
        "full_name",
        "email",
        "phone",
        "mobile",
        "job_title",
        "department",
        "company",
    ),
    *("website", "street", "city", "state", "postal_code", "country", "language", "timezone", "birthday"),
    *("lifecycle_stage", "lead_source", "industry", "annual_revenue", "employees", "linkedin", "created_at"),
    *("email_opt_in", "email_opt_out", "external_id"),
)
"""The fields that CRMs have as a standard, by the names that targets answer to."""
LABELS = (*FIELDS, NONE)
CONSENT = frozenset({"email_opt_in", "email_opt_out"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason for or against a field.

    `kind` names the weight that it carries (`weights.toml`), `strength` lies between 0 and 1, and
    `text` says it to a person without quoting a value. A third party's evidence has the kind `plugin`;
    a negative strength then speaks against the field.
    """

    field: str
    kind: str
    strength: float
    text: str


@dataclass
class Trait:
    """An attribute to find a field for: its name and some of its values, as text.

    `known` is what values said that are not at hand any more, as in a profile with masked examples.
    """

    name: str
    values: Sequence[str] = ()
    known: Sequence[Evidence] = ()

    @property
    def seen(self) -> bool:
        """Whether any value was looked at."""
        return bool(self.values or self.known)

    @property
    def answers(self) -> float:
        """The share of the values that are a yes or a no; 1 where none was looked at."""
        if self.values:
            return self.share("boolean")
        odd = [item.strength for item in self.known if item.field in CONSENT and item.kind == "value_odd"]
        return 1 - max(odd, default=0.0)

    @cached_property
    def words(self) -> list[str]:
        """The folded words of the name."""
        return tokens(self.name)

    @cached_property
    def kinds(self) -> list[frozenset[str]]:
        """What each value looks like; where all are a yes or a no, they are nothing but that."""
        found = [kinds(value) for value in self.values]
        if all("boolean" in looks for looks in found):
            return [looks & {"boolean", "integer"} for looks in found]
        return found

    def share(self, *wanted: str) -> float:
        """Return the share of the values that look like one of these kinds."""
        return sum(1 for found in self.kinds if not found.isdisjoint(wanted)) / (len(self.kinds) or 1)


_EMPTY = frozenset({"", "-", "--", "n/a", "#n/a", "null", "nil", "undefined", "(not set)", "(empty)"})


def as_text(value: Any) -> str | None:
    """Return a JSON value as the text that detectors read, or None where it is empty, or says so."""
    if value is None or (isinstance(value, str) and value.strip().casefold() in _EMPTY):
        return None
    return value if isinstance(value, str) else orjson.dumps(value).decode()
