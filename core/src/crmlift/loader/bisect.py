"""Get the good rows of an all-or-nothing call through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from crmlift.destination import Create, Outcome, Update
from crmlift.errors import BatchRefused, RunStopped

R = TypeVar("R", Create, Update)


def write_surviving(write: Callable[[Sequence[R]], list[Outcome]], rows: Sequence[R]) -> list[Outcome]:
    """Write all rows that the CRM takes; return outcomes in the order of `rows`.

    Rows that the CRM names are set aside and the others sent again; where it names none, the
    batch is halved until the bad row stands alone.
    """
    if not rows:
        return []
    try:
        return _answered(rows, write(rows))
    except BatchRefused as refused:
        if len(rows) == 1:
            return [Outcome(rows[0].key, refusal=refused.rows.get(0, refused.reason))]
        if refused.rows:
            survivors = [row for position, row in enumerate(rows) if position not in refused.rows]
            written = iter(write_surviving(write, survivors))
            return [
                Outcome(row.key, refusal=refused.rows[position])
                if position in refused.rows
                else next(written)
                for position, row in enumerate(rows)
            ]
        middle = len(rows) // 2
        return write_surviving(write, rows[:middle]) + write_surviving(write, rows[middle:])


def _answered(rows: Sequence[Create] | Sequence[Update], outcomes: list[Outcome]) -> list[Outcome]:
    """Return the outcomes; taken in another order, they would put the id of one record on another."""
    if [outcome.key for outcome in outcomes] != [row.key for row in rows]:
        raise RunStopped(
            f"The target answered {len(outcomes)} of {len(rows)} rows, or in another order than asked.",
            hint="This is a fault in the target: `create` and `update` return one outcome per row, in order.",
        )
    return outcomes
