"""One call of the API and its answer, as plain values: `/composite` makes calls, too."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from target_salesforce.sandbox.errors import ApiError, not_found
from target_salesforce.sandbox.fields import SObject
from target_salesforce.sandbox.options import Options
from target_salesforce.sandbox.org import Org


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `version` is `v66.0`."""

    verb: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    version: str

    @property
    def options(self) -> Options:
        """What the headers ask for."""
        header = {name.lower(): value.lower() for name, value in self.headers.items()}
        return Options(
            auto_assign=header.get("sforce-auto-assign", "true") != "false",
            allow_duplicates="allowsave=true"
            in header.get("sforce-duplicate-rule-header", "").replace(" ", ""),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body; None is no body."""

    status: int
    body: Any = None


Route = tuple[str, str, Callable[..., Answer]]
"""Verb, pattern of the path below the version, and who answers, with the call and the pattern's groups."""


def matches(pattern: str, path: str) -> re.Match[str] | None:
    """Match a whole path; names of resources take any case."""
    return re.fullmatch(pattern, path, re.IGNORECASE)


def named(org: Org, name: str) -> SObject:
    """Return the object that a path names."""
    try:
        return org.object(name)
    except ApiError:
        raise not_found() from None


def row(body: Any) -> dict[str, Any]:
    """Return the record in a body."""
    if not isinstance(body, dict):
        raise ApiError(
            400, "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body."
        )
    return body


class RolledBack(Exception):
    """Undoes what was done so far."""


def whole(call: Call) -> bool:
    """Say whether a call wants all rows or none."""
    wanted = (call.body or {}).get("allOrNone", call.query.get("allOrNone", "false"))
    return str(wanted).lower() == "true"
