"""When broadcasts were triggered, and what went wrong then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from singer_sdk import typing as th

from tap_customerio.client import JSON, Call
from tap_customerio.sizes import Sizes
from tap_customerio.streams.base import FREE_FORM, NUMBERS, PERSONAL, ChildStream, CustomerIOStream, prop
from tap_customerio.streams.campaigns import Broadcasts
from tap_customerio.values import Record


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
        return self.run.shelf.keep(self.name, super().read(), short=dict)


class BroadcastTriggerStatus(CustomerIOStream):
    """How each run went: one request per run, so not selected by default."""

    name = "broadcast_trigger_status"
    description = f"How runs of API-triggered broadcasts went; one request per run. {PERSONAL}"
    primary_keys = ("broadcast_id", "id")
    selected_by_default = False
    fields = (
        prop("broadcast_id", th.IntegerType, "Number of the broadcast.", key=True),
        prop("id", th.IntegerType, "Number of the run.", key=True),
        prop("created_at", th.IntegerType, "Unix seconds."),
        prop("processed_at", th.IntegerType, "Unix seconds."),
        prop("recipients_count", th.IntegerType, "How many people it went to."),
        prop("recipients_filter", FREE_FORM, "Who it went to. May hold personal data."),
        prop("workflow_action_ids", NUMBERS, "Messages that it sent."),
        prop("data_file_processed", th.BooleanType, "Whether its file was read to the end."),
        prop("data_file_position", th.IntegerType, "How far its file was read."),
        prop("data_file_error_count", th.IntegerType, "Errors in its file."),
    )

    def read(self) -> Iterable[Record]:
        """The status of all runs."""
        for run, status in self.client.map(self._read, runs(self)):
            if status is not None:
                yield self.declared(status | run)

    def calls(self, sizes: Sizes) -> int | None:
        """Nothing tells how many runs there are."""
        del sizes
        return None

    def _read(self, run: Record) -> tuple[Record, JSON | None]:
        values = {"id": run["broadcast_id"], "trigger": run["id"]}
        return run, self.ask(Call("/v1/campaigns/{id}/triggers/{trigger}", values))


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
        for call, page in self.client.pages_of(map(_errors, runs(self)), ask=self.ask):
            broadcast, run = call.about["broadcast_id"], call.about["id"]
            for error in page.get("errors") or ():
                yield {
                    "broadcast_id": broadcast,
                    "trigger_id": run,
                    "position": positions[broadcast, run],
                    "error": str(error),
                }
                positions[broadcast, run] += 1


def runs(asking: CustomerIOStream) -> Iterable[Record]:
    """All runs: as their stream has them, or read here where it was not selected."""
    stream = asking.tap.streams[BroadcastTriggers.name]
    assert isinstance(stream, BroadcastTriggers)
    return asking.run.shelf.read(BroadcastTriggers.name, super(BroadcastTriggers, stream).read)


def _errors(run: Record) -> Call:
    path = "/v1/campaigns/{id}/triggers/{trigger}/errors"
    return Call(path, {"id": run["broadcast_id"], "trigger": run["id"]}, about=run)
