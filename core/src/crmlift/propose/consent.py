"""Consent and opt-out: polarity by rule.

A name that speaks of mail or marketing, and of a yes (`consent`, `subscribed`) or a no (`unsub`,
`blocked`), is about consent. Each no and each negation turns it once: `do_not_email` is out,
`not_unsubscribed` is in. Another channel, or a date or reason of a consent, is no field of ours. The
values must be answers (yes and no, `granted`, `opted_out`); where they say themselves who is in and
who is out, a plain `status` is read as in. Nobody's consent is ever taken for sure: see `bands.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from crmlift.propose.evidence import NONE, Evidence, Trait
from crmlift.propose.lists import data
from crmlift.propose.spelling import corrected
from crmlift.propose.text import entries, fold

_MOST_WORDS = 3
_ANSWERS = 0.75
_SAID_OUT = frozenset(
    {
        *("opted in", "opted out", "opt in", "opt out", "optin", "optout", "not opted in"),
        *("subscribed", "unsubscribed", "not subscribed"),
    }
)


@cache
def _entries(part: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The entries of a part, whole ones and beginnings, without spaces."""
    found = [entry.replace(" ", "") for entry in entries(data("consent.toml")[part])]
    return (
        frozenset(entry for entry in found if not entry.endswith("*")),
        tuple(entry.rstrip("*") for entry in found if entry.endswith("*")),
    )


def _is(part: str, letters: str, size: int = 1) -> bool:
    whole, starts = _entries(part)
    return letters in whole or (size == 1 and letters.startswith(starts))


def _roles(words: list[str]) -> list[str]:
    """What each word, or run of words, does in a name of consent; the longest run counts."""
    roles, at = [], 0
    while at < len(words):
        for size in range(min(_MOST_WORDS, len(words) - at), 0, -1):
            letters = "".join(words[at : at + size])
            role = next((part for part in _PARTS if _is(part, letters, size)), None)
            if role or size == 1:
                roles.append(role or "")
                at += size
                break
    return roles


def read_consent(trait: Trait) -> Iterator[Evidence]:
    """Yield what a name, together with its values, says about consent; nothing where it is not about that."""
    roles = _split(trait.words)
    about = "topic" in roles or "alone" in roles
    said = {fold(value).replace("_", " ").replace("-", " ") for value in trait.values}
    agrees = "yes" in roles or ("agree" in roles and about)
    if (
        said
        and said <= _SAID_OUT
        and "elsewhere" not in roles
        and (about or agrees or "no" in roles or "turning" in roles)
    ):
        yield Evidence("email_opt_in", "consent", 1.0, "its values say who is in and who is out")
        return
    elsewhere = "elsewhere" in roles and "agree" in roles
    if not (elsewhere or "no" in roles or agrees or "alone" in roles or ("negation" in roles and about)):
        return
    if "elsewhere" in roles:
        if "no" in roles or "yes" in roles or "agree" in roles:
            yield Evidence(
                NONE, "other_consent", 1.0, "it is about another channel, or another kind of consent"
            )
        return
    if "turning" in roles or trait.answers < _ANSWERS:
        if "no" in roles or (agrees and about):
            yield Evidence(NONE, "other_consent", 1.0, "it is about a consent but holds no yes or no")
        return
    turns = roles.count("no") + roles.count("negation")
    field, text = ("email_opt_out", "a no to mail") if turns % 2 else ("email_opt_in", "a yes to mail")
    yield Evidence(field, "consent", 1.0, f"by its name it is {text}" + _turned(turns))


def _turned(turns: int) -> str:
    return " (a negation of a no)" if turns > 1 else ""


def _split(words: list[str]) -> list[str]:
    """Roles of the words; a word that is written together is parted where all its parts are known."""
    parted: list[str] = []
    for word in map(corrected, words):
        parted += _part(word) if len(word) > 4 and not any(_is(part, word) for part in _PARTS) else [word]
    return _roles(parted)


_PARTS = ("no", "elsewhere", "negation", "yes", "agree", "alone", "topic", "turning")


@cache
def _written_together() -> frozenset[str]:
    """The whole entries of all parts but those that only turn the meaning."""
    return frozenset().union(*(_entries(part)[0] for part in _PARTS if part != "turning"))


def _part(word: str) -> list[str]:
    """The fewest known parts that make up a word, or the word itself."""
    known = _written_together()
    best: list[list[str] | None] = [[]]
    for end in range(1, len(word) + 1):
        ways = [
            [*before, word[start:end]]
            for start, before in enumerate(best)
            if before is not None and end - start >= 2 and word[start:end] in known
        ]
        best.append(min(ways, key=len, default=None))
    return best[-1] or [word]
