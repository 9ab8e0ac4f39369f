"""People of the files: `people` says who there is, `attributes` has one row for each change."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tap_customerio.values import Record, flag, iso
from tap_customerio.warehouse import FLAG, MOMENT, TEXT
from tap_customerio.warehouse.reader import Part, Table, rows
from tap_customerio.warehouse.spill import newest

KEY = "internal_customer_id"
PEOPLE = Table(
    "people",
    KEY,
    {
        KEY: TEXT,
        "customer_id": TEXT,
        "email_addr": TEXT,
        "deleted": FLAG,
        "suppressed": FLAG,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    },
)
ATTRIBUTES = Table(
    "attributes",
    KEY,
    {KEY: TEXT, "attribute_name": TEXT, "attribute_value": TEXT, "timestamp": MOMENT},
)
TABLES = (PEOPLE, ATTRIBUTES)


def people(part: Part) -> Iterator[tuple[bool, Record]]:
    """Everybody of a part, with whether anything about them is fresh; tombstones of who is gone."""
    if part["people"] is None:
        return
    attributes, timestamps, changed = _attributes(part["attributes"])
    for cio_id, id, email, deleted, suppressed, _, updated_at, fresh in rows(newest(part["people"], KEY)):
        if deleted or suppressed:
            yield fresh, {"cio_id": cio_id, "_sdc_deleted_at": iso(updated_at or time.time())}
            continue
        own = attributes.get(cio_id, {})
        # The API gives the identifiers among the attributes too.
        for name, value in (("cio_id", cio_id), ("id", id), ("email", email)):
            if value:
                own[name] = value
        yield (
            fresh or cio_id in changed,
            {
                "cio_id": cio_id,
                "id": id or None,
                "email": email or None,
                "phone": own.get("phone"),
                "unsubscribed": flag(own.get("unsubscribed")),
                "attributes": own,
                "devices": None,
                "timestamps": timestamps.get(cio_id, {}),
            },
        )


def _attributes(
    table: Any,
) -> tuple[defaultdict[str, dict[str, str]], defaultdict[str, dict[str, int]], set[str]]:
    """Values and moments of each person's attributes, and who has fresh ones; empty ones were removed."""
    values: defaultdict[str, dict[str, str]] = defaultdict(dict)
    moments: defaultdict[str, dict[str, int]] = defaultdict(dict)
    changed: set[str] = set()
    if table is None:
        return values, moments, changed
    for cio_id, name, value, moment, fresh in rows(newest(table, KEY, "attribute_name")):
        if fresh:
            changed.add(cio_id)
        if value is not None and value != "":
            values[cio_id][name] = value
            if moment is not None:
                moments[cio_id][name] = moment
    return values, moments, changed


def suppressed(part: Part) -> Iterator[Record]:
    """Who is suppressed now; a tombstone for who was and is no longer."""
    table = part["people"]
    if table is None:
        return
    before = {cio_id for cio_id, flag in _columns(table, KEY, "suppressed") if flag}
    for cio_id, id, email, deleted, is_suppressed, _, updated_at, fresh in rows(newest(table, KEY)):
        if fresh and is_suppressed:
            yield {
                "cio_id": cio_id,
                "person_id": id or None,
                "email": email or None,
                "deleted": deleted,
                "updated_at": updated_at,
            }
        elif fresh and cio_id in before:
            yield {"cio_id": cio_id, "_sdc_deleted_at": iso(updated_at or time.time())}


def _columns(table: Any, *names: str) -> Iterator[tuple[Any, ...]]:
    return rows(table.select(names))
