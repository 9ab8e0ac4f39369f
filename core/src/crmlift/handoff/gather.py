"""Keep what the tap reads of things that are documented, and count the rest, in one pass."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from crmlift.errors import InputError
from crmlift.handoff.people_files import PeopleFiles

Record = dict[str, Any]
DELETED = "_sdc_deleted_at"
DOCUMENTS = frozenset({
    "workspaces", "object_types", "segments", "segment_rules", "subscription_topics", "subscription_channels",
    "sender_identities", "sending_domains", "snippets", "collections", "campaigns", "campaign_actions",
    "campaign_metrics", "journey_metrics", "newsletters", "newsletter_contents", "newsletter_test_groups",
    "newsletter_metrics", "broadcasts", "broadcast_actions", "broadcast_triggers", "broadcast_metrics",
    "transactional_messages", "transactional_contents", "transactional_metrics", "reporting_webhooks", "tags",
    "layouts", "templates", "journeys", "journey_actions", "journey_edges", "journey_notes", "completeness",
    "design_studio_emails", "design_studio_components",
})  # fmt: skip
"""Streams that are kept whole: what people made in the workspace."""
COUNTED = {
    "suppressions": "kind",
    "esp_suppressions": "kind",
    "optouts": "channel",
    "journey_subjects": "journey_id",
}
"""Streams that are counted only, by a field."""
DELETED_FILE, FLAGGED_FILE = "people/deleted.csv", "people/messages.csv"
SENDERS = ("newsletter_id", "broadcast_id", "transactional_message_id", "campaign_id")
_FLAGS = ("bounced", "undeliverable", "failed", "dropped", "spammed")
_MOST_ATTRIBUTES = 5_000
_KINDS = {
    bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object",
    type(None): "null",
}  # fmt: skip


def members_file(segment: object) -> str:
    """Return where the members of a segment are listed."""
    return f"people/segment-{segment}.csv"


class Gathered:
    """What was read. `show_people` lists people with id and address beside Customer.io's own id."""

    def __init__(self, *, show_people: bool = False) -> None:
        self.files = PeopleFiles()
        self.documents: dict[str, list[Record]] = defaultdict(list)
        self.counted: dict[str, Counter[str]] = defaultdict(Counter)
        self.people = 0
        self.push = Counter[str]()
        self.people_with_devices = 0
        self.sent: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
        self.channels: dict[str, Counter[str]] = defaultdict(Counter)
        self.deleted: set[str] = set()
        self.back: set[str] = set()
        self._by: dict[tuple[str, str], dict[str, list[Record]]] = {}
        self._attributes: dict[str, set[str]] = {}
        self._show_people = show_people
        self._streams: set[str] = set()
        self._taking: dict[str, Callable[[Record], None]] = {
            "people": self._person,
            "segment_memberships": self._member,
            "deliveries": self._delivery,
            "activities": self._activity,
        }

    def schema(self, stream: str, schema: Record, keys: Sequence[str]) -> None:  # noqa: ARG002
        """Know a stream."""
        self._streams.add(stream)

    def state(self, value: Any) -> None:
        """Keep no state: documents are of everything, so the next pass must read everything again."""

    def record(self, stream: str, record: Record) -> None:
        """Take one record."""
        if stream not in self._streams:
            raise InputError(f"A record of stream '{stream}' came before its schema.")
        if stream in DOCUMENTS:
            self.documents[stream].append(record)
        elif stream in COUNTED:
            self.counted[stream][str(record.get(COUNTED[stream]))] += 1
        elif take := self._taking.get(stream):
            take(record)

    def of(self, stream: str, field: str, value: object) -> list[Record]:
        """Return the records of a stream that belong to something, ids compared as text.

        To be asked once everything was read.
        """
        sorted_in = self._by.get((stream, field))
        if sorted_in is None:
            sorted_in = self._by[stream, field] = defaultdict(list)
            for record in self.documents[stream]:
                sorted_in[str(record.get(field))].append(record)
        return sorted_in.get(str(value), [])

    def has(self, stream: str) -> bool:
        """Whether the tap knows a stream: it may have had nothing in it."""
        return stream in self._streams

    def kinds(self, attribute: str) -> frozenset[str]:
        """Return the JSON types that an attribute of people has; `blank` for empty text."""
        return frozenset(self._attributes.get(attribute, ()))

    def names(self, stream: str) -> frozenset[str]:
        """Return the names of a stream's documents."""
        return frozenset(str(record.get("name")) for record in self.documents[stream])

    def close(self) -> None:
        """Remove what lies in temporary files."""
        self.files.close()

    def _person(self, record: Record) -> None:
        if record.get(DELETED):
            self._delete(record.get("cio_id"), record, record[DELETED])
            return
        self.people += 1
        if str(record.get("cio_id")) in self.deleted:
            self.back.add(str(record["cio_id"]))
        devices = record.get("devices") or ()
        self.people_with_devices += bool(devices)
        for device in devices:
            self.push[str(device.get("platform") or "not known")] += 1
        for name in ("id", "email", "phone"):
            self._seen(name, record.get(name))
        for name, value in (record.get("attributes") or {}).items():
            self._seen(name, value)

    def _seen(self, name: str, value: Any) -> None:
        kinds = self._attributes.get(name)
        if kinds is None:
            if len(self._attributes) >= _MOST_ATTRIBUTES:
                return
            kinds = self._attributes[name] = set()
        kinds.add(_KINDS.get(type(value), "other"))
        if value == "" or (isinstance(value, str) and value.isspace()):
            kinds.add("blank")

    def _member(self, record: Record) -> None:
        if record.get(DELETED):
            return
        more = (record.get("person_id"), record.get("email")) if self._show_people else ()
        self.files.add(
            members_file(record["segment_id"]),
            ("cio_id", *(("id", "email") if self._show_people else ())),
            (record["cio_id"], *more),
        )

    def _activity(self, record: Record) -> None:
        if record.get("type") == "profile_delete":
            self._delete(record.get("cio_id"), record | {"id": record.get("person_id")}, record["timestamp"])

    def _delete(self, cio_id: object, record: Record, at: object) -> None:
        if str(cio_id) in self.deleted:
            return
        self.deleted.add(str(cio_id))
        id = record.get("id")
        # An address as id is personal data of somebody who is gone.
        shown = id if self._show_people or "@" not in str(id or "") else None
        self.files.add(DELETED_FILE, ("cio_id", "id", "deleted_at"), (cio_id, shown, at))

    def _delivery(self, record: Record) -> None:
        metrics = record.get("metrics") or {}
        channel = str(record.get("type") or "not known")
        found = Counter({name for name, at in metrics.items() if at})
        found["created"] = 1
        if record.get("forgotten"):
            found["redacted"] = 1
        self.channels[channel].update(found)
        for name in SENDERS:
            if record.get(name):
                self.sent[name, int(record[name])].update(found)
                break
        flags = [name for name in (*_FLAGS, "redacted") if found[name]]
        if flags:
            row = (record["id"], record.get("cio_id"), channel, record.get("created"), " ".join(flags))
            self.files.add(FLAGGED_FILE, ("delivery_id", "cio_id", "channel", "created", "why"), row)
