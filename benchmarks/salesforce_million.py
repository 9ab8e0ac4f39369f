"""The stream of `salesforce`, with a million events: is the memory of the target flat?"""

from __future__ import annotations

import salesforce

EVENTS = 1_000_000


def main() -> None:
    """Run it."""
    salesforce.main(EVENTS)
