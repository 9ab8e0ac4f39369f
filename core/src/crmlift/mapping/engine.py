"""Turn prepared records into rows for the CRM's entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from crmlift.batch import Item, Record, join_key
from crmlift.destination import Value
from crmlift.errors import Refusal
from crmlift.mapping.convert import CONVERSIONS
from crmlift.mapping.expression import compile_expression
from crmlift.mapping.model import FieldMap, LinkMap, Mapping, Rule

Getter = Callable[[Record], Any]
DELETED = "_sdc_deleted_at"


class Link(NamedTuple):
    """The row that a link points to, or several of one that holds `many`: keys, and the entities of each."""

    entities: tuple[str, ...]
    keys: tuple[str, ...]
    many: bool = False


@dataclass(slots=True)
class Row:
    """One row for the CRM.

    `key` is its identity there; `source` tells who says so, and is the key itself where the
    record owns the row. `values` are canonical; None clears. `joins` marks a row of a merged record
    that fills the row of the record it was merged into; what has a key of its own stays its own. A `weak`
    row fills only what is empty in the CRM.
    """

    entity: str
    key: str
    source: str
    values: dict[str, Value]
    links: dict[str, Link]
    rule: CompiledRule
    stream: str
    item: Item
    deleted: bool = False
    joins: bool = False
    weak: bool = False

    def says_the_same_as(self, other: Row) -> bool:
        """Whether both would leave the CRM, and the ledger, in one state."""
        mine = self.source, self.rule is other.rule, self.deleted, self.links, self.values
        return mine == (other.source, True, other.deleted, other.links, other.values)


@dataclass(slots=True)
class Rejected:
    """A record that a rule could not turn into a row."""

    entity: str
    stream: str
    item: Item
    refusal: Refusal


@dataclass(slots=True)
class CompiledRule:
    """A rule made ready to run; the policies are plain sets of field names."""

    stream: str
    rule: Rule
    key: Getter
    when: Getter | None
    fields: list[_CompiledField]
    links: list[tuple[str, Getter, LinkMap]]
    match: list[tuple[str, Getter]]
    fill_empty: frozenset[str] = field(default_factory=frozenset)
    take_over: frozenset[str] = field(default_factory=frozenset)
    overwrite: frozenset[str] = field(default_factory=frozenset)
    sticky: dict[str, bool] = field(default_factory=dict)
    required_links: frozenset[str] = field(default_factory=frozenset)


class _CompiledField(NamedTuple):
    name: str
    get: Getter
    convert: Callable[[Any], Any] | None
    default: Any
    clears: bool
    reject_missing: bool
    reject_error: bool


class Engine:
    """A mapping, compiled.

    `problems` counts values that were left out, by stream, field and reason; `unmatched` counts
    records by stream for which no rule's `when` held.
    """

    def __init__(self, mapping: Mapping) -> None:
        self.rules = {
            stream: [_compile_rule(stream, rule) for rule in rules]
            for stream, rules in mapping.streams.items()
        }
        self.problems: Counter[tuple[str, str, str]] = Counter()
        self.unmatched: Counter[str] = Counter()

    def entities(self) -> list[str]:
        """Return the entities that the mapping writes, in the order in which it names them."""
        return list(dict.fromkeys(rule.rule.entity for rules in self.rules.values() for rule in rules))

    def entities_of(self, stream: str) -> list[str]:
        """Return the entities that a stream's rules write."""
        return list(dict.fromkeys(rule.rule.entity for rule in self.rules.get(stream, ())))

    def links(self) -> list[tuple[str, str]]:
        """Return which entity links to which, as the mapping's rules say."""
        rules = [rule.rule for rules in self.rules.values() for rule in rules]
        pairs = (
            (rule.entity, entity) for rule in rules for link in rule.links.values() for entity in link.entity
        )
        return list(dict.fromkeys(pairs))

    def rows(self, stream: str, items: list[Item]) -> Iterator[Row | Rejected]:
        """Yield the rows of a batch of one stream, record by record."""
        rules = self.rules.get(stream, ())
        for item in items:
            matched = False
            for rule in rules:
                if rule.when is None or rule.when(item.record):
                    matched = True
                    yield self._row(rule, stream, item)
            if not matched:
                self.unmatched[stream] += 1

    def _row(self, rule: CompiledRule, stream: str, item: Item) -> Row | Rejected:
        record, entity = item.record, rule.rule.entity
        key = rule.key(record)
        if key is None:
            return Rejected(entity, stream, item, Refusal("no_key", f"none of {rule.rule.key} holds a value"))
        joins = item.into is not None and key == item.into
        owns = rule.rule.mode != "update" and not joins
        patches = rule.rule.mode == "update"
        # A merged record may both join a row and patch it: each is remembered on its own.
        source = key if owns else f"{stream}#{item.key}" if patches else item.key
        weak = item.weak and key == (item.into or item.key)
        if DELETED in record and record[DELETED] is not None:
            return Row(entity, key, source, {}, {}, rule, stream, item, deleted=True, joins=joins)
        values: dict[str, Value] = {}
        for name, get, convert, default, clears, reject_missing, reject_error in rule.fields:
            value = get(record)
            if value is not None and convert is not None:
                try:
                    value = convert(value)
                except (ValueError, TypeError, OverflowError) as error:
                    self.problems[stream, name, _reason(error)] += 1
                    if reject_error:
                        return Rejected(entity, stream, item, Refusal("bad_value", _reason(error), name))
                    continue
            if value is None or value == "":
                value = default
            if value is not None:
                values[name] = value
            elif reject_missing:
                return Rejected(
                    entity, stream, item, Refusal("missing_value", "no source path holds a value", name)
                )
            elif clears:
                values[name] = None
        links: dict[str, Link] = {}
        for name, get, link in rule.links:
            target = get(record)
            if target:
                many = isinstance(target, list)
                keys = tuple(dict.fromkeys(target)) if many else (target,)
                links[name] = Link(tuple(link.entity), keys, many)
            elif link.on_missing == "reject":
                return Rejected(
                    entity, stream, item, Refusal("missing_link", "the record names no parent", name)
                )
            elif link.nulls == "clear":
                values[name] = None
        return Row(entity, key, source, values, links, rule, stream, item, joins=joins, weak=weak)


