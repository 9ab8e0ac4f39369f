"""Writes Singer messages without a system call for each record."""

from __future__ import annotations

import sys
import time

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import Message, RecordMessage

_LONGEST = 1.0  # seconds that a record may wait for the next one


class Writer(MsgSpecWriter):
    """Flushes what is no record at once; records with it, or when the buffer is full or a second is over."""

    _flushed = 0.0

    def write_message(self, message: Message) -> None:
        """Write a message to stdout."""
        sys.stdout.buffer.write(self.format_message(message))
        now = time.monotonic()
        if now - self._flushed > _LONGEST or not isinstance(message, RecordMessage):
            sys.stdout.flush()
            self._flushed = now
