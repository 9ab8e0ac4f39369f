"""Choose a few people from a tap's output, with everything that hangs on them and all that they link to."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from crmlift.batch import Batch, Item, join_key
from crmlift.chunks import chunks
from crmlift.errors import ConfigError, InputError
from crmlift.hooks.manager import Hooks
from crmlift.mapping.engine import Engine, Rejected, Row
from crmlift.mapping.model import Mapping as MappingFile

PEOPLE = "people"
SEGMENTS = "segments"
MEMBERSHIPS = "segment_memberships"
_BATCH = 500

Place = tuple[str, str]
"""An entity and a key."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom to take: `count` at random by the `seed`, all of a `segment`, or those `named`.

    `named` holds ids or email addresses; `segment` is a name or number; `count` limits a segment too.
    """

    count: int | None = 25
    segment: str | None = None
    named: tuple[str, ...] = ()
    seed: int = 0


class Prepared(NamedTuple):
    """A record of the file after the hooks, by its line number."""

    line: int
    stream: str
    item: Item


@dataclass(slots=True)
class Sample:
    """The lines that were chosen, and the keys of the people among them."""

    people: set[str]
    lines: set[int] = field(default_factory=set)

    def write(self, source: Path, target: Path) -> None:
        """Write the chosen records with all schemas; states are left out: they stand for all records."""
        with source.open("rb") as messages, target.open("wb") as chosen:
            for number, line in enumerate(messages):
                if number in self.lines or b'"SCHEMA"' in line[:40]:
                    chosen.write(line)


def draw(source: Path, mapping: MappingFile, choice: Choice) -> Sample:
    """Choose people from a file of Singer messages, closed over the mapping's links.

    What points at a person comes with them, and so does whatever that points at: a company of theirs, but
    not its other people. Raises `ConfigError` where nobody is found.
    """
    reader = _Reader(source, mapping)
    people = _people(reader, choice)
    if not people:
        raise ConfigError(
            "Nobody was found for the rehearsal.",
            hint="Look at the names of segments and people, or at the tap's output.",
        )
    sample = Sample(people)
    # What a person becomes under their own key; a company or a tag made of them is shared with others.
    ours = {
        (row.entity, row.key)
        for _, rows in reader.rows({PEOPLE})
        for row in rows
        if row.item.key in people and row.key in (row.item.key, row.item.into)
    }
    wanted, made = set(ours), set[Place]()
    before = -1
    while before < len(wanted) + len(ours):
        # Parents stand before children in the file: a further look is needed where a parent has one itself.
        before = len(wanted) + len(ours)
        for line, rows in reader.rows():
            # Somebody whom a hook merged into another person is that one, under both names.
            ours.update((row.entity, row.source) for row in rows if (row.entity, row.key) in ours)
            # A row that many records make, such as a mailing, needs one of them only.
            if line in sample.lines or any(_belongs(row, wanted, made, ours) for row in rows):
                sample.lines.add(line)
                made.update(place for row in rows for place in _places(row))
                wanted.update(place for row in rows for place in _linked(row))
    return sample


def _belongs(row: Row, wanted: set[Place], made: set[Place], people: set[Place]) -> bool:
    return any(
        place in people or (place in wanted and place not in made) for place in _places(row)
    ) or not people.isdisjoint(_linked(row))


def _places(row: Row) -> set[Place]:
    """A row's place, and, where a hook merged its record into another, the one that links still name."""
    return {(row.entity, row.key), (row.entity, row.source)}


def _linked(row: Row) -> Iterator[Place]:
    return ((entity, key) for link in row.links.values() for entity in link.entities for key in link.keys)


def _people(reader: _Reader, choice: Choice) -> set[str]:
    if choice.named:
        named = {name.strip().casefold() for name in choice.named}
        return {item.key for item in reader.stream(PEOPLE) if named & _names(item.record)}
    members = None if choice.segment is None else _members(reader, choice.segment)
    chance = random.Random(choice.seed)
    keys = [item.key for item in reader.stream(PEOPLE) if members is None or item.key in members]
    if choice.count is None or choice.count >= len(keys):
        return set(keys)
    return set(chance.sample(keys, choice.count))


