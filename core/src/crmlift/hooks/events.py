"""Events for CRMs that are not made for them: columns and a rest, a limit per person, sums per month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import Field, PrivateAttr, ValidationError

from crmlift.batch import Batch, Claims, Item, Record
from crmlift.errors import ConfigError
from crmlift.hooks.options import Options, moment_of
from crmlift.hookspecs import Page, hookimpl
from crmlift.mapping.engine import Getter, path_getter
from crmlift.mapping.expression import compile_expression
from crmlift.scope.model import Profile

MONTHS = "activity_months"
"""The stream of the sums per person and month."""
_NOTES, _NOTED = "events.notes", "events.noted"
_COUNTED, _SUMS, _CHANGED = "events.counted", "events.sums", "events.changed"


class Events(Options):
    """Write parts of each activity under `into`: `columns` and `rest` of its properties, and `note`.

    Columns are the properties in `columns`, and those that, by the `profile` of `crmlift scope`, at least
    `share` of the events of that name have. The first `most_notes` events of a person that are read are
    notes. With `months`, sums per person and month are sent at the end of the run, as the stream
    `activity_months`. Only events for which `when` holds are notes or counted.
    """

    into: str = "event"
    data: str = "data"
    columns: list[str] = []
    profile: Path | None = None
    share: float = Field(0.1, ge=0, le=1)
    most_notes: int | None = Field(None, ge=0)
    months: bool = False
    when: str = "cio_id"
    _common: dict[str, Getter] = PrivateAttr(default_factory=dict)
    _by_event: dict[str, dict[str, Getter]] = PrivateAttr(default_factory=dict)
    _wanted: Callable[[Record], Any] = PrivateAttr()

    def model_post_init(self, _context: object) -> None:
        """Read the profile once; a missing one is reported before the first record."""
        self._wanted = compile_expression(self.when)
        self._common = {name: path_getter(name) for name in self.columns}
        for event in self._read_profile().events if self.profile else ():
            # Inside a list there is no one value: such properties stay in the rest.
            often = [p.name for p in event.properties if p.share >= self.share and "[" not in p.name]
            self._by_event[event.name] = self._common | {name: path_getter(name) for name in often}

    def _read_profile(self) -> Profile:
        try:
            return Profile.model_validate_json(Path(str(self.profile)).read_bytes())
        except FileNotFoundError:
            problem = "is not there"
        except ValidationError:
            problem = "is no profile"
        raise ConfigError(
            f"The hook 'events' needs the profile {self.profile}, which {problem}.",
            hint="Write it with `crmlift scope`.",
        )

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Add the parts of each activity; count it for its month."""
        if batch.stream != "activities":
            return
        for item in batch.items:
            item.record[self.into] = self._parts(item.record)
        wanted = [item for item in batch.items if self._wanted(item.record)]
        # Where people were merged, their row is the person: `dedupe` remembers it.
        people = {str(item.record.get("cio_id")) for item in wanted}
        rows = batch.claims.owners("people.row", people)
        who = {id(item): rows.get(person := str(item.record.get("cio_id")), person) for item in wanted}
        if self.most_notes is not None:
            self._limit(batch, wanted, who, self.most_notes)
        if self.months:
            self._sum_up(batch, wanted, who)

    @hookimpl
    def crmlift_complete(self, claims: Claims) -> Iterator[Page]:
        """Send the sums that changed in this run, or in one that broke off."""
        for changed in claims.take(_CHANGED):
            sums = claims.owners(_SUMS, changed)
            yield MONTHS, ("id",), [_month(key, orjson.loads(text)) for key, text in sums.items()]

    def _parts(self, record: Record) -> Record:
        data = record.get(self.data)
        if not isinstance(data, dict):
            return {"columns": {}, "rest": data, "note": True}
        getters = self._by_event.get(str(record.get("name")), self._common)
        columns = {name: value for name, get in getters.items() if (value := get(data)) is not None}
        rest = {name: value for name, value in data.items() if name not in columns}
        return {"columns": columns, "rest": rest, "note": True}

    def _limit(self, batch: Batch, items: list[Item], who: dict[int, str], most: int) -> None:
        """Choose the notes of each person; what was chosen once stays chosen."""
        chosen = batch.claims.owners(_NOTES, [item.key for item in items])
        numbers = {
            person: int(text) for person, text in batch.claims.owners(_NOTED, set(who.values())).items()
        }
        new: dict[str, str] = {}
        for item in items:
            person = who[id(item)]
            if item.key in chosen or item.key in new:
                continue
            if numbers.get(person, 0) < most:
                numbers[person] = numbers.get(person, 0) + 1
                new[item.key] = person
            else:
                item.record[self.into]["note"] = False
                batch.count("notes_left_out", item=item)
        batch.claims.put(_NOTES, new)
        batch.claims.put(_NOTED, {person: str(numbers[person]) for person in set(new.values())})

    def _sum_up(self, batch: Batch, items: list[Item], who: dict[int, str]) -> None:
        """Add each event to the sums of its person and month, once, however often it is read."""
        counted = batch.claims.owners(_COUNTED, [item.key for item in items])
        added: dict[str, list[tuple[str, int]]] = {}
        new: dict[str, str] = {}
        for item in items:
            moment = moment_of(item.record.get("timestamp"))
            if moment is None:
                batch.count("events_without_time", item=item)
            elif item.key not in counted and item.key not in new:
                key = f"{who[id(item)]}:{datetime.fromtimestamp(moment, UTC):%Y-%m}"
                new[item.key] = key
                name = str(item.record.get("name") or item.record.get("type") or "")
                added.setdefault(key, []).append((name, moment))
        sums = {key: orjson.loads(text) for key, text in batch.claims.owners(_SUMS, added).items()}
        after = {key: _add(sums.get(key), events) for key, events in added.items()}
        batch.claims.put(_SUMS, {key: orjson.dumps(total).decode() for key, total in after.items()})
        batch.claims.put(_CHANGED, dict.fromkeys(after, ""))
        batch.claims.put(_COUNTED, new)
        if new:
            batch.count("summed_up", len(new))


def _add(total: Record | None, events: list[tuple[str, int]]) -> Record:
    moments = [moment for _, moment in events]
    if total:
        moments += [total["first"], total["last"]]
    names = Counter(total["names"] if total else {})
    names.update(name for name, _ in events)
    return {"names": dict(sorted(names.items())), "first": min(moments), "last": max(moments)}


def _month(key: str, total: Record) -> Record:
    """Return the record of one sum: `names` counts events by name, `first` and `last` are unix seconds."""
    person, _, month = key.rpartition(":")
    often = sorted(total["names"].items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "id": key,
        "cio_id": person,
        "month": month,
        "starts_on": f"{month}-01",
        "count": sum(total["names"].values()),
        "summary": ", ".join(f"{name} ({number})" for name, number in often),
        **total,
    }
