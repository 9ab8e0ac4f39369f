"""Labelled attributes: the set that the weights are fitted on, and two that are measured.

All were written by hand with invented values. The held-out set was written first, by the author of the
word lists, so it flatters them. `in-the-wild` takes its names from the public schemas of other systems
(LDAP, OpenID Connect, HubSpot, Mailchimp, Salesforce, Shopify, Klaviyo, Intercom, Outlook's exports,
schema.org, vCard) and from four authors who saw neither lists nor code; two more wrote half of the tuning
set. Misses were looked at once, each time after the first measurement: docs/propose.md has these figures.
"""

from __future__ import annotations

import csv
from pathlib import Path

from crmlift.propose.attributes import read_traits
from crmlift.propose.evidence import Trait

FOLDER = Path(__file__).parents[1] / "core" / "tests" / "data"
TUNING, HELD_OUT, WILD = (FOLDER / f"fields-{name}.csv" for name in ("tuning", "held-out", "in-the-wild"))


def read_labelled(path: Path) -> list[tuple[Trait, str]]:
    """Return attributes with the field that is right for them."""
    with path.open(encoding="utf-8", newline="") as file:
        labels = [row["expected"] for row in csv.DictReader(file)]
    return list(zip(read_traits(path), labels, strict=True))
