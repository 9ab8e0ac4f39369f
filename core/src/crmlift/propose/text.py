"""Names and values folded for comparison, whatever the language."""

from __future__ import annotations

import re
import unicodedata

_MARKS = re.compile("[\u0300-\u036f]")
_PLAIN = str.maketrans(
    {"ß": "ss", "ı": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "’": "'", "`": "'"}
)
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_BORDERS = re.compile(
    rf"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])|(?<=[A-ZÀ-Þ])(?=[A-ZÀ-Þ][a-zà-ÿ])|(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])"
    rf"|(?<=[A-Za-z])(?=[{_CJK}])|(?<=[{_CJK}])(?=[A-Za-z])"
)
_WORDS = re.compile(r"[^\W_]+(?:['.][^\W_]+)*")
_TOKENS = re.compile(r"(?:(?!_)[\w\u0300-\u036f\u0900-\u097f])+")


def fold(text: str) -> str:
    """Return text without case, Latin accents and outer spaces."""
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text.strip().casefold()))
    return unicodedata.normalize("NFC", bare.translate(_PLAIN))


def tokens(name: str) -> list[str]:
    """Return the folded words of a name: camelCase, snake_case, dots, digits and scripts part them."""
    return [fold(word) for part in _TOKENS.findall(name) for word in _BORDERS.split(part)]


def words(value: str) -> list[str]:
    """Return the folded words of a value; full stops inside (`s.r.l`) are dropped."""
    return [word.replace(".", "") for word in _WORDS.findall(fold(value))]


def entries(text: str) -> list[str]:
    """Return the folded entries of a comma-separated list of the data files."""
    return [entry for part in text.split(",") if (entry := fold(" ".join(part.split())))]
