"""When broadcasts were triggered, and what went wrong then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from singer_sdk import typing as th

from tap_customerio.client import Call
from tap_customerio.streams.base import PERSONAL, ChildStream, CustomerIOStream, Record, prop
from tap_customerio.streams.campaigns import Broadcasts


class BroadcastTriggers(ChildStream):
    """Runs of each broadcast."""

    name = "broadcast_triggers"
    description = "Runs of API-triggered broadcasts."
    primary_keys = ("broadcast_id", "id")
    parent = Broadcasts
    path = "/v1/broadcasts/{id}/triggers"
    root = "triggers"
    parent_key = "broadcast_id"
    fields = (
        prop("broadcast_id", th.IntegerType, "Number of the broadcast.", key=True),
        prop("id", th.IntegerType, "Number of the run.", key=True),
        prop("created_at", th.IntegerType, "Unix seconds."),
        prop("processed_at", th.IntegerType, "Unix seconds."),
    )

    def read(self) -> Iterator[Record]:
        """Kept on the shelf for the errors of each run."""
        return self.tap.shelf.keep(self.name, super().read(), short=dict)


class BroadcastErrors(CustomerIOStream):
    """Errors of each run: one request per run, so not selected by default."""

    name = "broadcast_errors"
    description = f"Errors of runs of API-triggered broadcasts; one request per run. {PERSONAL}"
    primary_keys = ("broadcast_id", "trigger_id", "position")
    selected_by_default = False
    fields = (
        prop("broadcast_id", th.IntegerType, "Number of the broadcast.", key=True),
        prop("trigger_id", th.IntegerType, "Number of the run.", key=True),
        prop("position", th.IntegerType, "Place of the error in the run, from 0.", key=True),
        prop("error", th.StringType, "What went wrong. May hold personal data."),
    )

    def read(self) -> Iterable[Record]:
        """The errors of all runs."""
        positions: Counter[tuple[int, int]] = Counter()
        for call, page in self.client.pages_of(map(_errors, self._runs()), ask=self.ask):
            broadcast, run = call.about["broadcast_id"], call.about["id"]
            for error in page.get("errors") or ():
                yield {
                    "broadcast_id": broadcast,
                    "trigger_id": run,
                    "position": positions[broadcast, run],
                    "error": str(error),
                }
                positions[broadcast, run] += 1

    def _runs(self) -> Iterable[Record]:
        """As the stream of runs has them, or read here where it was not selected."""
        runs = self.tap.streams[BroadcastTriggers.name]
        assert isinstance(runs, BroadcastTriggers)
        return self.tap.shelf.read(BroadcastTriggers.name, super(BroadcastTriggers, runs).read)


def _errors(run: Record) -> Call:
    path = "/v1/campaigns/{id}/triggers/{trigger}/errors"
    return Call(path, {"id": run["broadcast_id"], "trigger": run["id"]}, about=run)
