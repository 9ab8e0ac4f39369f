"""Creating records once, although an answer may get lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from crmlift.http import Unanswered

SETTLE_S = 120.0
"""Odoo ends a request after 120 s (`limit_time_real`): a call that left no trace by then will leave none."""

Keyed = Callable[[Sequence[str]], dict[str, str]]


def create_once(wanted: Sequence[str], send: Keyed, find: Keyed) -> dict[str, str]:
    """Create what is wanted, although a call may go unanswered: then ask what is there and send the rest."""
    done: dict[str, str] = {}
    missing = list(wanted)
    for last in (False, False, True):
        if not missing:
            break
        try:
            return done | send(missing)
        except Unanswered as error:
            if last:
                raise
            done |= _settled(missing, find, error)
            missing = [key for key in missing if key not in done]
    return done


def _settled(wanted: Sequence[str], find: Keyed, error: Unanswered) -> dict[str, str]:
    """Look up what an unanswered call left, and wait for it where the server may be at work still."""
    deadline = time.monotonic() + (SETTLE_S if error.running else 0)
    while True:
        found = find(wanted)
        wait = min(5.0, deadline - time.monotonic())
        if found or wait <= 0:
            return found
        time.sleep(wait)
