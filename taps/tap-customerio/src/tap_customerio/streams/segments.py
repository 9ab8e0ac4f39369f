"""Segments and who is in them."""

from __future__ import annotations

from collections.abc import Iterable

from singer_sdk import typing as th

from tap_customerio.client import Call
from tap_customerio.sizes import Sizes
from tap_customerio.streams.base import FREE_FORM, PERSONAL, ListStream, prop
from tap_customerio.streams.compared import TOMBSTONE, ComparedStream
from tap_customerio.streams.identity import identity
from tap_customerio.values import Record

_MEMBERS_PER_PAGE = 30_000


class Segments(ListStream):
    """Segments, each read once more by itself: the list leaves the conditions out."""

    name = "segments"
    description = "Segments with what is known of their conditions; archived ones are not listed."
    primary_keys = ("id",)
    call = Call("/v1/segments")
    root = "segments"
    fields = (
        prop("id", th.IntegerType, "Number of the segment.", key=True),
        prop("deduplicate_id", th.StringType, "Id and time of the last change."),
        prop("name", th.StringType, "Name."),
        prop("description", th.StringType, "Description."),
        prop("type", th.StringType, "`dynamic` (by conditions) or `manual`."),
        prop("state", th.StringType, "`finished` once the membership is up to date."),
        prop("progress", th.IntegerType, "Percent, while the membership is being built."),
        prop("tags", th.ArrayType(th.StringType), "Tags."),
        prop("conditions", FREE_FORM, "Conditions, where the API sends them; it does not promise to."),
        prop("created_at", th.IntegerType, "Unix seconds."),
        prop("updated_at", th.IntegerType, "Unix seconds."),
    )

    def calls(self, sizes: Sizes) -> int | None:
        """The list, and one for each."""
        segments = sizes.length(Segments)
        return None if segments is None else 1 + segments

    def read(self) -> Iterable[Record]:
        """All segments."""
        return self.client.map(self._read, self.run.listed(Segments))

    def _read(self, listed: Record) -> Record:
        answer = self.ask(Call("/v1/segments/{id}", {"id": listed["id"]})) or {}
        return self.declared(listed | (answer.get("segment") or {}))


class SegmentMemberships(ComparedStream):
    """Who is in which segment now; the API knows no time of joining or leaving."""

    name = "segment_memberships"
    description = f"People of each segment as of now. {PERSONAL}"
    primary_keys = ("segment_id", "cio_id")
    fields = (
        prop("segment_id", th.IntegerType, "Number of the segment.", key=True),
        prop("cio_id", th.StringType, "Customer.io's id of the person.", key=True),
        prop("person_id", th.StringType, "The workspace's id of the person. Personal data."),
        prop("email", th.StringType, "The person's email address. Personal data."),
        TOMBSTONE,
    )

    def calls(self, sizes: Sizes) -> int | None:
        """One for each segment, and more where it has many members."""
        return sizes.length(Segments)

    def everything(self) -> Iterable[Record]:
        """The members of all segments."""
        path, query = "/v1/segments/{id}/membership", {"limit": _MEMBERS_PER_PAGE}
        calls = (Call(path, {"id": segment["id"]}, query) for segment in self.run.listed(Segments))
        for call, page in self.client.pages_of(calls, ask=self.ask):
            members = page.get("identifiers") or ()
            self.line.parts[int(str(call.values["id"]))] += len(members)
            for member in members:
                yield {"segment_id": call.values["id"], **identity(member)}
