"""Propose fields for attributes: every detector gives evidence, one place weighs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crmlift.propose import meaning
from crmlift.propose.evidence import Evidence, Trait
from crmlift.propose.names import by_name
from crmlift.propose.values import by_values
from crmlift.propose.weigh import Verdict, weigh, weights


def gather(traits: Sequence[Trait], *, use_meaning: bool) -> Iterator[list[Evidence]]:
    """Yield all evidence, trait by trait."""
    meanings = meaning.by_meaning(traits) if use_meaning and traits else iter([[] for _ in traits])
    for trait, more in zip(traits, meanings, strict=True):
        yield [*by_name(trait), *by_values(trait), *more]


def judge(traits: Sequence[Trait], *, use_meaning: bool | None = None) -> list[Verdict]:
    """Return a verdict per trait, in their order; meaning is used where its extra is installed."""
    use_meaning = meaning.available() if use_meaning is None else use_meaning
    model = weights("meaning" if use_meaning else "plain")
    found = gather(traits, use_meaning=use_meaning)
    return [weigh(items, model, seen=bool(trait.values)) for trait, items in zip(traits, found, strict=True)]
