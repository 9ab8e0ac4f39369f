"""A stream as those know it who read for it, without knowing which streams there are."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

from tap_customerio.client import Client
from tap_customerio.report import Line
from tap_customerio.sizes import Sizes
from tap_customerio.values import Record


class Readable(Protocol):
    """Every stream: see `streams.base.CustomerIOStream`."""

    client: Client

    @property
    def line(self) -> Line:
        """What this run has read of it."""

    @property
    def logger(self) -> logging.Logger:
        """Its log."""

    @property
    def stream_state(self) -> Record:
        """Its part of the state."""

    def tell_state(self) -> None:
        """Write a STATE message now."""

    def read(self) -> Iterable[Record]:
        """Its records by its usual route. Raises Refused."""

    def calls(self, sizes: Sizes) -> int | None:
        """How many calls a whole read takes, about; None where nothing tells."""
