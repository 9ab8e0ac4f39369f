"""Decide what a person becomes: the first rule that holds names the scope, such as `lead` or `contact`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, PrivateAttr

from crmlift.batch import Batch
from crmlift.hookspecs import hookimpl
from crmlift.mapping.expression import compile_expression


class SplitRule(BaseModel):
    """One line of the split; `hold` as scope keeps the person in the ledger for a decision."""

    model_config = ConfigDict(extra="forbid")

    scope: str
    when: str


class Split(BaseModel):
    """Write a scope into each record of `stream`, under the name `into`, for the mapping's `when` to read."""

    model_config = ConfigDict(extra="forbid")

    stream: str = "people"
    into: str = "scope"
    rules: list[SplitRule] = []
    otherwise: str = "contact"
    _compiled: list[tuple[str, Callable[[Mapping[str, Any]], Any]]] = PrivateAttr(default_factory=list)

    def model_post_init(self, _context: object) -> None:
        """Compile the rules, so that a bad one is reported before the first record."""
        self._compiled = [(rule.scope, compile_expression(rule.when)) for rule in self.rules]

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Give every record its scope; hold those whose scope is `hold`."""
        if batch.stream != self.stream:
            return
        for item in batch:
            scope = next((scope for scope, when in self._compiled if when(item.record)), self.otherwise)
            item.record[self.into] = scope
            if scope == "hold":
                batch.hold(item, "the split rule holds it for a decision")