def _reason(error: Exception) -> str:
    """Our own short reasons only: those of libraries quote the value."""
    text = str(error)
    return text if text.startswith(("not ", "neither ")) and "'" not in text else "cannot be converted"


def path_getter(path: str) -> Getter:
    """Return a function that finds a dotted path in a record; empty text and missing parts give None."""
    head, *rest = path.split(".")
    if not rest:

        def get_top(record: Record) -> Any:
            value = record.get(head)
            return None if value == "" else value

        return get_top

    tail = ".".join(rest)

    def get_nested(record: Record) -> Any:
        value = record.get(head)
        if type(value) is not dict:
            return None
        found = value.get(tail)
        if found is None and len(rest) > 1:
            found = _walk(value, rest)
        return None if found == "" else found

    return get_nested


def _walk(value: Any, parts: list[str]) -> Any:
    for part in parts:
        if type(value) is not dict:
            return None
        value = value.get(part)
    return value


def first_of(paths: list[str]) -> Getter:
    """Return a function that gives the first value that one of the paths holds."""
    getters = [path_getter(path) for path in paths]
    if len(getters) == 1:
        return getters[0]

    def get_first(record: Record) -> Any:
        return next((value for get in getters if (value := get(record)) is not None), None)

    return get_first


def key_getter(paths: list[str]) -> Getter:
    """Return a function that joins the values at the paths to a key, or gives None where one is missing.

    A part that begins with `=` is an expression.
    """
    getters = [_part_getter(path) for path in paths]

    def get_key(record: Record) -> str | None:
        parts = [get(record) for get in getters]
        return None if None in parts else join_key(parts)

    return get_key


def _part_getter(path: str) -> Getter:
    return compile_expression(path[1:]) if path.startswith("=") else path_getter(path)


def _link_getter(paths: list[str]) -> Getter:
    """Return a function that gives the key of a linked row, or a list of keys where the path gives one."""
    if len(paths) > 1:
        return key_getter(paths)
    get = _part_getter(paths[0])

    def get_keys(record: Record) -> str | list[str] | None:
        found = get(record)
        if isinstance(found, list):
            return [join_key([item]) for item in found if item is not None]
        return None if found is None else join_key([found])

    return get_keys


_STICKY = {"keep_true": True, "keep_false": False}


def _compile_rule(stream: str, rule: Rule) -> CompiledRule:
    writes: dict[str, str] = {name: spec.write or rule.write for name, spec in rule.fields.items()}
    writes |= {name: link.write or rule.write for name, link in rule.links.items()}
    return CompiledRule(
        stream=stream,
        rule=rule,
        key=key_getter(rule.key),
        when=compile_expression(rule.when) if rule.when else None,
        fields=[_compile_field(name, spec, rule) for name, spec in rule.fields.items()],
        links=[(name, _link_getter(link.key), link) for name, link in rule.links.items()],
        match=[(name, path_getter(path)) for name, path in rule.match.items()],
        fill_empty=frozenset(name for name, write in writes.items() if write in ("fill_empty", "take_over")),
        take_over=frozenset(name for name, write in writes.items() if write == "take_over"),
        overwrite=_overwriting(rule.fields) | _overwriting(rule.links),
        sticky={name: _STICKY[write] for name, write in writes.items() if write in _STICKY},
        required_links=frozenset(name for name, link in rule.links.items() if link.required),
    )


def _overwriting(specs: dict[str, FieldMap] | dict[str, LinkMap]) -> frozenset[str]:
    return frozenset(name for name, spec in specs.items() if spec.write == "overwrite")


def _compile_field(name: str, spec: FieldMap, rule: Rule) -> _CompiledField:
    if spec.from_ is not None:
        get = first_of(spec.from_)
    elif spec.expr is not None:
        get = compile_expression(spec.expr)
    else:
        constant = spec.value

        def get(_record: Record) -> Any:
            return constant

    return _CompiledField(
        name=name,
        get=get,
        convert=CONVERSIONS[spec.as_] if spec.as_ else None,
        default=spec.default,
        clears=(spec.nulls or rule.nulls) == "clear",
        reject_missing=spec.on_missing == "reject",
        reject_error=spec.on_error == "reject",
    )
