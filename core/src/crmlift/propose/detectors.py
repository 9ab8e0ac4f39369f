"""One detector per field: how far an attribute's values look like it, or are listed as such.

Strengths say how far values alone carry: an email address is nothing else, a first name may be a product's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from crmlift.propose import lists
from crmlift.propose.evidence import Trait
from crmlift.propose.text import fold, words

_YEAR = re.compile(r"(?<!\d)(19\d{2}|20\d{2})(?!\d)")
_YEAR_IN_DIGITS = re.compile(r"((?:19|20)\d{2})[01]\d[0-3]\d|[0-3]\d[01]\d((?:19|20)\d{2})")
_POSTAL = (
    (re.compile(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{4} ?[A-Z]{2}", re.I), 0.9),
    (re.compile(r"\d{5}-\d{4}|\d{5}-\d{3}|\d{3}-\d{4}|\d{2}-\d{3}|\d{3} \d{2}|\d{4}-\d{3}"), 0.7),
    (re.compile(r"0\d{4}|[1-9]\d{4}|\d{6}"), 0.3),
)
# Korean and Chinese names of three characters: one of the family, two of the person.
_WRITTEN_TOGETHER = re.compile(r"[\uac00-\ud7a3]{3}|[\u4e00-\u9fff]{3}")
_ADULT = 1925, 2006
_LONGEST_CODE = 3

Said = tuple[str, float, str]
Detector = Callable[[Trait], Said]


def share(values: Sequence[str], test: Callable[[str], bool]) -> float:
    """Return the share of the values that pass a test."""
    return sum(1 for value in values if test(value)) / (len(values) or 1)


def _look(kind: str, text: str, *looks: str) -> Detector:
    return lambda trait: (kind, trait.share(*looks), text)


def _listed(known: Callable[[], frozenset[str]], text: str, upper: float, lower: float) -> Detector:
    """Values of a list; short codes say less: how much, in capitals and in small letters."""

    def weight(value: str) -> float:
        if fold(value) not in known():
            return 0.0
        code = value.strip()
        if len(code) > _LONGEST_CODE or not code.isascii():
            return 1.0
        return upper if code.isupper() else lower

    return lambda trait: ("value_listed", sum(map(weight, trait.values)) / len(trait.values), text)


def _vocabulary(field: str, text: str) -> Detector:
    """Values that are in the field's own word list, or that have one of its words."""

    def test(value: str) -> bool:
        plain = fold(value).replace("_", " ").replace("-", " ")
        if fold(value) in whole or plain in whole:
            return True
        return any(word in parts for word in words(value)) or any(sign in value for sign in signs)

    whole, parts = lists.entries_of(field, "values"), lists.entries_of(field, "words")
    signs = lists.entries_of(field, "cjk")
    return lambda trait: ("value_words", share(trait.values, test), text)


def _company(trait: Trait) -> Said:
    forms, signs = lists.entries_of("company", "words"), lists.entries_of("company", "cjk")

    def test(value: str) -> bool:
        found = words(value)
        named = any(word not in forms and not any(c.isdigit() for c in word) for word in found)
        return (named and any(word in forms for word in found)) or any(sign in value for sign in signs)

    return "value_words", share(trait.values, test), "its values have the endings of companies"


def _first_name(trait: Trait) -> Said:
    first, last = _name_shares(trait)
    return "value_names", max(0.0, first - last / 2), "most of its values are first names"


def _last_name(trait: Trait) -> Said:
    first, last = _name_shares(trait)
    return "value_names", max(0.0, last - first / 2), "most of its values are family names"


def _name_shares(trait: Trait) -> tuple[float, float]:
    """How far the values are first and family names; a name that is both counts by its use."""
    first, last = lists.first_names(), lists.last_names()
    shares = [0.0, 0.0]
    for value in trait.values:
        name = fold(value)
        uses = first.get(name, 0), last.get(name, 0)
        code = len(value) <= _LONGEST_CODE and value.isascii() and value.isupper()
        if any(uses) and value[:1] == value[:1].upper() and not code:
            shares[0] += uses[0] / sum(uses)
            shares[1] += uses[1] / sum(uses)
    return shares[0] / len(trait.values), shares[1] / len(trait.values)


def _full_name(trait: Trait) -> Said:
    first, last, firms = lists.first_names(), lists.last_names(), lists.entries_of("company", "words")
    families = lists.entries_of("full_name", "families")

    def test(value: str) -> bool:
        if _WRITTEN_TOGETHER.fullmatch(value.strip()) and value.strip()[0] in families:
            return True
        found = fold(value).replace(",", " ").split()
        if not 2 <= len(found) <= 5 or (value == value.lower() and value.isascii()):
            return False
        if any(word in firms for word in words(value)):
            return False
        return bool(
            (found[0] in first or found[-1] in first)
            and not all(word in first and word not in last for word in found)
        ) or (found[0] in first and found[-1] in last)

    return "value_full_names", share(trait.values, test), "its values are a first and a family name"


def _phone(trait: Trait) -> Said:
    phones = share(trait.values, lambda value: _number_type(value) is not None)
    mobile = share(trait.values, lambda value: _number_type(value) == PhoneNumberType.MOBILE)
    # Nothing else is written with a + and so many digits.
    kind = "value_certain" if all(value.strip().startswith("+") for value in trait.values) else "value_look"
    return kind, 0.9 * phones * (1 - 0.5 * mobile), "its values are phone numbers"


def _mobile(trait: Trait) -> Said:
    mobile = share(trait.values, lambda value: _number_type(value) == PhoneNumberType.MOBILE)
    either = share(trait.values, lambda value: _number_type(value) == PhoneNumberType.FIXED_LINE_OR_MOBILE)
    return "value_look", 0.9 * mobile + 0.3 * either, "its values are numbers of mobile phones"


