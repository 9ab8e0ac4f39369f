"""Creating records once, although an answer may get lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from crmlift.http import Unanswered

Keyed = Callable[[Sequence[str]], dict[str, str]]


def create_once(wanted: Sequence[str], send: Keyed, find: Keyed, *, limit_s: float) -> dict[str, str]:
    """Create what is wanted, although a call may go unanswered: then ask what is there and send the rest.

    `limit_s` is when the server ends a call by itself: one that left no trace by then will leave none.
    """
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
            done |= _settled(missing, find, limit_s if error.running else 0.0)
            missing = [key for key in missing if key not in done]
    return done


def _settled(wanted: Sequence[str], find: Keyed, limit_s: float) -> dict[str, str]:
    """Look up what an unanswered call left, and wait for it where the server may be at work still."""
    deadline = time.monotonic() + limit_s
    while True:
        found = find(wanted)
        wait = min(5.0, deadline - time.monotonic())
        if found or wait <= 0:
            return found
        time.sleep(wait)
