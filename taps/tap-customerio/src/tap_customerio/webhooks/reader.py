"""Events out of the receiver's files, from where the last run stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tap_customerio.disk_set import DiskSet
from tap_customerio.webhooks.spool import PATTERN

Event = dict[str, Any]

# The words of activities (App API, `GET /v1/activities`) for the webhooks' words for channels.
_CHANNELS = {"sms": "twilio"}


class Reader:
    """Events after the given positions (bytes by name of file), each id once; none without a folder.

    `positions` move with what was yielded; names of files that are gone are dropped. A last line that has no
    end yet is left for the next time. `broken` counts lines that hold no event.
    """

    def __init__(self, folder: Path | None, positions: Mapping[str, int]) -> None:
        self._folder = folder
        self._before = positions
        self._seen = DiskSet()
        self.positions: dict[str, int] = {}
        self.broken = 0

    def __iter__(self) -> Iterator[Event]:
        for path in sorted(self._folder.glob(PATTERN)) if self._folder else ():
            at = self._before.get(path.name, 0)
            self.positions[path.name] = at
            with path.open("rb") as file:
                file.seek(at)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    if (event := self._event(line)) is not None:
                        yield event
                    self.positions[path.name] += len(line)

    def _event(self, line: bytes) -> Event | None:
        try:
            event = msgspec.json.decode(line)["event"]
            new = self._seen.add(str(event["event_id"]))
        except (msgspec.MsgspecError, KeyError, TypeError):
            self.broken += 1
            return None
        return event if new else None


def delivery_of(event: Event) -> str | None:
    """The delivery that an event is about, if any."""
    data = event.get("data")
    id = data.get("delivery_id") if isinstance(data, dict) else None
    return str(id) if id else None


def as_activity(event: Event) -> dict[str, Any]:
    """An event in the form in which the App API lists activities."""
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    channel = str(event.get("object_type"))
    return {
        "id": str(event["event_id"]),
        "type": f"{event.get('metric')}_{_CHANNELS.get(channel, channel)}",
        "timestamp": event.get("timestamp"),
        "customer_identifiers": data.get("identifiers"),
        "delivery_id": delivery_of(event),
        "data": data,
    }
