"""Python's garbage collector while records stream through."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS = 50_000


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for cycles rarely: records are trees without any, and walking them cost a quarter of our CPU."""
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