def _number_type(value: str) -> int | None:
    """The type of a number, `UNKNOWN` where only its form says that it is one."""
    digits = sum(character.isdigit() for character in value)
    if not 8 <= digits <= 15 or (value.isdigit() and not value.startswith("0")):
        return None
    try:
        number = phonenumbers.parse(value, None)
    except NumberParseException:
        formed = re.fullmatch(r"[(]?0?\d[\d\s()./-]{6,}", value) and not re.fullmatch(r"[\d.]+", value)
        return PhoneNumberType.UNKNOWN if formed and not _YEAR.match(value) else None
    return phonenumbers.number_type(number) if phonenumbers.is_possible_number(number) else None


def _website(trait: Trait) -> Said:
    plain = sum(
        1
        for k in trait.kinds
        if k & {"url", "domain"} and not k & {"deep_url", "file", "social", "email", "linkedin"}
    )
    return "value_address", plain / len(trait.kinds), "its values are web addresses"


def _street(trait: Trait) -> Said:
    known, signs = lists.entries_of("street", "words"), lists.entries_of("street", "cjk")
    ends = tuple(lists.entries_of("street", "ends"))

    def test(value: str) -> bool:
        found = words(value)
        number = any(any(c.isdigit() for c in word) for word in found)
        named = any(word in known or (len(word) > 5 and word.endswith(ends)) for word in found)
        return (number and len(found) > 1 and named) or (number and any(sign in value for sign in signs))

    return "value_pattern", share(trait.values, test), "its values are a street and a number"


def _postal_code(trait: Trait) -> Said:
    def weight(value: str) -> float:
        return next((strength for pattern, strength in _POSTAL if pattern.fullmatch(value.strip())), 0.0)

    return (
        "value_pattern",
        sum(map(weight, trait.values)) / len(trait.values),
        "its values are formed like postal codes",
    )


def years(trait: Trait) -> list[int]:
    """Return the years that the values name."""
    found = (_YEAR_IN_DIGITS.fullmatch(value) or _YEAR.search(value) for value in trait.values)
    return [int(match[match.lastindex or 0]) for match in found if match]


def _birthday(trait: Trait) -> Said:
    found = years(trait)
    if not found or trait.share("datetime") > 0.5:
        return "value_pattern", 0.0, ""
    adult = sum(_ADULT[0] <= year <= _ADULT[1] for year in found) / len(found)
    spread = min(1.0, (max(found) - min(found)) / 8) if len(found) > 1 else 0.3
    return "value_pattern", adult * spread, "its dates lie where people were born"


def _created_at(trait: Trait) -> Said:
    return (
        "value_time",
        trait.share("datetime", "unix") + 0.5 * trait.share("date"),
        "its values are points in time",
    )


def _employees(trait: Trait) -> Said:
    ranges = trait.share("range") * (1 - trait.share("money_range", "percent"))
    whole = trait.share("integer") * (1 - trait.share("unix", "phone"))
    headcount = trait.share("headcount")
    return "value_range", max(headcount, ranges + 0.2 * whole), "its values are numbers, or ranges of them"


def _annual_revenue(trait: Trait) -> Said:
    money = trait.share("money", "money_range")
    large = share(trait.values, lambda value: len(re.sub(r"\D", "", value)) >= 6)
    return (
        "value_range",
        0.5 * money
        + 0.4 * trait.share("money_range")
        + 0.5 * large * trait.share("money", "grouped", "integer"),
        "its values are large amounts",
    )


def _external_id(trait: Trait) -> Said:
    many = len(set(trait.values)) == len(trait.values)
    ids = trait.share("uuid") + 0.6 * trait.share("code", "token") + 0.3 * trait.share("integer")
    return "value_ids", min(1.0, ids) * many, "its values may be ids"


def _language(trait: Trait) -> Said:
    kind, strength, text = _listed(lists.languages, "its values are languages", 0.3, 0.6)(trait)
    return kind, max(strength, trait.share("locale")), text


def _timezone(trait: Trait) -> Said:
    plain = Trait(trait.name, [value.replace("_slash_", "/") for value in trait.values])
    kind, strength, text = _listed(lists.timezones, "its values are time zones", 0.8, 0.5)(plain)
    offsets = share(
        trait.values, lambda v: bool(re.fullmatch(r"(UTC|GMT)\s?[+-]\d{1,2}(:?\d{2})?", v.strip(), re.I))
    )
    return kind, max(strength, offsets), text


DETECTORS: dict[str, Detector] = {
    "first_name": _first_name,
    "last_name": _last_name,
    "full_name": _full_name,
    "email": _look("value_certain", "its values are email addresses", "email"),
    "linkedin": _look("value_certain", "its values are LinkedIn profiles", "linkedin"),
    "phone": _phone,
    "mobile": _mobile,
    "job_title": _vocabulary("job_title", "its values are job titles"),
    "department": _vocabulary("department", "its values are departments"),
    "company": _company,
    "website": _website,
    "street": _street,
    "city": _listed(lists.cities, "its values are towns", 0.1, 0.1),
    "state": _listed(lists.states, "its values are states or provinces", 0.6, 0.1),
    "postal_code": _postal_code,
    "country": _listed(lists.countries, "its values are countries", 0.7, 0.3),
    "language": _language,
    "timezone": _timezone,
    "birthday": _birthday,
    "lifecycle_stage": _vocabulary("lifecycle_stage", "its values are stages of a lead's life"),
    "lead_source": _vocabulary("lead_source", "its values are sources of leads"),
    "industry": _vocabulary("industry", "its values are industries"),
    "annual_revenue": _annual_revenue,
    "employees": _employees,
    "created_at": _created_at,
    "external_id": _external_id,
}
