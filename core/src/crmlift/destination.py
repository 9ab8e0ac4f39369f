"""What a CRM target implements; everything else is core's.

A destination speaks in *canonical values* on both sides: what `read` returns for a field compares
equal to what `create` was given for it. Canonical is: `None`, `bool`, `int`, `float`, `str`,
`datetime.date`, aware UTC `datetime.datetime`, lists and dicts of these (JSON), and for a link the
id of the linked record as `str`. Turning them into the API's wire form and back is the
destination's work; so are look-ups by code (a country, a language).

Ids are the CRM's own record ids as `str`. Keys are the source's ids as `str`, unique per entity;
how the CRM carries them (external id, XML id, name-based UUID) is the destination's work too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from crmlift.errors import Refusal

Value = Any
"""A canonical value, see the module's docstring."""
Values = Mapping[str, Value]


class FieldType(StrEnum):
    """Types of CRM fields, by what can be stored in them."""

    TEXT = "text"
    HTML = "html"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    JSON = "json"
    CHOICE = "choice"
    LINK = "link"
    LINKS = "links"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an entity as the live CRM describes it, or as it is to be created."""

    name: str
    type: FieldType
    label: str = ""
    required: bool = False
    readonly: bool = False
    custom: bool = False
    indexed: bool = False
    max_length: int | None = None
    choices: tuple[str, ...] = ()
    links_to: str | None = None
    """Entity that a link points to; for a field of the CRM's own, the CRM's name of it."""


class Can(StrEnum):
    """What an entity of a CRM allows, beyond create, update and read."""

    UPSERT = "upsert"
    """`create` of a key that is there already updates it instead of doubling it."""
    DELETE = "delete"
    BACKDATE = "backdate"


@dataclass(frozen=True, slots=True)
class EntitySpec:
    """Facts about one kind of record, as data.

    `depends_on` names the entities whose records this one links to: they are written first.
    `batch_limit` is rows per call. `atomic` means that one bad row refuses the whole call.
    `archive` holds the flags that put a record out of sight without deleting it; their opposites, `in_sight`,
    bring it back.
    `match` names the fields by which an existing record may be adopted.
    `natural` marks an entity that carries no key of ours because its values are its identity, such
    as the membership of a person in a tag: its id is made of its links, and creating it twice is harmless.
    `in_flight_s` is how long the server may go on with a `create` whose client is gone, for an entity
    where doing it again would double rows: after a crash, the loader looks for them only then.
    """

    name: str
    label: str
    depends_on: tuple[str, ...] = ()
    batch_limit: int = 200
    atomic: bool = False
    natural: bool = False
    in_flight_s: float = 0.0
    can: frozenset[Can] = frozenset({Can.DELETE})
    archive: Mapping[str, bool] | None = None
    match: frozenset[str] = frozenset()

    @property
    def in_sight(self) -> dict[str, Value]:
        """The values that bring an archived record back."""
        return {name: not flag for name, flag in (self.archive or {}).items()}


@dataclass(slots=True)
class Create:
    """A row to create. `values` holds no None: what the source does not have is left out."""

    key: str
    values: dict[str, Value]


@dataclass(slots=True)
class Update:
    """Changed values of a record that is there; None clears a field."""

    key: str
    id: str
    values: dict[str, Value]


@dataclass(slots=True)
class Outcome:
    """What became of one row, in the order of the call.

    Exactly one of `id` and `refusal` is set. `existed` says that `create` found the record in
    place and wrote nothing, or wrote onto it: a rollback must then not delete it.
    """

    key: str
    id: str | None = None
    existed: bool = False
    refusal: Refusal | None = None


@dataclass(slots=True)
class Found:
    """A record in the CRM; `key` is None where it is not one of ours.

    `adopted` says, where the CRM can tell, that our key was put on it later: it was there before us.
    """

    id: str
    key: str | None
    values: dict[str, Value] = field(default_factory=dict)
    adopted: bool = False


class Severity(StrEnum):
    """How a preflight finding ends: an error stops the run before the first write."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a preflight; `fix` says what a person should do."""

    severity: Severity
    text: str
    fix: str = ""


