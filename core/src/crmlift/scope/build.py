"""Make the profile of what a store has gathered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Literal

from crmlift.addresses import is_free_mail
from crmlift.propose.evidence import Trait
from crmlift.propose.values import by_values
from crmlift.scope import model
from crmlift.scope.store import SKETCH_SIZE, Store
from crmlift.scope.streams import DOCUMENTS
from crmlift.scope.values import mask, patterns

COLUMN_SHARE = 0.1
"""A property that fewer of an event's occurrences have gets no column of its own in a CRM."""
SHOWN_GROUPS = 20
_SHOWN_EXAMPLES = 3
_SHOWN_IDS = 10
_PATTERN_VALUES = 300
_SIGN_VALUES = 40
_PROPOSED = ("people", "objects")
_SHOWN_DOMAINS = 20
_SHARED_DOMAIN = 5
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Options:
    """How to look at it: `now` in unix seconds, values masked unless `show_values`."""

    now: int
    inactive_days: int = 365
    show_values: bool = False

    def show(self, value: str) -> str:
        """A value as it may be shown."""
        return value if self.show_values else mask(value)


def build_profile(store: Store, options: Options) -> model.Profile:
    """Return the profile; the store must be finished, and is closed."""
    looked_at = list(_attributes(store, options))
    profile = model.Profile(
        written_at=_time(options.now) or "",
        values_shown=options.show_values,
        streams=_streams(store),
        people=_people(store, options),
        deleted=_deleted(store),
        duplicates=[_duplicates(store, options, by) for by in ("email", "mailbox", "id")],
        attributes=[],
        attributes_left_out=store.attributes_left_out,
        events=_events(store, [attribute for attribute, _ in looked_at]),
        volume=_volume(store),
        objects=_objects(store),
        segments=_segments(store),
        documents=_documents(store),
        redacted=_redacted(store),
        devices=_devices(store),
        unread=[
            model.Unread(subject=subject, status=status, reason=reason)
            for subject, status, reason in _rows(store, "select * from unread order by 1, 2")
        ],
    )
    # Its memory is free before the word lists are loaded.
    store.close()
    return profile.model_copy(update={"attributes": list(_with_signs(looked_at))})


def _rows(store: Store, query: str, *values: Any) -> list[tuple[Any, ...]]:
    return store.sql.execute(query, list(values)).fetchall()


def _streams(store: Store) -> list[model.StreamCount]:
    query = "select stream, sum(n)::ubigint, sum(deleted)::ubigint from records group by 1 order by 1"
    return [model.StreamCount(stream=name, records=n, deleted=gone) for name, n, gone in _rows(store, query)]


# Attributes


@dataclass(slots=True)
class _Sample:
    """The distinct values of an attribute with the smallest hashes."""

    values: list[tuple[str, int]]
    largest: int = 0

    @property
    def exact(self) -> bool:
        return len(self.values) < SKETCH_SIZE

    @property
    def distinct(self) -> int:
        if self.exact:
            return len(self.values)
        return round((SKETCH_SIZE - 1) * 2**64 / self.largest)


def _attributes(store: Store, options: Options) -> Iterator[tuple[model.Attribute, list[str]]]:
    """Each attribute, with some of its values."""
    totals = {
        (stream, group): n
        for stream, group, n in _rows(store, "select stream, grp, sum(n)::ubigint from totals group by all")
    }
    counts: dict[int, list[tuple[str, int, int, int]]] = defaultdict(list)
    for a, kind, n, empty, longest in _rows(
        store,
        "select a, kind, sum(n)::ubigint, coalesce(sum(empty), 0)::ubigint, max(longest) "
        "from counts group by a, kind order by a, 3 desc, kind",
    ):
        counts[a].append((kind, n, empty, longest))
    within = dict(_rows(store, "select a, sum(filled)::ubigint from within group by a"))
    known = _rows(store, "select a, stream, grp, name from attributes order by stream, grp, name, a")
    spellings = _spellings(known)
    samples = _samples(store)
    sampled = next(samples, None)
    for a, stream, group, name in known:
        total = totals[stream, group]
        filled = within.get(a, sum(n - empty for _, n, empty, _ in counts[a]))
        types = {kind: n for kind, n, _, _ in counts[a]}
        sample = _Sample([])
        if sampled is not None and sampled[0] == a:
            sample, sampled = sampled[1], next(samples, None)
        shown = sorted(sample.values, key=lambda value: -value[1])[:_SHOWN_EXAMPLES]
        attribute = model.Attribute(
            stream=stream,
            group=group,
            name=name,
            total=total,
            filled=filled,
            null_rate=round(1 - filled / total, 4),
            types=types,
            mixed=len({"number" if kind == "integer" else kind for kind in types} - {"null"}) > 1,
            distinct=sample.distinct,
            distinct_exact=sample.exact,
            longest=max((longest for kind, _, _, longest in counts[a] if kind != "null"), default=0),
            patterns=patterns(value for value, _ in sample.values[:_PATTERN_VALUES]),
            examples=list(dict.fromkeys(options.show(value) for value, _ in shown)),
            differs_by_case=sorted(spellings[stream, group, name.casefold()] - {name}),
        )
        yield attribute, [value for value, _ in sample.values[:_SIGN_VALUES]]


