"""A hook for crmlift that tells apart who buys much; put it before `split`, whose rules read `tier`."""

from __future__ import annotations

from crmlift.batch import Batch
from crmlift.hookspecs import hookimpl


class BigSpenders:
    """Write `tier` into the attributes of people: `big` from `at_least` on, else `small`."""

    def __init__(self, *, at_least: float, spent_from: str = "total_spent") -> None:
        if at_least <= 0:
            raise ValueError("'at_least' must be above 0")
        self.at_least = at_least
        self.spent_from = spent_from

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Add the tier, and leave out those who never bought anything."""
        if batch.stream != "people":
            return
        for item in batch:
            spent = item.record["attributes"].get(self.spent_from)
            if spent is None:
                batch.exclude(item, "never bought anything", code="no_spender")
                continue
            tier = "big" if float(spent) >= self.at_least else "small"
            item.record["attributes"]["tier"] = tier
            batch.count(f"{tier}_spenders", item=item)
