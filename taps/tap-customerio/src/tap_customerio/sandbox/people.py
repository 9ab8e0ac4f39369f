"""What Track writes about people, and what both APIs read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tap_customerio.sandbox.errors import TrackError
from tap_customerio.sandbox.settings import Settings
from tap_customerio.sandbox.store import JSON, Row, Store, dump, parse

_IDENTIFIERS = ("cio_id", "id", "email", "phone")
_MAX_ATTRIBUTES = 300
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class People:
    """People, their devices, suppression, merges and activities."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings

    def find(self, identifiers: Mapping[str, Any]) -> Row | None:
        """The person whom one identifier names; the eldest, where several share an address."""
        for name in _IDENTIFIERS:
            if value := identifiers.get(name):
                return self.store.row(
                    f"SELECT * FROM people WHERE {name} = ? ORDER BY n LIMIT 1", (str(value),)
                )
        raise TrackError("required", "identifiers", "one of id, email, phone or cio_id is required")

    def ensure(self, identifiers: Mapping[str, Any], moment: int | None = None) -> Row | None:
        """The person, made if need be; None if suppressed, or unknown by cio_id."""
        if row := self.find(identifiers):
            return row
        name, value = next((name, str(identifiers[name])) for name in _IDENTIFIERS if identifiers.get(name))
        if name == "cio_id" or self._suppressed(name, value):
            return None
        if len(value.encode()) > 150:
            raise TrackError("invalid", f"identifiers.{name}", "longer than 150 bytes")
        number = self.store.write(
            f"INSERT INTO people ({name}, attributes, timestamps) VALUES (?, '{{}}', '{{}}')", (value,)
        )
        cio_id = f"{0xA1B200000000 + number:012x}"
        self.store.write("UPDATE people SET cio_id = ? WHERE n = ?", (cio_id, number))
        self.activity("profile_create", cio_id, moment)
        return self.store.row("SELECT * FROM people WHERE n = ?", (number,))

    def identify(
        self, identifiers: Mapping[str, Any], attributes: JSON, moment: int | None = None
    ) -> Row | None:
        """Add or change a person; null and empty text remove an attribute."""
        moment = moment or self.settings.now
        known = self.find(identifiers)
        row = known or self.ensure(identifiers, moment)
        if row is None:
            return None
        current, timestamps = parse(row["attributes"]), parse(row["timestamps"])
        columns = {name: attributes[name] for name in ("id", "email") if attributes.get(name)}
        changes: JSON = {}
        for name, value in attributes.items():
            if name in {"id", "email", "_update"} or current.get(name) == value:
                continue
            if len(name.encode()) > 150:
                raise TrackError("invalid", f"attributes.{name[:20]}", "name longer than 150 bytes")
            changes[name] = {"from": current.get(name), "to": value}
            if value is None or value == "":
                current.pop(name, None)
                timestamps.pop(name, None)
            else:
                current[name] = value
                timestamps[name] = moment
        if len(current) > _MAX_ATTRIBUTES:
            raise TrackError("invalid", "attributes", f"more than {_MAX_ATTRIBUTES} attributes")
        for name, value in columns.items():
            if row[name] != str(value):
                timestamps[name] = moment
                changes[name] = {"from": row[name], "to": value}
        phone = current.get("phone")
        self.store.write(
            "UPDATE people SET id = ?, email = ?, phone = ?, attributes = ?, timestamps = ? WHERE n = ?",
            (
                str(columns.get("id", row["id"]) or "") or None,
                columns.get("email", row["email"]),
                None if phone is None else str(phone),
                dump(current),
                dump(timestamps),
                row["n"],
            ),
        )
        if known and changes:
            self.activity("attribute_change", row["cio_id"], moment, data=changes)
        return row

    def event(self, kind: str, identifiers: Mapping[str, Any], operation: Mapping[str, Any]) -> None:
        """An event, page or screen of a person; one whose id is known already is not stored twice."""
        name = operation.get("name")
        if not name or len(str(name).encode()) > 100:
            raise TrackError("required", "name", "an event needs a name of at most 100 bytes")
        if identifiers.get("anonymous_id"):
            return  # kept for later merging by the vendor, never listed by the App API
        moment = operation.get("timestamp")
        row = self.ensure(identifiers)
        if row is not None:
            url = name if kind == "page" else None
            data = operation.get("attributes") or operation.get("data") or {}
            self.activity(kind, row["cio_id"], moment, str(name), data, url, operation.get("id"))

    def activity(
        self,
        kind: str,
        cio_id: str,
        moment: int | None,
        name: str | None = None,
        data: Mapping[str, Any] | None = None,
        url: str | None = None,
        id: str | None = None,
        deleted: bool = False,
    ) -> None:
        """Note that something happened."""
        moment = int(moment or self.settings.now)
        number = self.store.write(
            "INSERT INTO activities (id, type, timestamp, name, url, cio_id, data, deleted)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
            (id, kind, moment, name if kind != "page" else None, url, cio_id, dump(data or {}), deleted),
        )
        if id is None:
            self.store.write("UPDATE activities SET id = ? WHERE n = ?", (_ulid(moment, number), number))

    def add_device(self, identifiers: Mapping[str, Any], device: Mapping[str, Any]) -> None:
        """Add or change a push device."""
        token = device.get("token") or device.get("id")
        if not token or device.get("platform") not in {"ios", "android"}:
            raise TrackError("required", "device", "a token and a platform (ios or android) are required")
        row = self.ensure(identifiers)
        if row is None:
            return
        kept = [known for known in parse(row["devices"]) if known["id"] != token]
        kept.append(
            {
                "id": token,
                "platform": device["platform"],
                "last_used": device.get("last_used") or self.settings.now,
                "attributes": device.get("attributes") or {},
            }
        )
        self.store.write("UPDATE people SET devices = ? WHERE n = ?", (dump(kept), row["n"]))

    def delete_device(self, identifiers: Mapping[str, Any], token: str) -> None:
        """Remove a push device."""
        if row := self.find(identifiers):
            kept = [known for known in parse(row["devices"]) if known["id"] != token]
            self.store.write("UPDATE people SET devices = ? WHERE n = ?", (dump(kept), row["n"]))

    def delete(self, identifiers: Mapping[str, Any]) -> None:
        """Delete a person; traces of activity stay, marked as deleted."""
        if row := self.find(identifiers):
            cio_id = row["cio_id"]
            self.store.write("DELETE FROM relationships WHERE person = ?", (row["n"],))
            self.store.write("DELETE FROM members WHERE cio_id = ?", (cio_id,))
            self.store.write("UPDATE activities SET deleted = 1 WHERE cio_id = ?", (cio_id,))
            self.store.write("DELETE FROM people WHERE n = ?", (row["n"],))
            self.activity("profile_delete", cio_id, None, deleted=True)

    def suppress(self, identifiers: Mapping[str, Any]) -> None:
        """Delete a person and keep the identifiers from coming back; their deliveries become anonymous."""
        row = self.find(identifiers)
        names = dict(row) if row else dict(identifiers)
        values = [(name, names[name]) for name in ("id", "email", "cio_id") if names.get(name)]
        self.store.write_all("INSERT OR IGNORE INTO suppressed VALUES (?, ?)", values)
        if row:
            self.delete(identifiers)
            self.store.write("UPDATE deliveries SET cio_id = NULL WHERE cio_id = ?", (row["cio_id"],))

    def unsuppress(self, identifiers: Mapping[str, Any]) -> None:
        """Let the identifiers come back."""
        values = [(name, value) for name, value in identifiers.items() if value]
        self.store.write_all("DELETE FROM suppressed WHERE kind = ? AND value = ?", values)

    def merge(self, primary: Mapping[str, Any], secondary: Mapping[str, Any]) -> None:
        """Fold the secondary person into the primary one, whose own values win."""
        first, second = self.find(primary), self.find(secondary)
        if first is None or second is None or first["n"] == second["n"]:
            return
        attributes = parse(second["attributes"]) | parse(first["attributes"])
        timestamps = parse(second["timestamps"]) | parse(first["timestamps"])
        cio_ids = (first["cio_id"], second["cio_id"])
        self.store.write(
            "UPDATE OR IGNORE relationships SET person = ? WHERE person = ?", (first["n"], second["n"])
        )
        self.store.write("UPDATE OR IGNORE members SET cio_id = ? WHERE cio_id = ?", cio_ids)
        self.store.write("UPDATE activities SET cio_id = ? WHERE cio_id = ?", cio_ids)
        self.store.write("UPDATE deliveries SET cio_id = ? WHERE cio_id = ?", cio_ids)
        self.delete({"cio_id": second["cio_id"]})
        self.store.write(
            "UPDATE people SET attributes = ?, timestamps = ? WHERE n = ?",
            (dump(attributes), dump(timestamps), first["n"]),
        )
        self.activity("profile_merge", first["cio_id"], None)

    def _suppressed(self, kind: str, value: str) -> bool:
        return bool(self.store.row("SELECT 1 FROM suppressed WHERE kind = ? AND value = ?", (kind, value)))


def identifiers(row: Row) -> JSON:
    """The `identifiers` object of a person: the phone is never in it."""
    return {"cio_id": row["cio_id"], "email": row["email"], "id": row["id"]}


def _ulid(moment: int, number: int) -> str:
    """A ULID of the moment; its random part is a counter, so that two loads give the same ids."""
    value = (moment * 1000 << 80) | number
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))