def _names(record: Mapping[str, Any]) -> set[str]:
    return {str(record[name]).casefold() for name in ("cio_id", "id", "email") if record.get(name)}


def _members(reader: _Reader, segment: str) -> set[str]:
    ids = {
        item.record.get("id")
        for item in reader.stream(SEGMENTS)
        if segment.casefold() in (str(item.record.get("id")), str(item.record.get("name")).casefold())
    }
    return {
        str(item.record.get("cio_id"))
        for item in reader.stream(MEMBERSHIPS)
        if item.record.get("segment_id") in ids
    }


def rows_of(source: Path, mapping: MappingFile) -> Iterator[Row]:
    """Yield the rows that the records of a file of Singer messages become."""
    return (row for _, rows in _Reader(source, mapping).rows() for row in rows)


class _Claims:
    """What hooks remember, of the file alone: the same in every pass."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str], str] = {}

    def claim(self, kind: str, wanted: Mapping[str, str]) -> dict[str, str]:
        """Keep the first owner of each value."""
        return {value: self._owners.setdefault((kind, value), key) for value, key in wanted.items()}

    def owners(self, kind: str, values: Iterable[str]) -> dict[str, str]:
        """Return the owners that there are."""
        return {value: self._owners[kind, value] for value in values if (kind, value) in self._owners}

    def put(self, kind: str, held: Mapping[str, str]) -> None:
        """Keep texts."""
        self._owners.update({(kind, value): text for value, text in held.items()})

    def take(self, kind: str) -> Iterator[dict[str, str]]:
        """Yield what a kind holds, and drop it."""
        yield {value: self._owners.pop((of, value)) for of, value in list(self._owners) if of == kind}


def _message(line: bytes, number: int) -> dict[str, Any]:
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        raise InputError(f"Line {number + 1} of the input is no message of a tap.", hint="Read it again.")
    return message


class _Reader:
    """Reads the file as often as it takes, through the mapping's hooks."""

    def __init__(self, source: Path, mapping: MappingFile) -> None:
        self._source = source
        self.engine = Engine(mapping)
        self._hooks = Hooks(mapping.hooks)
        self._claims = _Claims()

    def stream(self, name: str) -> Iterator[Item]:
        """Yield the records of one stream as the tap sent them."""
        for _, stream, item in self._records({name}):
            if stream == name and not item.record.get("_sdc_deleted_at"):
                yield item

    def rows(self, streams: Collection[str] | None = None) -> Iterator[tuple[int, list[Row]]]:
        """Yield the rows of records that the hooks let through, by line; of all streams by default."""
        records = self._records(self.engine.rules if streams is None else streams)
        for stream, group in groupby(records, key=lambda prepared: prepared.stream):
            for piece in chunks(group, _BATCH):
                yield from self._prepared(stream, piece)

    def _prepared(self, stream: str, piece: list[Prepared]) -> Iterator[tuple[int, list[Row]]]:
        items = [prepared.item for prepared in piece]
        batch = Batch(stream, items, self._keys[stream], self._claims, last=True)
        self._hooks.prepare(batch)
        by_line: dict[int, list[Row]] = {}
        for name, some in [(stream, batch.items), *((name, made) for name, _, made in batch.emitted())]:
            for row in self.engine.rows(name, some):
                if not isinstance(row, Rejected):
                    by_line.setdefault(row.item.seq, []).append(row)
        yield from by_line.items()

    def _records(self, streams: Collection[str]) -> Iterator[Prepared]:
        self._keys: dict[str, list[str]] = {}
        with self._source.open("rb") as messages:
            for number, line in enumerate(messages):
                message = _message(line, number)
                if message.get("type") == "SCHEMA":
                    self._keys[message["stream"]] = message.get("key_properties") or []
                elif message.get("type") == "RECORD" and message["stream"] in streams:
                    stream, record = message["stream"], message["record"]
                    key = join_key([record.get(name) for name in self._keys[stream]])
                    yield Prepared(number, stream, Item(record, key, number))
