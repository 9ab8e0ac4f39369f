"""Countries and states of addresses: texts, or picklists where the org has them switched on."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from babel import Locale

from crmlift.destination import Value

ADDRESS = re.compile(r"(?:Mailing|Other|Billing|Shipping|)(Country|State)")
_States = Mapping[str, Mapping[str, str]]


def picklists(
    name: str, named: Mapping[str, Mapping[str, Any]]
) -> tuple[Mapping[str, str] | None, _States | None]:
    """Return, of a country's field, labels; of a state's, labels by the country's label.

    Labels stand under their code and under themselves, in small letters. `named` is the whole describe: the
    codes have fields of their own, where the picklists are on.
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
        return codes.get(text.casefold())
    return _country_names().get(text, text) if kind == "Country" else text


def state(states: Mapping[str, Mapping[str, str]], country: Value, text: str, *, whole: bool) -> str | None:
    """Return a state's label; no row is taken that has a state without its country."""
    if country is None and not whole:
        return text if any(text in labels.values() for labels in states.values()) else None
    return states.get(str(country), {}).get(text.casefold())


def _labels(raw: Mapping[str, Any]) -> dict[str, str]:
    return _by_code_and_label(entry for entry in raw["picklistValues"] if entry["active"])


def _by_code_and_label(entries: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return labels by themselves and by their code, which comes first where the two clash."""
    labels = [(entry["value"].casefold(), entry["label"]) for entry in entries]
    return {label.casefold(): label for _, label in labels} | dict(labels)


def _states(raw: Mapping[str, Any], countries: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the labels of each country's states; `validFor` is a bit for each country, in base64."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for entry in raw["picklistValues"]:
        bits = b64decode(entry["validFor"] or "")
        for n, country in enumerate(countries["picklistValues"]):
            if n // 8 < len(bits) and bits[n // 8] & 0x80 >> n % 8 and entry["active"]:
                found.setdefault(country["label"], []).append(entry)
    return {country: _by_code_and_label(entries) for country, entries in found.items()}


@cache
def _country_names() -> dict[str, str]:
    names = Locale("en").territories
    return {str(code): str(name) for code, name in names.items() if len(code) == 2 and code.isalpha()}
