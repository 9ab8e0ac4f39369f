"""What Meltano's log says to a person: what is going on, and in the end why it failed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO

_TAIL_LINES = 12
_SHOWN_REASONS = 5
_LINE = re.compile(r"^\S+ (?:\[(?P<level>\w+) *\]|\| *(?P<bare>\w+) *\|) (?P<plugin>\S+)[ |]+(?P<text>.*)$")
_MISSING = re.compile(r"'(\w+)' is a required property")
# Said after the reason, or before it without one; the SDK adds an exception to its message a second time.
_EMPTY = re.compile(
    r"(Extractor|Loader|Block|Mapper)\b.*(failed|completed)$|Run completed$|An unhandled error occurred"
    r"|Config validation failed|Task exception was never retrieved"
)
_SAID_TWICE = re.compile(r" plugin_exc_\w+=.*$")
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_STREAM = re.compile(r"Beginning sync of '(\w+)'")
_TRY = re.compile(r"(try \d+ failed, again in .*)$")


def news(line: str) -> str | None:
    """Return what a line of the log tells somebody who waits, if anything."""
    if stream := _STREAM.search(line):
        return f"Reading {stream[1]}"
    if again := _TRY.search(line.rstrip()):
        return f"Reading: {_COLOUR.sub('', again[1])}"
    return None


class Tail:
    """The lines that a log has got since somebody last asked."""

    def __init__(self, log: Path) -> None:
        self._file: IO[str] = log.open(encoding="utf-8", errors="replace")
        self._rest = ""

    def latest(self) -> str | None:
        """Return the latest news among the new lines."""
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        return next(filter(None, map(news, reversed(lines))), None)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def input_broke_off(text: str) -> bool:
    """Tell whether it was the tap that failed: what a loader made of its output is a part only."""
    return "Extractor failed" in text


def failure(text: str) -> tuple[str, str]:
    """Return why a run failed, and what to do where the log itself says it; each may take several lines."""
    lines = [_COLOUR.sub("", line).rstrip() for line in text.splitlines()]
    found = [line for line in map(_LINE.match, lines) if line]
    missing = [(line["plugin"], name[1]) for line in found if (name := _MISSING.search(line["text"]))]
    if missing:
        said = dict.fromkeys(f"{plugin} lacks the setting '{name}'." for plugin, name in missing)
        wanted = dict.fromkeys(f"{plugin}_{name}".replace("-", "_").upper() for plugin, name in missing)
        return "\n".join(said), f"Fill in {', '.join(wanted)} in .env."
    errors = [
        f"{line['plugin']}: {_SAID_TWICE.sub('', line['text'])}"
        for line in found
        if (line["level"] or line["bare"]).lower() in ("error", "critical") and not _EMPTY.match(line["text"])
    ]
    reasons = list(dict.fromkeys(errors)) or _last_words(lines)
    return "\n".join(reasons[-_SHOWN_REASONS:] if errors else reasons), ""


def _last_words(lines: list[str]) -> list[str]:
    """The end of a log without the frames that Meltano draws around tracebacks."""
    return [line for line in lines if line and not line.startswith(("│", "╭", "╰"))][-_TAIL_LINES:]
