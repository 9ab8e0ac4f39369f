"""Propose fields for attributes: every detector gives evidence, one place weighs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from crmlift.errors import ConfigError
from crmlift.hooks.manager import Hooks
from crmlift.propose import meaning
from crmlift.propose.evidence import LABELS, Evidence, Trait
from crmlift.propose.names import by_name
from crmlift.propose.values import by_values
from crmlift.propose.weigh import Verdict, weigh, weights


def gather(
    traits: Sequence[Trait], *, use_meaning: bool, hooks: Hooks | None = None
) -> Iterator[list[Evidence]]:
    """Yield all evidence, trait by trait."""
    meanings = meaning.by_meaning(traits) if use_meaning and traits else iter([[] for _ in traits])
    others = _of_plugins(traits, hooks) if hooks else [[] for _ in traits]
    for trait, meant, other in zip(traits, meanings, others, strict=True):
        yield [*by_name(trait), *(by_values(trait) if trait.values else trait.known), *meant, *other]


def judge(
    traits: Sequence[Trait], *, use_meaning: bool | None = None, hooks: Hooks | None = None
) -> list[Verdict]:
    """Return a verdict per trait, in their order; meaning is used where its extra is installed."""
    use_meaning = meaning.available() if use_meaning is None else use_meaning
    model = weights("meaning" if use_meaning else "plain")
    found = gather(traits, use_meaning=use_meaning, hooks=hooks)
    return [weigh(items, model, seen=trait.seen) for trait, items in zip(traits, found, strict=True)]


def _of_plugins(traits: Sequence[Trait], hooks: Hooks) -> list[list[Evidence]]:
    """What third parties say, as evidence of the kind `plugin`; an error names the plugin."""
    found: list[list[Evidence]] = [[] for _ in traits]
    for plugin, answer in hooks.proposals(traits):
        if len(answer) != len(traits):
            raise ConfigError(
                f"The hook '{plugin}' answered for {len(answer)} of {len(traits)} attributes.",
                hint="It must give one list of evidence per attribute, in their order.",
            )
        for items, said in zip(found, answer, strict=True):
            items += [_checked(plugin, item) for item in said]
    return found


def _checked(plugin: str, item: Evidence) -> Evidence:
    if item.field not in LABELS:
        raise ConfigError(f"The hook '{plugin}' proposes '{item.field}', which is no field of ours.")
    strength = max(-1.0, min(1.0, item.strength))
    return replace(item, kind="plugin", strength=strength, text=f"{plugin}: {item.text}")
