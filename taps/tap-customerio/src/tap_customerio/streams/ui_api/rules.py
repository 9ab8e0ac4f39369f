"""Rules of segments, and the catalogue of attributes and events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from singer_sdk import typing as th

from tap_customerio.sizes import Sizes
from tap_customerio.streams.base import FREE_FORM, any_of, prop
from tap_customerio.streams.segments import Segments
from tap_customerio.streams.ui_api.base import RAW, UNDECODED, UiListStream, UiStream
from tap_customerio.ui_api import conditions
from tap_customerio.values import Record


class SegmentRules(UiStream):
    """What puts people into each segment, and what uses it; archived ones too."""

    name = "segment_rules"
    description = "Segments with their whole conditions and who uses them, archived ones too."
    primary_keys = ("id",)
    fields = (
        prop("id", th.StringType, "Number of the segment, as text.", key=True),
        prop("name", th.StringType, "Name."),
        prop("description", th.StringType, "Description."),
        prop("type", th.StringType, "`dynamic` (by conditions) or `static` (manual)."),
        prop("state", th.StringType, "`complete` once the membership is up to date."),
        prop("archived", th.BooleanType, "Whether it is archived: such segments are not in `segments`."),
        prop("updated_at", th.IntegerType, "Unix seconds."),
        prop("conditions", any_of("object", "array"), "Tree of conditions, decoded."),
        prop("usage", FREE_FORM, "What uses it: lists by kind of user, empty ones left out."),
        UNDECODED,
        RAW,
    )

    def read(self) -> Iterable[Record]:
        """All segments."""
        return self.api.map(self._read, self._listed())

    def calls(self, sizes: Sizes) -> int | None:
        """Two for each segment."""
        segments = sizes.length(Segments)
        return None if segments is None else 2 * segments

    def _listed(self) -> Iterator[Record]:
        seen: set[str] = set()
        for found in self.identified(self.api.listed("/segments", "segments")):
            seen.add(str(found["id"]))
            yield found
        # Archived ones come in numbered pages only. Where the flag is ignored, all come again.
        query = {"archived": "true", "size": 100}
        pages = self.api.pages("/segments", "segments", str, query=query)
        for found in self.identified(self.readable(pages)):
            if str(found["id"]) not in seen:
                yield found | {"archived": True}

    def _read(self, listed: Record) -> Record:
        values = {"segment": listed["id"]}
        whole = listed | self.single("/segments/{segment}", values, "segment")
        usage = self.some(lambda: self.api.get("/segments/{segment}/usage", values))
        known, broken = conditions.decoded(whole)
        self.line.unknown.update(conditions.unknown(known.get("conditions")))
        self.line.unknown.update(f"undecodable {name}" for name in broken)
        return self.made(
            whole,
            archived=bool(whole.get("archived")),
            conditions=known.get("conditions"),
            undecoded=broken,
            usage=_used(usage),
        )


def _used(usage: Any) -> Record | None:
    """An object of lists, one per kind of user; all empty means unused. None if it is not known."""
    if not isinstance(usage, dict):
        return None
    inner = usage.get("usage")
    return {kind: users for kind, users in (inner if isinstance(inner, dict) else usage).items() if users}


class AttributeCatalogue(UiListStream):
    """Attributes with what is noted of them and what uses them: one request each."""

    name = "attribute_catalogue"
    description = "Attributes of people, with description, privacy level, sources and what uses them."
    primary_keys = ("id",)
    path = "/attributes"
    root = "attributes"
    paging = {"size": 200}
    id_names = ("id", "name")
    fields = (
        prop("id", th.StringType, "Number or name of the attribute, as text.", key=True),
        prop("name", th.StringType, "Name."),
        prop("description", th.StringType, "Description."),
        prop("privacy_level", th.StringType, "Level of privacy; `1` is private."),
        prop("last_seen_at", th.IntegerType, "Unix seconds."),
        prop("sources", any_of("array", "object"), "Where it comes from."),
        prop("segments", any_of("array", "object"), "Segments that use it."),
        prop("campaigns", any_of("array", "object"), "Campaigns that use it."),
        RAW,
    )

    def read(self) -> Iterable[Record]:
        """Each as its own page shows it."""
        return self.api.map(self._read, self.rows())

    def _read(self, listed: Any) -> Record:
        whole: Record = listed if isinstance(listed, dict) else {"name": str(listed)}
        id = self.key(whole)
        whole = whole | self.single("/attributes/{attribute}", {"attribute": id}, "attribute")
        metadata = whole.get("metadata")
        level = whole.get(
            "privacy_level", metadata.get("privacy_level") if isinstance(metadata, dict) else None
        )
        return self.made(whole, id=id, privacy_level=None if level is None else str(level))


class EventCatalogue(UiListStream):
    """Names of the events that the workspace knows."""

    name = "event_catalogue"
    description = "Names of events, also of those that are older than what activities hold."
    primary_keys = ("name",)
    path = "/event_names"  # /data_index/events would queue an export
    root = "event_names"
    id_names = ("name", "event_name", "id")
    fields = (
        prop("name", th.StringType, "Name of the event.", key=True),
        prop("type", th.StringType, "Kind of event, where the API says it."),
        prop("description", th.StringType, "Description."),
        RAW,
    )

    def record(self, found: Any) -> Record:
        """An event that comes as plain text, or as an object."""
        whole = found if isinstance(found, dict) else {"name": str(found)}
        return super().record(whole)
