"""What the receiver of reporting webhooks has kept since the last run."""

from __future__ import annotations

from pathlib import Path

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from tap_customerio.streams.base import BookmarkedStream
from tap_customerio.webhooks.reader import Reader

_STATE = "webhooks"


def new_events(stream: BookmarkedStream) -> Reader:
    """Events that the stream has not had yet, by its state; a full read takes all that the files hold."""
    setting = stream.config.get("webhook_events_path")
    folder = Path(setting) if setting else None
    if folder is not None and not folder.is_dir():
        stream.line.limit("webhook_events_path is no folder")
        stream.logger.warning("webhook_events_path is no folder: no events of webhooks are read")
        folder = None
    incremental = stream.replication_method == REPLICATION_INCREMENTAL
    return Reader(folder, stream.stream_state.get(_STATE) or {} if incremental else {})


def taken(stream: BookmarkedStream, events: Reader) -> None:
    """All that follows from the events has been sent: the state says so."""
    for _ in range(events.broken):
        stream.line.skip("a line of the webhooks' files holds no event")
    if events.positions:
        stream.note(_STATE, events.positions)
