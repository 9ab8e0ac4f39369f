"""Evidence from an attribute's name: phrases of many languages, what stands beside them, near misses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from rapidfuzz import fuzz, process

from crmlift.propose.consent import read_consent
from crmlift.propose.evidence import CONSENT, NONE, Evidence, Trait
from crmlift.propose.lists import data
from crmlift.propose.spelling import written_out
from crmlift.propose.text import entries, tokens

_CLOSE = 84
_MIN_CLOSE = 5
_MIN_COMPOUND = 4
_MIN_QUESTION = 3
_QUESTION_MARKS = ("?", "？", "؟")
_SECOND = frozenset("23456789")
_OWN = frozenset({"external_id", "created_at"})


class Phrase(NamedTuple):
    """A name that a field goes by; `head_last` says where its language puts what it is about."""

    field: str
    text: str
    weak: bool
    head_last: bool


@cache
def phrases() -> dict[str, list[Phrase]]:
    """The phrases of `names.toml` by their letters without spaces."""
    source = data("names.toml")
    heads_last = set(source["head_last"].split())
    found: dict[str, list[Phrase]] = defaultdict(list)
    for field, languages in source.items():
        if field == "words" or not isinstance(languages, dict):
            continue
        for language, text in languages.items():
            for entry in entries(text):
                bare = entry.rstrip("?")
                phrase = Phrase(field, bare, bare != entry, language in heads_last)
                found["".join(map(written_out, tokens(bare)))].append(phrase)
    return dict(found)


@cache
def word_list(name: str) -> frozenset[str]:
    """Return the words of a list that say nothing about a field, or that turn a name to another thing."""
    return frozenset(word for entry in entries(data("names.toml")["words"][name]) for word in entry.split())


def by_name(trait: Trait) -> Iterator[Evidence]:
    """Yield what the name says."""
    words = [written_out(word) for word in _asked_for(trait)]
    consent = list(read_consent(trait))
    yield from consent
    best = _matches(words)
    if any(item.field in CONSENT for item in consent):
        yield from (_say(match, turned=True) for match in best.values() if match.phrase.field != NONE)
        return
    for match in best.values():
        yield _say(match, turned=bool(consent))
    if not best:
        close = list(_close(words))
        yield from close
        if not close and any(_telling(word) for word in words):
            yield Evidence(NONE, "other_word", 1.0, "its name is none that we know")
    if _said_beside("turning", words, best):
        yield Evidence(NONE, "other_turned", 1.0, "its name is about something counted, dated or done")
    elif _said_beside("form", words, best):
        yield Evidence(NONE, "other_formed", 1.0, "its name is about a state, a kind or a key")
    elif _all_turned(best):
        yield Evidence(NONE, "other_turned", 0.5, "its name has a field in it but is about another thing")


def _asked_for(trait: Trait) -> list[str]:
    """The words of a name; of a question only what it asks for."""
    if len(trait.name.split()) < _MIN_QUESTION or not trait.name.rstrip().endswith(_QUESTION_MARKS):
        return trait.words
    return [word for word in trait.words if word not in word_list("question")]


class _Match(NamedTuple):
    phrase: Phrase
    kind: str
    beside: tuple[str, ...]


def _whole(best: dict[str, _Match]) -> bool:
    """Whether the name as a whole is one that a field goes by."""
    return any(
        match.kind in ("name", "name_weak", "name_second") for field, match in best.items() if field != NONE
    )


def _said_beside(what: str, words: list[str], best: dict[str, _Match]) -> bool:
    """Whether a word of a list stands beside all fields that the name has in it, or in a name without one."""
    known = word_list(what)
    fields = [match for field, match in best.items() if field != NONE]
    return not _whole(best) and all(
        any(word in known for word in beside)
        for beside in ([match.beside for match in fields] or [tuple(words)])
    )


def _all_turned(best: dict[str, _Match]) -> bool:
    """Whether fields are named only to say what the thing is about: `phone_country`."""
    kinds = {match.kind for field, match in best.items() if field != NONE}
    return kinds == {"name_turned"}


_ORDER = ("name", "name_second", "name_weak", "name_qualified", "name_formed", "name_headed", "name_turned")


def _matches(words: list[str]) -> dict[str, _Match]:
    """The best match per field."""
    best: dict[str, _Match] = {}
    for match in _all_matches(words):
        known = best.get(match.phrase.field)
        if known is None or _rank(match) < _rank(known):
            best[match.phrase.field] = match
    return best


def _rank(match: _Match) -> tuple[int, int]:
    return _ORDER.index(match.kind), -len(match.phrase.text)


def _all_matches(words: list[str]) -> Iterator[_Match]:
    known = phrases()
    for start in range(len(words)):
        for end in range(start + 1, len(words) + 1):
            joined = "".join(words[start:end])
            for phrase in known.get(joined, ()):
                match = _place(phrase, words[:start], words[end:])
                if not phrase.weak or match.kind == "name_weak":
                    yield match
        yield from _compounds(words, start)


def _compounds(words: list[str], at: int) -> Iterator[_Match]:
    """Words that are written together, as in `Kundentelefon` or `携帯番号`."""
    word, known = words[at], phrases()
    if word in known:
        return
    shortest = _MIN_COMPOUND if word.isascii() else 2
    for cut in range(1, len(word)):
        before, after = word[:cut], word[cut:]
        for part, rest, last in ((after, before, True), (before, after, False)):
            if len(part) < shortest or (len(rest) < 2 and rest not in word_list("neutral")):
                continue
            for phrase in known.get(part, ()):
                if phrase.head_last and not phrase.weak:
                    left, right = (words[:at], words[at + 1 :])
                    yield _place(phrase, [*left, rest] if last else left, right if last else [rest, *right])


def _place(phrase: Phrase, before: list[str], after: list[str]) -> _Match:
    """How well a phrase stands for a name, by what stands beside it."""
    head = after if phrase.head_last else before
    rest = [word for word in (*before, *after) if _telling(word, phrase.field)]
    rest += [word for word in head if _names_another(word, phrase.field)]
    if not rest:
        second = any(word in _SECOND for word in (*before, *after))
        kind = "name_weak" if phrase.weak else "name_second" if second else "name"
    elif all(word in word_list("form") for word in rest):
        kind = "name_formed"
    elif any(word in word_list("turning") or _names_another(word, phrase.field) for word in rest):
        kind = "name_turned"
    elif any(word in rest for word in head):
        kind = "name_headed"
    else:
        kind = "name_qualified"
    return _Match(phrase, kind, (*before, *after))


def _telling(word: str, field: str = "") -> bool:
    """Whether a word adds something: not a number, not a prefix of systems, not who it is about.

    An id or a beginning is the person's own only where nothing else is named: `company_id` is another's.
    """
    if word.isdigit() or (len(word) == 1 and word.isascii()) or word in word_list("person"):
        return False
    if field == "external_id" and word in word_list("system"):
        return False
    if field == "employees" and word in word_list("count"):
        return False
    return (field in _OWN and word in word_list("place")) or word not in word_list("neutral") | word_list(
        "place"
    )


def _names_another(word: str, field: str) -> bool:
    """Whether a word that mostly says nothing names a field of its own: `company_address` is no company."""
    return any(phrase.field not in (field, NONE) and not phrase.weak for phrase in phrases().get(word, ()))


_SAYS = {
    "name": "its name is “{}”",
    "name_second": "its name is “{}”, perhaps of a second one",
    "name_weak": "its name, “{}”, may mean this",
    "name_qualified": "its name is about “{}”",
    "name_formed": "its name is about “{}”, or its state, kind or key",
    "name_headed": "its name has “{}” in it",
    "name_turned": "its name has “{}” in it but is about something else",
}


def _say(match: _Match, *, turned: bool) -> Evidence:
    kind = "name_turned" if turned and match.phrase.field != NONE else match.kind
    text = _SAYS[kind].format(match.phrase.text)
    if match.phrase.field == NONE:
        kind, text = "other_" + kind, f"“{match.phrase.text}” is no standard field"
    return Evidence(match.phrase.field, kind, 1.0, text)


@cache
def _long_phrases() -> list[str]:
    return [letters for letters in phrases() if len(letters) >= _MIN_CLOSE]


def _close(words: list[str]) -> Iterator[Evidence]:
    letters = "".join(word for word in words if _telling(word))
    if len(letters) < _MIN_CLOSE:
        return
    found = process.extract(letters, _long_phrases(), scorer=fuzz.ratio, score_cutoff=_CLOSE, limit=3)
    for spelling, score, _ in found:
        for phrase in phrases()[spelling]:
            kind = "other_name_close" if phrase.field == NONE else "name_close"
            strength = (score - _CLOSE) / (100 - _CLOSE) * 0.5 + 0.5
            yield Evidence(phrase.field, kind, strength, f"its name is close to “{phrase.text}”")
            break
