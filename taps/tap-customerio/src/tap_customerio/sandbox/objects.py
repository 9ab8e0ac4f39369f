"""What Track writes about objects and relationships."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tap_customerio.sandbox.errors import TrackError
from tap_customerio.sandbox.people import People
from tap_customerio.sandbox.store import JSON, Row, Store, dump, parse


class Objects:
    """Objects and who belongs to them."""

    def __init__(self, store: Store, people: People) -> None:
        self.store = store
        self.people = people

    def find(self, identifiers: Mapping[str, Any]) -> Row | None:
        """The object that `cio_object_id`, or type and `object_id`, names."""
        if value := identifiers.get("cio_object_id"):
            return self.store.row("SELECT * FROM objects WHERE cio_object_id = ?", (str(value),))
        type_id, object_id = identifiers.get("object_type_id"), identifiers.get("object_id")
        if not type_id or not object_id:
            raise TrackError("required", "identifiers", "object_type_id and object_id are required")
        return self.store.row(
            "SELECT * FROM objects WHERE type_id = ? AND object_id = ?", (str(type_id), str(object_id))
        )

    def identify(
        self, identifiers: Mapping[str, Any], attributes: JSON, moment: int | None = None
    ) -> Row | None:
        """Add or change an object; null and empty text remove an attribute."""
        row = self.find(identifiers)
        if row is None:
            if identifiers.get("cio_object_id"):
                return None
            type_id, object_id = str(identifiers["object_type_id"]), str(identifiers["object_id"])
            if not self.store.document("object_types", type_id):
                raise TrackError("invalid", "identifiers.object_type_id", "no such object type")
            number = self.store.write(
                "INSERT INTO objects (type_id, object_id, attributes, timestamps) VALUES (?, ?, '{}', '{}')",
                (type_id, object_id),
            )
            self.store.write(
                "UPDATE objects SET cio_object_id = ? WHERE n = ?", (f"ob{0xC100000000 + number:x}", number)
            )
            row = self.store.row("SELECT * FROM objects WHERE n = ?", (number,))
            assert row is not None
        values, timestamps = _merged(row, attributes, moment or self.people.settings.now)
        self.store.write(
            "UPDATE objects SET attributes = ?, timestamps = ? WHERE n = ?", (values, timestamps, row["n"])
        )
        return row

    def delete(self, identifiers: Mapping[str, Any]) -> None:
        """Delete an object and its relationships."""
        if row := self.find(identifiers):
            self.store.write("DELETE FROM relationships WHERE object = ?", (row["n"],))
            self.store.write("DELETE FROM objects WHERE n = ?", (row["n"],))

    def relate(self, object_: Row, person: Row, attributes: JSON) -> None:
        """Add a relationship, or change its attributes."""
        key = (object_["n"], person["n"])
        known = self.store.row("SELECT * FROM relationships WHERE object = ? AND person = ?", key)
        values, timestamps = _merged(known, attributes, self.people.settings.now)
        self.store.write(
            "INSERT INTO relationships VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET attributes = excluded.attributes, timestamps = excluded.timestamps",
            (*key, values, timestamps),
        )
        if known is None:
            data = {"object_type_id": object_["type_id"], "object_id": object_["object_id"]}
            self.people.activity("add_relationship", person["cio_id"], None, data=data)

    def relate_people(self, object_: Row, links: Iterable[Mapping[str, Any]]) -> None:
        """Relate an object to people, who are made if need be."""
        for link in links:
            if person := self.people.ensure(link.get("identifiers") or {}):
                self.relate(object_, person, link.get("relationship_attributes") or {})

    def relate_objects(self, person: Row, links: Iterable[Mapping[str, Any]]) -> None:
        """Relate a person to objects, which are made if need be."""
        for link in links:
            if object_ := self.identify(link.get("identifiers") or {}, {}):
                self.relate(object_, person, link.get("relationship_attributes") or {})

    def unrelate(self, object_: Row | None, person: Row | None) -> None:
        """End a relationship."""
        if object_ is not None and person is not None:
            self.store.write(
                "DELETE FROM relationships WHERE object = ? AND person = ?", (object_["n"], person["n"])
            )
            data = {"object_type_id": object_["type_id"], "object_id": object_["object_id"]}
            self.people.activity("delete_relationship", person["cio_id"], None, data=data)


def _merged(row: Row | None, attributes: JSON, moment: int) -> tuple[str, str]:
    values: JSON = parse(row["attributes"]) if row else {}
    timestamps: JSON = parse(row["timestamps"]) if row else {}
    for name, value in attributes.items():
        if value is None or value == "":
            values.pop(name, None)
            timestamps.pop(name, None)
        elif values.get(name) != value:
            values[name] = value
            timestamps[name] = moment
    return dump(values), dump(timestamps)