def _with_signs(looked_at: list[tuple[model.Attribute, list[str]]]) -> Iterator[model.Attribute]:
    """The attributes of all but events; what a mapping may take as a field, with what its values say."""
    for attribute, values in looked_at:
        name = attribute.name
        if attribute.stream in _PROPOSED and "[]" not in name and "*" not in name:
            yield attribute.model_copy(update={"signs": _signs(name, values)})
        elif attribute.stream != "activities":
            yield attribute


def _signs(name: str, values: list[str]) -> list[model.Sign]:
    """What the values say about a CRM's field, while they are at hand."""
    return [
        model.Sign(field=found.field, kind=found.kind, strength=round(found.strength, 3), text=found.text)
        for found in by_values(Trait(name, values))
    ]


def _samples(store: Store) -> Iterator[tuple[int, _Sample]]:
    """Each attribute's sample, in the order of the attributes; all at once would not fit."""
    cursor = store.sql.cursor().execute(
        "select a, h, val, n from sketch join attributes using (a) order by stream, grp, name, a, h"
    )
    for a, rows in groupby(_each(cursor), key=lambda row: row[0]):
        sample = _Sample([])
        for _, sample.largest, value, n in rows:
            sample.values.append((value, n))
        yield a, sample


def _each(cursor: Any) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(10_000):
        yield from rows


def _spellings(known: list[tuple[Any, ...]]) -> dict[tuple[str, str, str], set[str]]:
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for _, stream, group, name in known:
        found[stream, group, name.casefold()].add(name)
    return found


# People


def _people(store: Store, options: Options) -> model.People:
    query = """
    with last as (select who, max(moment) as moment from signs group by who), life as (
      select greatest(max(p.seen), max(s.moment)) as moment
      from persons p left join last s using (who) group by p.who
    )
    select count(*) filter (moment >= $since), count(*) filter (moment < $since),
           count(*) filter (moment is null)
    from life
    """
    since = options.now - options.inactive_days * _DAY
    ((active, inactive, no_sign),) = store.sql.execute(query, {"since": since}).fetchall()
    ((total, with_email, without_id, anonymous, unsubscribed, with_devices),) = _rows(
        store,
        "select count(*), count(email), count(*) filter (id is null), "
        "count(*) filter (id is null and email is null), count(*) filter (unsubscribed), "
        "count(*) filter (devices > 0) from persons",
    )
    domains = _rows(
        store,
        "select split_part(email, '@', 2) as domain, count(*) from persons where contains(email, '@') "
        "group by 1 order by 2 desc, 1",
    )
    return model.People(
        total=total,
        with_email=with_email,
        without_email=total - with_email,
        without_id=without_id,
        anonymous=anonymous,
        unsubscribed=unsubscribed,
        inactive_days=options.inactive_days,
        active=active,
        inactive=inactive,
        no_sign=no_sign,
        with_devices=with_devices,
        business_email=sum(people for domain, people in domains if not is_free_mail(domain)),
        domains=[
            # A domain of few people may be a person's own.
            model.Domain(
                domain=domain if people >= _SHARED_DOMAIN else options.show(domain),
                people=people,
                free=is_free_mail(domain),
            )
            for domain, people in domains[:_SHOWN_DOMAINS]
        ],
    )


_KEYS = {
    "email": "email",
    "mailbox": r"regexp_replace(email, '\+[^@]*@', '@')",
    "id": "id",
}


