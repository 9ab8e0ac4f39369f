"""Words of names as they are meant: written out where they are cut short, and without a slip of the pen."""

from __future__ import annotations

from functools import cache

from rapidfuzz.distance import OSA

from crmlift.propose.lists import data
from crmlift.propose.text import entries, tokens

_LONG = 6


def written_out(word: str) -> str:
    """Return what a folded word of a name stands for: `nm` is `name`, `creatd` is `created`."""
    return _short_forms().get(word) or corrected(word)


def corrected(word: str) -> str:
    """Return a long word that is no word of ours as the one that it misses by one letter, if there is one.

    The first letter is right, as it is in most slips; other scripts are left alone.
    """
    if len(word) < _LONG or not word.isascii() or not word.isalpha() or word in _vocabulary():
        return word
    return _close_to(word)


@cache
def _close_to(word: str) -> str:
    near = (known for known in _by_first_letter().get(word[0], ()) if abs(len(known) - len(word)) <= 1)
    return next((known for known in near if OSA.distance(known, word, score_cutoff=1) <= 1), word)


@cache
def _short_forms() -> dict[str, str]:
    short = data("spelling.toml")["short"]
    return {form: word for word, forms in short.items() for form in entries(forms)}


@cache
def _vocabulary() -> frozenset[str]:
    """All words of the lists of names and of consent."""
    names, consent = data("names.toml"), data("consent.toml")
    texts = [text for part in names.values() if isinstance(part, dict) for text in part.values()]
    return frozenset(word for text in (*texts, *consent.values()) for word in tokens(text))


@cache
def _by_first_letter() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    # A letter is left out more often than added.
    for word in sorted(_vocabulary(), key=lambda word: (-len(word), word)):
        if len(word) >= _LONG and word.isascii():
            found.setdefault(word[0], []).append(word)
    return found
