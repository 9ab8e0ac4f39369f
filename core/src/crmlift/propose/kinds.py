"""What a single value looks like, and which of these looks each field accepts."""

from __future__ import annotations

import re
from functools import lru_cache

from crmlift.propose.lists import entries_of
from crmlift.propose.text import fold
from crmlift.scope.values import PATTERNS

_LINKEDIN = re.compile(r"(https?://)?([a-z]{2,3}\.)?linkedin\.com/\S*|/?in/[\w%-]+/?", re.I)
_SOCIAL = re.compile(
    r"(https?://)?(\w+\.)?(facebook|twitter|x|instagram|github|youtube|tiktok|xing)\.com/\S+", re.I
)
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(?:/[^\s.]*)?", re.I)
_FILE = re.compile(r"\S+\.(png|jpe?g|gif|svg|webp|pdf|csv|zip|docx?|xlsx?|mp4|mp3|html?)(\?\S*)?", re.I)
_MONEY = r"(?:[€$£¥₹₽₩]|r\$|eur|usd|gbp|chf|pln|kr|zl|tl|kč|ft|руб\.?|грн\.?)"
_UNIT = (
    r"(?:k|m|mm|mio\.?|mrd\.?|million(?:en|s)?|milyon|millones|milh[õo]es|mln|bn|b|млн|млрд|тыс\.?"
    r"|万円|億円|万|億|亿|円|元)"
)
_AMOUNT = rf"\d[\d.,' \u00a0\u202f]*\d?\s*{_UNIT}?"
_PHONE = re.compile(r"(?=(\D*\d){7,15}\D*$)[+(]?\d[\d\s()./\u2010-\u2015-]+\d(\s*(x|ext\.?)\s*\d+)?")

