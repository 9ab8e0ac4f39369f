"""What this run has read and what it could not read, as records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from singer_sdk import typing as th

from tap_customerio.client import Call
from tap_customerio.errors import Refused, Unauthorized
from tap_customerio.streams.base import FREE_FORM, CustomerIOStream, Record, listed, prop
from tap_customerio.streams.segments import Segments
from tap_customerio.streams.setup import Workspaces

_NOT_IN_THE_API = {
    "journey_graphs": "delays, branches, splits, exits and goals of campaigns are not in the App API",
    "people_in_journeys": "who is in a campaign now, and on which path, is not in the App API",
    "older_activities": "the App API keeps activities for about 30 days",
    "suppressed_people": "the App API has no list of suppressed people",
    "deleted_people": "only deletions of the last 30 days leave a trace, among the activities",
    "archived_segments": "archived segments are not listed",
    "segment_history": "when people joined or left a segment is not in the App API",
    "message_bodies": "bodies as sent come one by one, 100 a day; forgotten ones do not come at all",
    "attribute_and_event_catalogue": "descriptions of attributes and events can be written only",
    "anonymous_profiles": "the App API does not list anonymous profiles",
    "layouts_tags_domains": "layouts, tags and sending domains are not in the App API",
    "forms_and_users": "forms and users are not in the App API",
}
# What the UI API gives of these, by stream; it takes a service-account token.
_IN_THE_UI_API = {
    "journey_graphs": ("journeys", "journey_actions", "journey_edges"),
    "people_in_journeys": ("journey_subjects",),
    "suppressed_people": ("suppressions",),
    "archived_segments": ("segment_rules",),
    "attribute_and_event_catalogue": ("attribute_catalogue", "event_catalogue"),
    "layouts_tags_domains": ("layouts", "tags", "sending_domains"),
}
_COUNTED_BY_WORKSPACE = ("people", "objects", "object_types")


class Completeness(CustomerIOStream):
    """Read last: one record for each stream, and one for each thing that the App API does not give out."""

    name = "completeness"
    description = "What was read, what could not be read and why, and counts beside the workspace's own."
    primary_keys = ("subject",)
    fields = (
        prop("subject", th.StringType, "Stream, or thing that the App API does not give out.", key=True),
        prop(
            "status",
            th.StringType,
            "`complete`, `partial`, `unreadable`, `not_selected`, or `not_available` through the App API.",
        ),
        prop("read", th.IntegerType, "Records sent in this run, deletions too."),
        prop("unchanged", th.IntegerType, "Records read and not sent, because they are as they were."),
        prop("skipped", th.IntegerType, "Things that are listed but could not be read."),
        prop("reason", th.StringType, "Why it is not whole, or what its route leaves out."),
        prop("horizon", th.IntegerType, "Oldest moment that was asked for or found, unix seconds."),
        prop("expected", th.IntegerType, "How many there are by the workspace's own count."),
        prop("expected_from", th.StringType, "Where that count comes from."),
        prop("difference", th.IntegerType, "Read less expected."),
        prop("details", FREE_FORM, "Differences by parent: `{id: {read, expected}}`."),
        prop("unknown", FREE_FORM, "What came that nothing is known of, and was passed on: counts by name."),
    )

    def read(self) -> Iterable[Record]:
        """All streams in their order, then what no stream can give."""
        sizes = self._sizes()
        for stream in self.tap.streams.values():
            if stream.name != self.name:
                yield self.declared(self._about(stream.name, stream.selected, sizes))
        for subject, reason in _NOT_IN_THE_API.items():
            hint = self._hint(_IN_THE_UI_API.get(subject, ()))
            if hint is not None:
                yield self.declared({"subject": subject, "status": "not_available", "reason": reason + hint})

    def _hint(self, streams: tuple[str, ...]) -> str | None:
        """How to come by something that the App API does not give; None where this run has read it."""
        if not streams:
            return ""
        if self.tap.ui_api is None:
            return "; set service_account_token to read it through the UI API"
        names = {stream.name for stream in self.tap.selected}
        if missing := [name for name in streams if name not in names]:
            return f"; select {', '.join(missing)} to read it through the UI API"
        lines = [self.tap.report.line(name) for name in streams]
        refused = [line.refused for line in lines if line.status == "unreadable"]
        return f"; the UI API refused it: {refused[0]}" if refused else None

    def _about(self, stream: str, selected: bool, sizes: Record) -> Record:
        if not selected:
            return {"subject": stream, "status": "not_selected"}
        line = self.tap.report.line(stream)
        said: Record = {
            "subject": stream,
            "status": line.status,
            "read": line.read,
            "unchanged": line.unchanged,
            "skipped": line.skipped.total(),
            "reason": line.reason,
            "unknown": dict(line.unknown) or None,
            "horizon": line.horizon,
        }
        if line.status == "unreadable":
            return said
        if stream == "segment_memberships":
            said |= self._memberships()
        elif stream in sizes:
            said |= {"expected": sizes[stream], "expected_from": "workspaces"}
        if said.get("expected") is not None and line.whole:
            said["difference"] = line.live - said["expected"]
        return said

    def _sizes(self) -> Record:
        """The workspace's own counts, where it is clear which workspace the key belongs to."""
        try:
            workspaces = list(listed(self.tap, Workspaces))
        except Unauthorized:
            raise
        except Refused as error:
            self.line.limit(f"counts were not checked: {error}")
            return {}
        wanted = self.config.get("workspace_id")
        found = [one for one in workspaces if wanted is None or one["id"] == wanted]
        if len(found) != 1:
            self.line.limit("counts were not checked: workspace_id does not say which workspace is meant")
            return {}
        return {name: found[0].get(name) for name in _COUNTED_BY_WORKSPACE}

    def _memberships(self) -> Record:
        """The members of each segment beside its own count: one request per segment."""
        read = self.tap.report.line("segment_memberships").parts
        expected = dict(self._counts())
        wrong = {
            str(segment): {"read": read[segment], "expected": count}
            for segment, count in expected.items()
            if read[segment] != count
        }
        total = sum(expected.values())
        return {"expected": total, "expected_from": "segments/customer_count", "details": wrong or None}

    def _counts(self) -> Iterator[tuple[int, int]]:
        path = "/v1/segments/{id}/customer_count"
        calls = (Call(path, {"id": segment["id"]}) for segment in listed(self.tap, Segments))
        for answer in self.client.map(self.ask, calls):
            if answer is not None:
                yield int(answer["segment_id"]), int(answer["count"])
