"""Deleted profiles stay out, also where an integration creates them again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import PrivateAttr

from crmlift.batch import Batch, Claims, Item, Record
from crmlift.hooks.followers import Followers
from crmlift.hooks.options import Options, Texts, moment_of
from crmlift.hookspecs import Page, hookimpl
from crmlift.mapping.convert import to_datetime
from crmlift.mapping.engine import DELETED, Getter, first_of
from crmlift.mapping.expression import digest

_PEOPLE, _PROFILES, _LATE = "deleted.people", "deleted.profiles", "deleted.late"
Names = dict[str, str]
"""What tells a profile (`id` or `email`), by a digest of its value."""


class Deleted(Options):
    """Leave out who was deleted in Customer.io, and who is back without being on the list `restore`.

    A profile is back where its id is that of a deleted one, or its address is and it was created after the
    deletion (`created_from`). `restore` names people by `cio_id`, id or email address.

    Deletions are read from activities, after people: who turns out to be back once they were loaded is
    removed at the end of the run, as the mapping's `on_delete` says.
    """

    restore: list[str] = []
    created_from: Texts = ["attributes.created_at", "timestamps.created_at"]
    _created: Getter = PrivateAttr()
    _restored: frozenset[str] = PrivateAttr(frozenset())
    _followers: Followers = PrivateAttr(default_factory=lambda: Followers("deleted"))

    def model_post_init(self, _context: object) -> None:
        """Make the reader and the list once."""
        self._created = first_of(self.created_from)
        self._restored = frozenset(filter(None, map(digest, self.restore)))

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Learn of deletions; judge people by them."""
        if batch.stream == "people":
            self._judge(batch)
            return
        if batch.stream == "activities":
            self._learn(batch)
        self._followers.leave(batch)

    @hookimpl
    def crmlift_complete(self, claims: Claims) -> Iterator[Page]:
        """Remove people who turned out to be back after they were loaded."""
        for page in claims.take(_LATE):
            yield "people", ("cio_id",), [{"cio_id": who, DELETED: at} for who, at in page.items()]

    def _judge(self, batch: Batch) -> None:
        names = {item.key: _names(item.record, item.record.get("id")) for item in batch.items}
        asked = {name for found in names.values() for name in found}
        profiles = batch.claims.owners(_PROFILES, asked)
        loaded = batch.claims.owners(_PEOPLE, {f"={key}" for key in names})
        gone: dict[str, bool] = {}
        passed: dict[str, str] = {}
        for item in batch:
            if item.record.get(DELETED):
                gone[item.key] = True
                batch.count("deleted", item=item)
                if f"={item.key}" not in loaded:
                    batch.exclude(
                        item, "the profile was deleted before it was loaded", code="deleted_profile"
                    )
                continue
            back = self._is_back(item, names[item.key], profiles)
            gone[item.key] = back
            if back:
                batch.count("came_back", item=item)
                batch.exclude(item, "a deleted profile that was created again", code="came_back")
            else:
                created = moment_of(self._created(item.record))
                passed |= dict.fromkeys((f"={item.key}", *names[item.key]), f"{item.key} {created}")
        batch.claims.put(_PEOPLE, passed)
        self._followers.note(batch, gone)

    def _is_back(self, item: Item, names: Names, profiles: dict[str, str]) -> bool:
        created = moment_of(self._created(item.record))
        found = [(names[name], profiles[name]) for name in names if name in profiles]
        return not self._may_return(item.key, names) and any(
            _same_again(what, item.key, created, text) for what, text in found
        )

    def _may_return(self, key: str, names: Names) -> bool:
        return not self._restored.isdisjoint({digest(key), *(name[1:] for name in names)})

    def _learn(self, batch: Batch) -> None:
        """Remember deleted profiles; note who among those already loaded is one of them again."""
        deleted = [item.record for item in batch if item.record.get("type") == "profile_delete"]
        named = [(record, _names(record, record.get("person_id"))) for record in deleted]
        batch.claims.put(
            _PROFILES,
            {name: f"{record['cio_id']} {record['timestamp']}" for record, names in named for name in names},
        )
        people = batch.claims.owners(_PEOPLE, {name for _, names in named for name in names})
        late: dict[str, str] = {}
        for record, names in named:
            for name in names.keys() & people.keys():
                who, created = people[name].rsplit(" ", 1)
                text = f"{record['cio_id']} {record['timestamp']}"
                moment = None if created == "None" else int(created)
                if _same_again(names[name], who, moment, text) and not self._may_return(who, names):
                    late[who] = to_datetime(record["timestamp"]).isoformat()
        batch.claims.put(_LATE, late)


def _names(record: Record, own_id: Any) -> Names:
    """Return digests of the id and the address of a profile, each with what it is."""
    found = {f"#{digest(own_id)}": "id", f"@{digest(record.get('email'))}": "email"}
    return {name: what for name, what in found.items() if not name.endswith("None")}


def _same_again(what: str, key: str, created: int | None, profile: str) -> bool:
    """Ids are unique, so that the same one must be the same profile again; an address may be shared."""
    deleted, at = profile.rsplit(" ", 1)
    return deleted != key and (what == "id" or (created is not None and created >= int(at)))