def _duplicates(store: Store, options: Options, by: Literal["email", "mailbox", "id"]) -> model.Duplicates:
    groups = f"select {_KEYS[by]} as value, count(*) as people from persons where {_KEYS[by]} is not null"
    groups += " group by 1 having count(*) > 1"
    ((number, people),) = _rows(store, f"select count(*), coalesce(sum(people), 0)::ubigint from ({groups})")
    shown = _rows(
        store,
        f"with shared as ({groups} order by people desc, value limit {SHOWN_GROUPS}) "
        f"select value, people, list_slice(list(cio_id order by cio_id), 1, {_SHOWN_IDS}) "
        f"from shared join persons on {_KEYS[by]} = value group by all order by people desc, value",
    )
    return model.Duplicates(
        by=by,
        groups=number,
        people=people,
        largest=[model.Group(value=options.show(value), people=n, cio_ids=ids) for value, n, ids in shown],
    )


def _deleted(store: Store) -> model.Deleted:
    query = """
    select count(distinct who), count(distinct who) filter (
      id in (select id from persons) or email in (select email from persons)
    ) from deletions
    """
    ((profiles, came_back),) = _rows(store, query)
    return model.Deleted(profiles=profiles, came_back=came_back)


# What happened


def _events(store: Store, attributes: list[model.Attribute]) -> list[model.Event]:
    properties: dict[str, list[model.Property]] = defaultdict(list)
    for attribute in attributes:
        if attribute.stream == "activities":
            share = round(attribute.filled / attribute.total, 4)
            properties[attribute.group].append(
                model.Property(**attribute.model_dump(), share=share, column=share >= COLUMN_SHARE)
            )
    query = """
    select kind, name, sum(n)::ubigint, min(first), max(last) from volumes
    where stream = 'activities' and kind in ('event', 'page', 'screen')
    group by kind, name order by 3 desc, kind, name
    """
    return [
        model.Event(
            kind=kind,
            name=name,
            count=n,
            first=_time(first),
            last=_time(last),
            properties=sorted(properties[f"{kind}:{name}"], key=lambda p: (-p.share, p.name)),
        )
        for kind, name, n, first, last in _rows(store, query)
    ]


def _volume(store: Store) -> list[model.Volume]:
    query = "select month, stream, kind, sum(n)::ubigint from volumes group by all order by 1, 2, 3"
    return [
        model.Volume(month=month, stream=stream, kind=kind, count=n)
        for month, stream, kind, n in _rows(store, query)
    ]


# What there is


def _objects(store: Store) -> list[model.ObjectType]:
    query = """
    with found as (
      select type, coalesce(sum(n) filter (stream = 'objects'), 0)::ubigint as objects,
             coalesce(sum(n) filter (stream = 'relationships'), 0)::ubigint as relationships
      from related group by type
    ), types as (select id, slug, name from documents where stream = 'object_types')
    select coalesce(id, type), coalesce(slug, ''), coalesce(name, ''),
           coalesce(objects, 0), coalesce(relationships, 0)
    from types full join found on type = id order by try_cast(coalesce(id, type) as bigint), 1
    """
    return [
        model.ObjectType(id=id, slug=slug, name=name, objects=objects, relationships=relationships)
        for id, slug, name, objects, relationships in _rows(store, query)
    ]


def _segments(store: Store) -> list[model.Segment]:
    query = """
    select id, name, type, state, rule, coalesce(n, 0)
    from documents left join (select segment, sum(n)::ubigint as n from members group by 1) on segment = id
    where stream = 'segments' order by try_cast(id as bigint), id
    """
    return [
        model.Segment(id=id, name=name, type=kind, state=state, rule=rule, members=members)
        for id, name, kind, state, rule, members in _rows(store, query)
    ]


def _documents(store: Store) -> list[model.Documents]:
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    for stream, state, n in _rows(
        store, "select stream, state, count(*) from documents group by all order by 3 desc, 2"
    ):
        numbers[stream][state] = n
    return [
        model.Documents(
            kind=kind,
            number=sum(numbers[stream].values()),
            by_state={state: n for state, n in numbers[stream].items() if state},
        )
        for stream, kind in DOCUMENTS.items()
        if stream in numbers
    ]


def _redacted(store: Store) -> list[model.Redaction]:
    query = """
    select channel, sum(n)::ubigint, sum(redacted)::ubigint from redactions group by 1 order by 2 desc, 1
    """
    return [model.Redaction(channel=name, messages=n, redacted=gone) for name, n, gone in _rows(store, query)]


def _devices(store: Store) -> list[model.Devices]:
    query = (
        "select platform, sum(n)::ubigint, sum(enabled)::ubigint from devices group by 1 order by 2 desc, 1"
    )
    return [model.Devices(platform=name, devices=n, push_enabled=on) for name, n, on in _rows(store, query)]


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