@runtime_checkable
class Destination(Protocol):
    """A CRM, for one workspace. Made by `CrmTarget.destination`; used as a context manager.

    Calls raise `TransientError` (after the client's own retries), `RunStopped`, or, from `create`
    and `update` of an atomic entity, `BatchRefused`. An entity that is not atomic reports refusals
    in the outcomes. No call sends anything to a person or starts an automation that the API can silence.

    In a run, `create` is called from a thread of its own. No other call is made meanwhile but `expected`.
    """

    entities: Mapping[str, EntitySpec]

    def __enter__(self) -> Destination: ...

    def __exit__(self, *exc: object) -> None: ...

    def preflight(self, entities: Sequence[str]) -> list[Finding]:
        """Check credentials, rights, versions and automations; write nothing."""

    def describe(self, entity: str) -> dict[str, Field]:
        """Return the live fields by name."""

    def provision(self, entity: str, fields: Sequence[Field]) -> None:
        """Create the custom fields (and the entity, where it is a custom one); those that are there stay.

        Returns once they can be written.
        """

    def expected(self, entity: str, values: Values) -> Values:
        """Return the values as the CRM will hold them, after the changes that it documents.

        Pure; called for every row. What it returns is what `create` and `update` are given.
        """

    def find(self, entity: str, keys: Sequence[str]) -> dict[str, str]:
        """Return the id per key of ours that is in the CRM."""

    def scan(self, entity: str, fields: Sequence[str], *, ours: bool) -> Iterator[list[Found]]:
        """Page through all records with a key of this workspace, or all without any key of ours.

        Archived records are included. With `ours=False` only `id` and `fields` are set.
        """

    def read(self, entity: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Return values by id; ids that no longer exist are left out. Empty fields are None."""

    def count(self, entity: str) -> int:
        """Return how many records carry a key of this workspace; for a natural entity, all of its kind."""

    def create(self, entity: str, rows: Sequence[Create]) -> list[Outcome]:
        """Write new records, at most `batch_limit`, each with its key."""

    def update(self, entity: str, rows: Sequence[Update]) -> list[Outcome]:
        """Change records, at most `batch_limit`."""

    def adopt(self, entity: str, ids: Mapping[str, str]) -> None:
        """Put our key on existing records: `ids` maps key to id."""

    def release(self, entity: str, keys: Sequence[str]) -> None:
        """Take our key off records that were adopted; the records stay."""

    def delete(self, entity: str, rows: Mapping[str, str]) -> list[Outcome]:
        """Delete records: `rows` maps key to id. One that is gone already counts as deleted."""


@runtime_checkable
class CountsMessages(Protocol):
    """A CRM whose outgoing messages can be counted, to prove that a run sent none."""

    def outgoing(self) -> Mapping[str, int]:
        """Return messages queued or sent by our user so far, by kind."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the CRM's edition leaves to a run; None where it sets no limit or does not say.

    `calls` and `records` are what is left now, `calls_per_second` is the pace that the client keeps,
    `source` says where the figures come from.
    """

    calls: int | None = None
    calls_per_second: float | None = None
    records: int | None = None
    source: str = ""


@runtime_checkable
class HasAllowance(Protocol):
    """A CRM that limits calls or storage, or whose client keeps a pace."""

    def allowance(self) -> Allowance:
        """Return what is left, as the CRM says it now."""


@runtime_checkable
class CountsCalls(Protocol):
    """A CRM where one call of ours is several of its own."""

    def calls_for(self, entity: str, rows: int, *, writing: bool) -> int:
        """Return how many calls it takes to write, or to read, so many rows at once."""


@runtime_checkable
class CreatesByHand(Protocol):
    """A CRM whose API cannot create every field: a person has to."""

    def by_hand(self, entity: str, fields: Sequence[Field]) -> dict[str, str]:
        """Return, for the fields that only a person can create, what to do, by field name."""


@runtime_checkable
class NeedsFields(Protocol):
    """A CRM where the target keeps its own marks, such as the key, in custom fields.

    They are planned and provisioned with those of the mapping. `describe` shows them as `readonly`.
    """

    def own_fields(self, entity: str) -> Sequence[Field]:
        """Return the fields that the target needs beside the mapping's, there already or not."""


@runtime_checkable
class NamesChanges(Protocol):
    """A CRM that can say what it makes of values: the differences that `expected` foresees."""

    def changes(self, entity: str) -> Mapping[str, str]:
        """Return, by field, the documented change in words, such as "kept to the second"."""


@runtime_checkable
class Cascades(Protocol):
    """A CRM that deletes what hangs on a record along with it."""

    def below(self, entity: str, ids: Sequence[str]) -> Mapping[str, int]:
        """Return, by id, how many records that are not ours would be deleted along; none are left out."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What became of fields and entities that we created: removed, or kept for a reason, by name."""

    removed: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Unprovisions(Protocol):
    """A CRM from which fields and entities that we created can be taken away again."""

    def unprovision(self, *, dry_run: bool = False) -> TakenBack:
        """Take away what `provision` created and what holds no value, for any workspace."""
