"""Evidence from values: what they look like, what they are listed as, and what they cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from crmlift.propose import lists
from crmlift.propose.detectors import DETECTORS, share, years
from crmlift.propose.evidence import FIELDS, NONE, Evidence, Trait
from crmlift.propose.kinds import ACCEPTS
from crmlift.propose.text import fold


def by_values(trait: Trait) -> Iterator[Evidence]:
    """Yield what the values say."""
    if not trait.values:
        return
    for field in FIELDS:
        yield from _of_field(field, trait)
    strength, text = _no_field(trait)
    if strength:
        yield Evidence(NONE, "other_values", strength, text)


def _of_field(field: str, trait: Trait) -> Iterator[Evidence]:
    odd = sum(1 for kinds in trait.kinds if kinds.isdisjoint(ACCEPTS[field])) / len(trait.kinds)
    if field in ("birthday", "created_at") and odd == 0:
        odd = _wrong_time(field, trait)
    if field in _OTHER_NAMES:
        odd = max(odd, *(DETECTORS[other](trait)[1] for other in _OTHER_NAMES[field]))
    if odd:
        yield Evidence(field, "value_odd", odd, f"{odd:.0%} of its values cannot be one")
    if odd > 0.9:
        yield Evidence(
            field, "value_never", 1.0, "none of its values can be one" if odd == 1 else "hardly any can"
        )
    detector = DETECTORS.get(field)
    if detector is None or odd > 0.5:
        return
    kind, strength, text = detector(trait)
    if strength:
        yield Evidence(field, kind, min(strength, 1.0), text)
    if field in _LISTED and strength < 0.5:
        known = "closed" if field in _CLOSED else "open"
        yield Evidence(field, f"value_unlisted_{known}", 1 - strength, "few of its values are known as such")


_OTHER_NAMES = {"first_name": ("last_name", "full_name"), "last_name": ("first_name", "full_name")}
_CLOSED = frozenset({"country", "language", "timezone"})
_LISTED = _CLOSED | {
    "job_title",
    "department",
    "lifecycle_stage",
    "lead_source",
    "industry",
    "state",
    "city",
    "street",
}


def _wrong_time(field: str, trait: Trait) -> float:
    found = years(trait)
    if not found:
        return 0.0
    late = sum(year > 2010 for year in found) / len(found)
    return late if field == "birthday" else 1 - late if median(found) < 1995 else 0.0


_NO_FIELD = (
    (("json", "html"), 1.0, "its values are JSON or markup"),
    (("file",), 1.0, "its values are files"),
    (("social", "handle"), 1.0, "its values are handles of social media"),
    (("ip",), 1.0, "its values are addresses of machines"),
    (("deep_url", "path"), 0.8, "its values are pages"),
    (("percent", "decimal"), 0.7, "its values are measures"),
    (("slug", "version"), 0.6, "its values are names of a system's own"),
    (("sentence",), 0.7, "its values are sentences"),
    (("token",), 0.7, "its values are tokens"),
)


def _no_field(trait: Trait) -> tuple[float, str]:
    """How far the values speak for no field at all, and why."""
    known = lists.entries_of(NONE, "values") | lists.currencies()
    found = [(weight * trait.share(*looks), text) for looks, weight, text in _NO_FIELD]
    status = share(trait.values, lambda value: fold(value) in known)
    found.append((status, "its values are words such as states, plans, sexes or colours"))
    return max(found)