_RULES: dict[str, re.Pattern[str]] = {
    "email": PATTERNS["email"],
    "linkedin": _LINKEDIN,
    "social": _SOCIAL,
    "handle": re.compile(r"@\w[\w.]*"),
    "file": _FILE,
    "deep_url": re.compile(
        r"(?:https?://|www\.)[^/\s]+/[^\s/]+(?:[/?#]\S+)|(?:https?://)[^/\s]+/\S*[?=&]\S*", re.I
    ),
    "url": PATTERNS["url"],
    "domain": _DOMAIN,
    "path": re.compile(r"/[\w./-]*"),
    "ip": re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-f]{0,4}:){4,7}[0-9a-f]{0,4}", re.I),
    "uuid": PATTERNS["uuid"],
    "token": re.compile(r"(?=\S*\d)(?=\S*[a-z])[a-z0-9_$./+=:-]{18,}|[0-9a-f]{16,}", re.I),
    "json": PATTERNS["json"],
    "html": PATTERNS["html"],
    "datetime": re.compile(
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s?(Z|UTC|[+-]\d{2}:?\d{2})?"
        r"|\d{14}(\.\d+)?Z"  # LDAP's generalized time
        r"|\d{1,2}[-/.]\d{1,2}[-/.]\d{4},? \d{1,2}:\d{2}(:\d{2})?( [ap]m)?"
        r"|\d{1,2}[- ][^\W\d]{3,9}[- ]\d{4} \d{1,2}:\d{2}(:\d{2})?( [ap]m)?",
        re.I,
    ),
    "date": re.compile(
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\.?|\d{1,2}[-/.]\s?\d{1,2}[-/.]\s?\d{4}|\d{4}年\d{1,2}月\d{1,2}日?"
        r"|\d{4}년 ?\d{1,2}월 ?\d{1,2}일?|\d{1,2}\.? [^\W\d]{3,9}\.? \d{4}|[^\W\d]{3,9}\.? \d{1,2}, \d{4}"
        r"|\d{1,2}-[^\W\d]{3}-\d{2}(\d{2})?"
        r"|(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])|([0-2]\d|3[01])(0[1-9]|1[0-2])(19|20)\d{2}"
    ),
    # Six digits as in 950312, which may be anything else as well.
    "short_date": re.compile(r"\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"),
    "year_month": re.compile(r"(19|20)\d{2}[-/.](0?[1-9]|1[0-2])"),
    "month_day": re.compile(r"(0?[1-9]|[12]\d|3[01])[/.-](0?[1-9]|[12]\d|3[01])\.?"),
    "unix": re.compile(r"1\d{9}(\d{3})?(\.\d+)?"),
    "integer": re.compile(r"[+-]?\d+"),
    "decimal": re.compile(r"[+-]?\d*[.,]\d{1,6}|[+-]?\d+[.,]\d{1,2}"),
    "percent": re.compile(r"[+-]?\d+([.,]\d+)?\s?%"),
    "money": re.compile(
        rf"{_MONEY}\s?{_AMOUNT}\+?|{_AMOUNT}\s?{_MONEY}\+?|\d[\d,.' ]*\s?(?:mio\.?|mrd\.?|million|万円|億円)"
        r"|\d{5,}[.,]\d{2}",
        re.I,
    ),
    "grouped": re.compile(r"\d{1,3}([ .,'\u00a0]\d{3})+"),
    "range": re.compile(
        r"[<>]?\s?\d[\d.,]*[km]?\s?(-|–|~|to|bis|a|à|do|до)\s?\d[\d.,]*[km]?|\d[\d.,]*[km]?\s?\+"
        r"|([<>]|under|over|up to|unter|uber|bis|ab)\s?\d[\d.,]*[km]?",
        re.I,
    ),
    "money_range": re.compile(
        rf"{_MONEY}\s?{_AMOUNT}\s?(-|–|~|to|bis|a|à|do|до)\s?{_MONEY}?\s?{_AMOUNT}|[<>]\s?{_MONEY}\s?{_AMOUNT}"
        rf"|{_MONEY}\s?{_AMOUNT}\+|{_AMOUNT}\s?(-|–|~|to|bis|a|à|do|до)\s?{_AMOUNT}\s?{_MONEY}|{_AMOUNT}\s?{_MONEY}\s\w+",
        re.I,
    ),
    "phone": _PHONE,
    "zone": re.compile(r"[A-Z][A-Za-z]+(/[A-Z][A-Za-z_+-]+){1,2}\d*"),
    "locale": re.compile(r"[a-z]{2,3}([-_][A-Za-z]{4})?[-_]([A-Za-z]{2}|\d{3})|zh[-_]Han[st]", re.I),
    "offset": re.compile(r"(UTC|GMT)?\s?[+-]\d{1,2}(:?\d{2})?", re.I),
    "version": re.compile(r"v?\d+(\.\d+){1,3}"),
    "postal": re.compile(r"(?=.*\d)[A-Z0-9]{2,6}([ -][A-Z0-9]{2,5})?", re.I),
    "code": re.compile(r"(?=\S*\d)(?=\S*[a-z])[\w:#./-]{2,17}", re.I),
    "slug": re.compile(r"[a-z]+(_[a-z]+)+|[a-z]+(-[a-z]+)+", re.I),
    "phrase": re.compile(r"[^\W\d_][^\d_@/<>{}\[\]=?]{0,58}"),
    "name": re.compile(r"(?=.*[^\W\d_])[^@<>{}\[\]=?_]{1,70}"),
}
_COUNTED = re.compile(
    r"[<>~]?\s?\d[\d.,]*k?(\s?(-|–|~|to|bis|a|à|do|до)\s?\d[\d.,]*k?)?\s?\+?\s?(?P<what>[^\W\d][^\d]*)", re.I
)
_POSTCODE = re.compile(r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|[A-Z]\d[A-Z] \d[A-Z]\d", re.I)
_FIRM = re.compile(
    r"\S.*[\s,](inc|llc|ltd|limited|corp|gmbh|ag|kg|ohg|ug|sarl|sas|srl|b\.?v|n\.?v|plc|pty|oyj?|ltda|kft|zrt"
    r"|gmbh & co\.? kg|s\.?a\.?r\.?l|s\.?r\.?l|s\.?p\.?a|d\.?o\.?o|s\.?r\.?o|sp\. z o\.? ?o)\.?",
    re.I,
)
_LONG = 60
_MANY_WORDS = 6


@lru_cache(maxsize=4096)
def kinds(value: str) -> frozenset[str]:
    """Return what a value looks like: none, one or several of the names in `ACCEPTS`."""
    text = value.strip()
    found = {kind for kind, pattern in _RULES.items() if pattern.fullmatch(text)}
    if fold(text).replace("_", " ").replace("-", " ") in entries_of("consent", "yes") | entries_of(
        "consent", "no"
    ):
        found.add("boolean")
    counted = _COUNTED.fullmatch(text)
    if counted and fold(counted["what"]).replace(" ", "") in entries_of("employees", "words"):
        found.add("headcount")
    if _FIRM.fullmatch(text):
        found.add("firm")
        found -= {"phrase", "name"}
    if _POSTCODE.fullmatch(text):
        found -= {"phrase", "name"}
    if "money" in found:
        found.discard("decimal")
    if len(text) > _LONG or len(text.split()) > _MANY_WORDS:
        found.add("sentence")
        found -= {"phrase", "name"}
    if found & {"email", "url", "file", "json", "date", "datetime", "unix", "ip", "uuid", "linkedin"}:
        found -= {"phrase", "name", "code", "token", "phone", "decimal", "version", "slug"}
    if found & {"linkedin", "social"}:
        found -= {"deep_url", "url", "domain", "path"}
    return frozenset(found)


_PEOPLE = frozenset({"phrase"})
ACCEPTS: dict[str, frozenset[str]] = {
    "first_name": _PEOPLE,
    "last_name": _PEOPLE,
    "full_name": _PEOPLE,
    "email": frozenset({"email"}),
    "phone": frozenset({"phone"}),
    "mobile": frozenset({"phone"}),
    "job_title": frozenset({"phrase", "name"}),
    "department": frozenset({"phrase", "name"}),
    "company": frozenset({"phrase", "name", "firm"}),
    "website": frozenset({"url", "domain"}),
    "street": frozenset({"name", "sentence"}),
    "city": frozenset({"phrase"}),
    "state": frozenset({"phrase"}),
    "postal_code": frozenset({"integer", "postal", "code", "phone", "range"}),
    "country": frozenset({"phrase"}),
    "language": frozenset({"phrase", "locale"}),
    "timezone": frozenset({"phrase", "name", "offset", "slug", "zone"}),
    "birthday": frozenset({"date", "short_date", "month_day", "datetime", "unix"}),
    "lifecycle_stage": frozenset({"phrase", "slug"}),
    "lead_source": frozenset({"phrase", "slug", "name"}),
    "industry": frozenset({"phrase", "slug", "name"}),
    "annual_revenue": frozenset({"integer", "decimal", "money", "grouped", "range", "money_range"}),
    "employees": frozenset({"integer", "decimal", "range", "grouped", "headcount"}),
    "linkedin": frozenset({"linkedin"}),
    "created_at": frozenset({"date", "datetime", "year_month", "unix"}),
    "email_opt_in": frozenset({"boolean"}),
    "email_opt_out": frozenset({"boolean"}),
    "external_id": frozenset({"integer", "uuid", "code", "token", "name"}),
}
"""The looks that a field's values may have; a value with none of them speaks against the field."""
