"""Decide what a person becomes: the first rule that holds names the scope, such as `lead` or `contact`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, PrivateAttr, model_validator
from ruamel.yaml import YAML

from crmlift.addresses import domain_of, host_of, is_email, is_free_mail
from crmlift.batch import Batch, Item, Record
from crmlift.hooks.options import Options, Texts
from crmlift.hookspecs import hookimpl
from crmlift.mapping.engine import DELETED, first_of
from crmlift.mapping.expression import compile_expression

Test = Callable[[Record], bool]
HOLD = "hold"


def _word(value: object) -> str:
    """`Marketing Qualified Lead` and `marketing_qualified-lead` are one word."""
    return "".join(letter for letter in str(value).casefold() if letter.isalnum())


class SplitRule(Options):
    """One line of the split: all conditions that it gives must hold.

    `hold` as scope keeps the person in the ledger for a decision.
    """

    scope: str
    stage: Texts = []
    status: Texts = []
    email: Literal["valid", "invalid"] | None = None
    domain: Literal["free", "business"] | list[str] | None = None
    more_traits_than: int | None = Field(None, ge=0)
    segments: list[int | str] = []
    when: str | None = None

    @model_validator(mode="after")
    def _says_when(self) -> SplitRule:
        if not self.model_fields_set - {"scope"}:
            raise ValueError("give a condition, or use 'otherwise'")
        return self


class _Preset(BaseModel):
    rules: list[SplitRule]
    otherwise: str


@cache
def presets() -> dict[str, _Preset]:
    """Return the named lists of rules that come with this package."""
    text = files("crmlift.hooks").joinpath("split_presets.yml").read_text(encoding="utf-8")
    return {name: _Preset.model_validate(rules) for name, rules in YAML(typ="safe").load(text).items()}


def _known(name: str | None) -> str | None:
    if name is not None and name not in presets():
        raise ValueError(f"there is no preset {name!r}; there are {', '.join(presets())}")
    return name


class Split(Options):
    """Write a scope into each record of `stream`, under the name `into`, for the mapping's `when` to read.

    `rules` come before those of the `preset`. A rule with `segments` is decided once all memberships have
    been read: whom it could concern waits in the ledger until the end of the run. Who joined another's row
    gets the scope of that row.
    """

    stream: str = "people"
    into: str = "scope"
    preset: Annotated[str | None, BeforeValidator(_known)] = None
    rules: list[SplitRule] = []
    otherwise: str | None = None
    stage_from: Texts = ["attributes.lifecycle_stage"]
    status_from: Texts = ["attributes.status"]
    email_from: Texts = ["email"]
    traits_in: str = "attributes"
    not_traits: list[str] = ["id", "email", "cio_id", "anonymous_id", "cio_subscription_preferences"]
    _compiled: list[_Compiled] = PrivateAttr(default_factory=list)
    _last_scope: str = PrivateAttr("contact")
    _segments: frozenset[str] = PrivateAttr(frozenset())

    def model_post_init(self, _context: object) -> None:
        """Compile the rules, so that a bad one is reported before the first record."""
        preset = presets()[self.preset] if self.preset else None
        rules = [*self.rules, *(preset.rules if preset else ())]
        self._last_scope = self.otherwise or (preset.otherwise if preset else "contact")
        self._compiled = [_Compiled(rule, list(self._tests(rule))) for rule in rules]
        self._segments = frozenset(str(name) for rule in rules for name in rule.segments)

    def _tests(self, rule: SplitRule) -> Iterable[Test]:
        """Make the conditions of a rule, cheap ones first."""
        if rule.stage:
            yield _one_of(rule.stage, self.stage_from)
        if rule.status:
            yield _one_of(rule.status, self.status_from)
        if rule.more_traits_than is not None:
            yield self._has_traits(rule.more_traits_than)
        email = first_of(self.email_from)
        if rule.domain is not None:
            yield _domain_test(rule.domain, email)
        if rule.email is not None:
            wanted = rule.email == "valid"
            yield lambda record: is_email(email(record)) is wanted
        if rule.when is not None:
            when = compile_expression(rule.when)
            yield lambda record: bool(when(record))

    def _has_traits(self, number: int) -> Test:
        def has_traits(record: Record) -> bool:
            traits = record.get(self.traits_in) or {}
            ignored = self.not_traits
            return sum(_filled(value) for name, value in traits.items() if name not in ignored) > number

        return has_traits

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Give every record its scope; hold those whose scope is `hold`."""
        if batch.stream == self.stream:
            self._split(batch)
        elif self._segments and batch.stream == "segments":
            names = {str(item.record.get("name")): str(item.record["id"]) for item in batch.items}
            batch.claims.put(
                "split.segments", {name: i for name, i in names.items() if name in self._segments}
            )
        elif self._segments and batch.stream == "segment_memberships":
            self._remember_members(batch)

    def _remember_members(self, batch: Batch) -> None:
        wanted = self._segment_ids(batch)
        members = {
            f"{item.record['segment_id']}:{item.record['cio_id']}": "" if item.record.get(DELETED) else "in"
            for item in batch.items
            if str(item.record["segment_id"]) in wanted
        }
        batch.claims.put("split.members", members)

    def _segment_ids(self, batch: Batch) -> dict[str, str]:
        """Return the ids of the rules' segments, with what the rules call them: an id or a name."""
        by_name = batch.claims.owners("split.segments", self._segments)
        return {by_name.get(name, name): name for name in self._segments}

    def _split(self, batch: Batch) -> None:
        kind = f"split.{self.stream}"
        asks = [item.into for item in batch if item.into]
        rows = batch.claims.owners(kind, asks) if asks else {}
        members = self._members(batch) if self._segments and batch.last else {}
        decided: dict[str, str] = {}
        for item in sorted(batch, key=lambda item: item.merged):
            if item.into:
                scope = rows.get(item.into) or decided.get(item.into) or self._scope(item, batch, members)
            else:
                scope = self._scope(item, batch, members)
            if scope is None:
                batch.defer(item, "the split needs its segments, which are read later")
                continue
            item.record[self.into] = scope
            if scope == HOLD:
                batch.hold(item, "the split rule holds it for a decision")
            elif not item.merged:
                decided[item.key] = scope
        batch.claims.put(kind, decided)

    def _scope(self, item: Item, batch: Batch, members: Mapping[str, set[str]]) -> str | None:
        """Return the scope of a record, or None where only its segments can tell."""
        for rule in self._compiled:
            if all(test(item.record) for test in rule.tests):
                if not rule.segments:
                    return rule.scope
                if not batch.last:
                    return None
                if rule.segments & members.get(item.key, set()):
                    return rule.scope
        return self._last_scope

    def _members(self, batch: Batch) -> dict[str, set[str]]:
        """Return the segments that rules name, by the key of each member in the batch."""
        names = self._segment_ids(batch)
        asks = {f"{number}:{item.key}": (item.key, name) for item in batch for number, name in names.items()}
        found: dict[str, set[str]] = {}
        for ask, answer in batch.claims.owners("split.members", asks).items():
            if answer:
                key, name = asks[ask]
                found.setdefault(key, set()).add(name)
        return found


class _Compiled:
    """A rule made ready to run."""

    __slots__ = ("scope", "segments", "tests")

    def __init__(self, rule: SplitRule, tests: list[Test]) -> None:
        self.scope = rule.scope
        self.tests = tests
        self.segments = {str(name) for name in rule.segments}


def _one_of(words: list[str], paths: list[str]) -> Test:
    get, wanted = first_of(paths), {_word(word) for word in words}
    return lambda record: (value := get(record)) is not None and _word(value) in wanted


def _domain_test(wanted: str | list[str], email: Callable[[Record], Any]) -> Test:
    if isinstance(wanted, list):
        domains = {name.lower() for name in wanted}
        return lambda record: bool({host_of(email(record)), domain_of(email(record))} & domains)
    free = wanted == "free"
    return lambda record: is_email(email(record)) and is_free_mail(email(record)) is free


def _filled(value: object) -> bool:
    return value is not None and value not in ("", [], {})
