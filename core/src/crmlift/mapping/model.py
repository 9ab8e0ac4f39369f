"""The mapping file: which record of which stream becomes which row of which CRM entity.

Source paths are dotted (`attributes.plan`); a path that goes on into a flat dict whose keys hold
dots themselves (`traits.subscription.plan_name`) finds them too. `when` and `expr` are expressions
over the record's top-level names, evaluated by simpleeval: no imports, no attribute access to
Python objects, no side effects.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from crmlift.destination import FieldType
from crmlift.errors import ConfigError
from crmlift.mapping.expression import compile_expression

Write = Literal["overwrite", "fill_empty", "take_over"]
FieldWrite = Literal["overwrite", "fill_empty", "take_over", "keep_true", "keep_false"]
Nulls = Literal["keep", "clear"]
Convert = Literal[
    "text",
    "integer",
    "number",
    "boolean",
    "date",
    "datetime",
    "json",
    "list",
    "country",
    "language",
    "timezone",
]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_field(value: object) -> object:
    return {"from": value} if isinstance(value, (str, list)) else value


def _checked(source: str) -> str:
    try:
        compile_expression(source)
    except ConfigError as error:
        raise ValueError(error.message.removesuffix(".")) from None
    return source


def _checked_parts(parts: list[str]) -> list[str]:
    for part in parts:
        if part.startswith("="):
            _checked(part[1:])
    return parts


Paths = Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]
Keys = Annotated[Paths, AfterValidator(_checked_parts)]
Expression = Annotated[str, AfterValidator(_checked)]


class Model(BaseModel):
    """Base of all parts: immutable, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class CustomField(Model):
    """A field that the CRM does not have and that `provision` creates."""

    type: FieldType
    label: str = ""
    indexed: bool = False
    choices: list[str] = []
    links_to: str | None = None


class FieldMap(Model):
    """Where the value of one CRM field comes from.

    Exactly one of `from` (the first path that holds something wins), `expr` and `value` is given.
    `as` names a conversion; where it fails, `on_error` says whether the value is left out (and
    counted) or the row is rejected. A null never overwrites unless `nulls` is `clear`. With `write`
    `keep_true`, true is written over anything and nothing is written over true, whoever wrote it: so an
    opt-out is never undone, by no later record and no merge. `keep_false` is its mirror. A field that says
    `overwrite` itself is also written by records that joined the row and fill only the gaps of other fields.
    """

    from_: Paths | None = Field(None, alias="from")
    expr: Expression | None = None
    value: Any = None
    as_: Convert | None = Field(None, alias="as")
    default: Any = None
    on_missing: Literal["omit", "reject"] = "omit"
    on_error: Literal["omit", "reject"] = "omit"
    write: FieldWrite | None = None
    nulls: Nulls | None = None
    custom: CustomField | None = None

    @model_validator(mode="after")
    def _one_source(self) -> FieldMap:
        given = [self.from_ is not None, self.expr is not None, self.value is not None]
        if sum(given) != 1:
            raise ValueError("give exactly one of 'from', 'expr' and 'value'")
        return self


class LinkMap(Model):
    """A field that holds another row of ours: `key` is where the record names that row's key.

    A link whose row has not arrived is parked and set later; where it is `required`, the whole row
    waits for it. `on_missing` is for a record that names no key at all. Of several entities, as where a
    person is a lead or a contact, the first one that has the row is linked. A path or expression that
    gives a list links each of its items, for a field that holds several links; an empty list, or no key,
    takes links away only where `nulls` is `clear`. Its `write` stands in place of the rule's.
    """

    entity: Paths
    key: Keys
    required: bool = False
    on_missing: Literal["omit", "reject"] = "omit"
    write: Write | None = None
    nulls: Nulls = "keep"
    custom: CustomField | None = None


class Rule(Model):
    """One row that a record of a stream becomes, where `when` holds.

    `key` is the row's identity: one path, or several joined by `:`; a part that begins with `=` is an
    expression, such as `=digest(email)` where the key must not show the address. `mode` `update`
    changes a row that another stream creates and never makes one. `match` adopts an existing CRM record whose
    field equals the value at the path: the first field with a hit decides, and several hits reject
    the row. `on_match` says what an adopted record gives up: by default only its empty fields.
    `on_delete` says what follows when the source deleted the record. With `write` `take_over`, a field is
    written where it is empty or holds what another of our records wrote before the last complete run:
    somebody who moves to another company gets that one, and what a user of the CRM wrote stays.
    """

    entity: str
    key: Keys
    when: Expression | None = None
    mode: Literal["upsert", "create", "update"] = "upsert"
    write: Write = "overwrite"
    nulls: Nulls = "keep"
    match: dict[str, str] = {}
    on_match: Literal["overwrite", "fill_empty"] = "fill_empty"
    fields: dict[str, Annotated[FieldMap, BeforeValidator(_as_field)]] = {}
    links: dict[str, LinkMap] = {}
    on_delete: Literal["ignore", "archive", "delete"] = "ignore"


class Mapping(Model):
    """A whole mapping file.

    `workspace` names the Customer.io workspace and is part of every key in the CRM. `hooks` lists
    the plugins to run, in order, with their options. `streams` gives each stream's rules; `skip`
    names streams that are read but not loaded, each with the reason that reports print.
    """

    version: Literal[1] = 1
    destination: str
    workspace: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    hooks: dict[str, dict[str, Any]] = {}
    streams: dict[str, list[Rule]] = {}
    skip: dict[str, str] = {}

    @model_validator(mode="after")
    def _streams_once(self) -> Mapping:
        both = sorted(self.streams.keys() & self.skip.keys())
        if both:
            raise ValueError(f"stream {both[0]!r} stands under both 'streams' and 'skip'")
        return self
