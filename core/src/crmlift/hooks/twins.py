"""Who joined another's row shares its fate: where the row's owner is left out, there is no row to join."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from crmlift.batch import DEFERRED, Batch

Fates = dict[str, tuple[str, str]]
"""Fate and code by the key of a record that was held or excluded."""


def follow_owners(batch: Batch, kept: Callable[[Iterable[str]], Fates]) -> None:
    """Hold or exclude the records of a batch whose row's owner is held or excluded, now or since earlier.

    `kept` returns what the ledger holds of the owners that it is asked for.
    """
    twins = [item for item in batch if item.into]
    if not twins:
        return
    here = {item.key for item in batch.items}
    fates = dict(kept({str(item.into) for item in twins} - here))
    fates |= {x.item.key: (x.fate, x.code) for x in batch.letters if x.fate in ("held", "excluded")}
    for item in twins:
        fate, code = fates.get(str(item.into), ("", ""))
        reason = f"the owner of its row is {fate}"
        if str(item.into) in here or not fate:
            continue
        if fate == "excluded":
            batch.exclude(item, reason, code=code)
        elif code != DEFERRED:
            batch.hold(item, reason, code=code)
        elif not batch.last:
            batch.defer(item, reason)
