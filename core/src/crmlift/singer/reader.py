"""Read Singer messages fast, count lines, and never show a line's content in an error."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import IO, Any

import orjson
from singer_sdk.singerlib.encoding.base import GenericSingerReader

from crmlift.errors import InputError
from crmlift.singer.collector import rare_collections


class LineReader(GenericSingerReader[bytes]):
    """An orjson reader that its target can stop between two messages.

    `before_failing` is called before an `InputError` is raised, so that what was read is settled first.
    `idle` is True while it waits for the next line; `after_message` is called after each one.
    """

    default_input = sys.stdin.buffer

    def __init__(self) -> None:
        super().__init__()
        self.idle = False
        self.before_failing: Callable[[], None] = lambda: None
        self.after_message: Callable[[], None] = lambda: None

    def process_lines(
        self, file_input: IO[bytes] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        """Hand every message to the callback of its type; return how many there were of each."""
        with rare_collections():
            return self._process(iter(file_input or sys.stdin.buffer), callbacks)

    def _process(
        self, lines: Iterator[bytes], callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        stats: Counter[str] = Counter()
        number = 0
        try:
            while True:
                self.idle = True
                line = next(lines, None)
                self.idle = False
                if line is None:
                    return stats
                number += 1
                message = self.deserialize_json(line)
                kind = message.get("type")
                callback = callbacks.get(kind) if isinstance(kind, str) else None
                if callback is None:
                    raise InputError("is no Singer message: its 'type' is missing or unknown.")
                callback(message)
                stats[str(kind)] += 1
                self.after_message()
        except InputError as error:
            self.before_failing()
            raise InputError(f"Line {number} of the input: {error.message}", hint=error.hint) from None

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Return the object of a line; raise `InputError` where there is none."""
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError:
            message = self._second_try(line)
        if not isinstance(message, dict):
            raise InputError("it is no JSON object.")
        return message

    @staticmethod
    def _second_try(line: bytes) -> Any:
        # Python's own writers produce NaN and halves of surrogate pairs, which no CRM can hold and
        # orjson refuses: the first becomes null, the second a question mark.
        try:
            message = json.loads(line, parse_constant=lambda _name: None)
            return orjson.loads(json.dumps(message, ensure_ascii=False).encode("utf-8", "replace"))
        except ValueError:
            raise InputError(
                "it is not JSON, so the tap's output is broken or was cut off.",
                hint="All records before it are safe. Look at the tap's log and run again.",
            ) from None
