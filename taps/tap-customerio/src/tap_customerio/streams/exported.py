"""People and deliveries as exports have them. The vendor does not document the columns: read by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tap_customerio.client import Call
from tap_customerio.errors import Refused
from tap_customerio.exports import Exports, Row
from tap_customerio.streams.base import BookmarkedStream, CustomerIOStream, ListStream
from tap_customerio.streams.campaigns import Campaigns
from tap_customerio.streams.everybody import EVERYBODY, identifiers, person
from tap_customerio.streams.newsletters import Newsletters, TransactionalMessages
from tap_customerio.values import Record, unix

_YEAR = 365 * 86_400  # an export of deliveries spans twelve months at most
# Names that a column may have, beside the field's own.
_NAMES = {
    "id": ("delivery_id",),
    "type": ("delivery_type", "channel"),
    "created": ("created_at",),
    "cio_id": ("internal_customer_id",),
    "person_id": ("customer_id",),
    "email": ("customer_email",),
}
# What exports of deliveries are made by, and how it is named.
PARENTS: dict[type[ListStream], str] = {
    Campaigns: "campaign_id",
    Newsletters: "newsletter_id",
    TransactionalMessages: "transactional_message_id",
}
_METRICS = {
    "drafted", "attempted", "sent", "delivered", "opened", "clicked", "converted", "bounced", "dropped",
    "deferred", "spammed", "failed", "undeliverable", "unsubscribed", "human_opened", "human_clicked",
    "prefetch_opened", "prefetch_clicked", "replied",
}  # fmt: skip


def everybody(stream: CustomerIOStream) -> Iterator[Record]:
    """Everybody. A row without a `cio_id` is looked up by its identifiers; who cannot be told is skipped."""
    exports = Exports(stream)
    call = Call("/v1/exports/customers", body={"filters": EVERYBODY})
    for row in exports.rows("people", call):
        attributes = {name: value for name, value in row.items() if name and value}
        cio_id = attributes.get("cio_id") or _looked_up(stream, attributes)
        if cio_id is None:
            stream.line.skip("a row of the export does not tell who it is about")
            continue
        attributes["cio_id"] = cio_id
        who = {"cio_id": cio_id, "id": attributes.get("id"), "email": attributes.get("email")}
        yield person({"identifiers": who, "attributes": attributes}) | {"devices": None, "timestamps": None}
    exports.forget()


def _looked_up(stream: CustomerIOStream, row: Row) -> str | None:
    shelf = stream.run.shelf
    if not shelf.has("identifiers"):
        known = shelf.read("identifiers", lambda: identifiers(stream.client), key=_known_as)
        for _ in known:
            pass
    found = shelf.find("identifiers", _known_as(row))
    return str(found[0]["cio_id"]) if len(found) == 1 else None


def _known_as(record: Record | Row) -> str:
    return record.get("id") or record.get("email") or ""


def years(since: int, until: int) -> list[tuple[int, int]]:
    """Consecutive inclusive spans that one export can have."""
    return [(start, min(start + _YEAR - 1, until)) for start in range(since, until + 1, _YEAR)]


def deliveries(stream: BookmarkedStream, span: tuple[int, int]) -> Iterator[Record]:
    """Deliveries of each parent and year. What was asked for by a run that stopped is not asked for again."""
    exports = Exports(stream)
    state: dict[str, Any] = stream.stream_state
    since, until = state.setdefault("exported_span", list(span))
    newest = 0
    for kind, name in PARENTS.items():
        for parent in stream.run.listed(kind):
            for start, end in years(since, until):
                body = {name: parent["id"], "start": start, "end": end}
                call = Call("/v1/exports/deliveries", body=body)
                for row in exports.rows(f"{name} {parent['id']} {start}", call):
                    delivery = _delivery(stream, row) | {name: parent["id"]}
                    newest = max(newest, delivery["created"] or 0)
                    yield delivery
    exports.forget()
    del state["exported_span"]
    stream.advance(newest)


def _delivery(stream: CustomerIOStream, row: Row) -> Record:
    known = {name.strip().lower().replace(" ", "_"): value or None for name, value in row.items() if name}
    found: Record = {
        field.name: next((known[n] for n in (field.name, *_NAMES.get(field.name, ())) if known.get(n)), None)
        for field in stream.fields
    }
    if found["id"] is None:
        raise Refused(f"the export has no column of ids; it has {', '.join(sorted(known))}")
    metrics = {name: _moment(known[name]) for name in known.keys() & _METRICS if known[name]}
    found["created"] = _moment(found["created"])
    found["forgotten"] = None
    return stream.declared(found) | {"metrics": {"created": found["created"]} | metrics}


def _moment(value: str | None) -> int | None:
    try:
        return unix(value)
    except ValueError:
        return None
