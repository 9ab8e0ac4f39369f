"""Countries and states of addresses: texts, or picklists where the org has them switched on."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from functools import cache
from typing import Any

from babel import Locale

from crmlift.destination import Value

ADDRESS = re.compile(r"(?:Mailing|Other|Billing|Shipping|)(Country|State)")
_States = Mapping[str, Mapping[str, str]]


def picklists(
    name: str, named: Mapping[str, Mapping[str, Any]]
) -> tuple[Mapping[str, str] | None, _States | None]:
    """Return, of a country's field, labels by code; of a state's, labels by the country's label and code.

    `named` is the whole describe: the codes have fields of their own, where the picklists are on.
    """
    found = ADDRESS.fullmatch(name)
    code = named.get(f"{name}Code") if found else None
    if found is None or code is None:
        return None, None
    if found[1] == "Country":
        return _labels(code), None
    return None, _states(code, named[f"{name.removesuffix('State')}CountryCode"])


def place(codes: Mapping[str, str] | None, kind: str, text: str | None) -> str | None:
    """Return a country's or a state's name as the org holds it; states of picklists come later."""
    if text is None:
        return None
    if codes is not None:
        labels = {label.casefold(): label for label in codes.values()}
        return codes.get(text.upper()) or labels.get(text.casefold())
    return _country_names().get(text, text) if kind == "Country" else text


def state(states: Mapping[str, Mapping[str, str]], country: Value, text: str, *, whole: bool) -> str | None:
    """Return a state's label; no row is taken that has a state without its country."""
    if country is None and not whole:
        return text if any(text in labels.values() for labels in states.values()) else None
    labels = states.get(str(country), {})
    known = {label.casefold(): label for label in labels.values()}
    return labels.get(text.upper()) or known.get(text.casefold())


def _labels(raw: Mapping[str, Any]) -> dict[str, str]:
    return {entry["value"]: entry["label"] for entry in raw["picklistValues"] if entry["active"]}


def _states(raw: Mapping[str, Any], countries: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return labels by country and code; `validFor` is a bit for each country, in base64."""
    found: dict[str, dict[str, str]] = {}
    for entry in raw["picklistValues"]:
        bits = b64decode(entry["validFor"] or "")
        for n, country in enumerate(countries["picklistValues"]):
            if n // 8 < len(bits) and bits[n // 8] & 0x80 >> n % 8 and entry["active"]:
                found.setdefault(country["label"], {})[entry["value"]] = entry["label"]
    return found


@cache
def _country_names() -> dict[str, str]:
    names = Locale("en").territories
    return {str(code): str(name) for code, name in names.items() if len(code) == 2 and code.isalpha()}
