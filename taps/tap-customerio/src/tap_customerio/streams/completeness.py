"""What this run has read and what it could not read, as records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from singer_sdk import typing as th

from tap_customerio.client import Call
from tap_customerio.report import COMPLETENESS
from tap_customerio.routes import UI_API
from tap_customerio.sizes import Sizes
from tap_customerio.streams.base import FREE_FORM, CustomerIOStream, own_streams, prop
from tap_customerio.streams.segments import Segments
from tap_customerio.streams.setup import Workspaces
from tap_customerio.values import Record

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
# Streams of other routes that give out what the App API does not.
_GIVEN_BY = {
    "suppressed_people": "suppressed_profiles",
    "people_in_journeys": "subjects",
    "message_bodies": "delivery_contents",
}
_SHOWN = 5
_COUNTED_BY_WORKSPACE = ("people", "objects", "object_types")


class Completeness(CustomerIOStream):
    """Read last: one record for each stream, and one for each thing that the App API does not give out."""

    name = COMPLETENESS
    description = "What was read, what could not be read and why, and counts beside the workspace's own."
    primary_keys = ("subject",)
    fields = (
        prop("subject", th.StringType, "Stream, or thing that the App API does not give out.", key=True),
        prop(
            "status",
            th.StringType,
            "`complete`, `partial`, `unreadable`, `not_selected`, or `not_available` by what is set.",
        ),
        prop("route", th.StringType, "How it was read: `api`, `export`, `warehouse` or `ui_api`."),
        prop("calls_estimated", th.IntegerType, "Calls that a whole read was expected to take."),
        prop("calls_made", th.IntegerType, "Calls that were made, tries included."),
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

    def calls(self, sizes: Sizes) -> int | None:
        """One for each segment, to check its count."""
        return sizes.length(Segments) if self.tap.streams["segment_memberships"].selected else 0

    def read(self) -> Iterable[Record]:
        """All streams in their order, then what no stream can give."""
        sizes = self._sizes()
        for stream in own_streams(self.tap):
            if stream.name != self.name:
                yield self.declared(self._about(stream, sizes))
        by_file = any(self.run.report.line(name).route == "warehouse" for name in self.tap.streams)
        if by_file and self.config.get("warehouse_path"):
            yield self.declared(self._files())
        for subject, reason in _NOT_IN_THE_API.items():
            hint = self._hint(subject)
            if hint is not None:
                yield self.declared({"subject": subject, "status": "not_available", "reason": reason + hint})

    def _hint(self, subject: str) -> str | None:
        """How to come by something that the App API does not give; None where this run has read it."""
        if self.run.report.line(_GIVEN_BY.get(subject, "")).route:
            return None
        streams = _IN_THE_UI_API.get(subject, ())
        if not streams:
            return ""
        if missing := UI_API.missing(self.run):
            return f"; {missing}"
        names = {stream.name for stream in self.tap.streams.values() if stream.selected}
        if unselected := [name for name in streams if name not in names]:
            return f"; select {', '.join(unselected)} to read it through the UI API"
        lines = [self.run.report.line(name) for name in streams]
        refused = [line.refused for line in lines if line.status == "unreadable"]
        return f"; the UI API refused it: {refused[0]}" if refused else None

    def _about(self, stream: CustomerIOStream, sizes: Record) -> Record:
        name = stream.name
        if not stream.selected:
            return {"subject": name, "status": "not_selected"}
        line = self.run.report.line(name)
        expected = self.choice(stream).cost
        said: Record = {
            "subject": name,
            "status": line.status,
            "route": line.route or None,
            "calls_estimated": expected.calls if expected else None,
            "calls_made": line.calls,
            "read": line.read,
            "unchanged": line.unchanged,
            "skipped": line.skipped.total(),
            "reason": line.reason,
            "unknown": dict(line.unknown) or None,
            "horizon": line.horizon,
        }
        if line.status in ("unreadable", "not_available"):
            return said
        if name == "segment_memberships":
            said |= self._memberships()
        elif name in sizes:
            said |= {"expected": sizes[name], "expected_from": "workspaces"}
        if said.get("expected") is not None and line.whole:
            said["difference"] = line.live - said["expected"]
        return said

    def _files(self) -> Record:
        """Data-warehouse files that no stream reads: of unknown names, and of tables of unknown columns."""
        unread = self.run.warehouse.unread
        unknown = sorted(self.run.warehouse.unknown)
        reasons = [f"{count} files of {table} are not read" for table, count in unread.items()]
        if unknown:
            shown = ", ".join(unknown[:_SHOWN]) + (", …" if len(unknown) > _SHOWN else "")
            reasons.append(f"{len(unknown)} files are not named as data-warehouse files are: {shown}")
        return {
            "subject": "warehouse_files",
            "status": "partial" if reasons else "complete",
            "route": "warehouse",
            "skipped": len(unknown) + sum(unread.values()),
            "reason": "; ".join(reasons) or None,
            "details": unread or None,
        }

    def _sizes(self) -> Record:
        """The workspace's own counts, where it is clear which workspace the key belongs to."""
        # Not as they were listed: people came and went since the run began.
        now = Sizes(lambda one: one.listed(self.client), Workspaces, self.config.get("workspace_id"))
        sizes = {name: now.count(name) for name in _COUNTED_BY_WORKSPACE}
        if now.problem:
            self.line.limit(f"counts were not checked: {now.problem}")
        return {name: size for name, size in sizes.items() if size is not None}

    def _memberships(self) -> Record:
        """The members of each segment beside its own count: one request per segment."""
        read = self.run.report.line("segment_memberships").parts
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
        calls = (Call(path, {"id": segment["id"]}) for segment in self.run.listed(Segments))
        for answer in self.client.map(self.ask, calls):
            if answer is not None:
                yield int(answer["segment_id"]), int(answer["count"])
