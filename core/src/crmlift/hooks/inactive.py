"""People who showed no sign of life for long: tag, archive, hold or leave them out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, Field, PrivateAttr

from crmlift.batch import Batch, Item, Record
from crmlift.hooks.followers import Followers
from crmlift.hooks.options import Options, Texts, moment_of
from crmlift.hookspecs import hookimpl
from crmlift.mapping.engine import DELETED, Getter, path_getter

_SEEN = "inactive.seen"


class Inactive(Options):
    """People whose last sign of life is more than `days` before `as_of` (now) are inactive.

    Signs are the moments at `seen_from`, the last use of a device, and with `look_at_events` events, page
    and screen views, clicks and conversions. Opens are none: mail programs open messages by themselves.
    Whoever seems inactive waits until every stream has been read, since a sign may still come, also from a
    record that joined theirs; without `wait` they are judged at once.
    """

    days: int = Field(365, ge=1)
    then: Literal["tag", "archive", "hold", "exclude"] = "tag"
    no_sign: Literal["active", "inactive"] = "active"
    as_of: AwareDatetime | None = None
    seen_from: Texts = ["attributes.last_seen_at", "attributes.last_login"]
    look_at_events: bool = False
    wait: bool = True
    into: str = "activity"
    _since: int = PrivateAttr(0)
    _getters: list[Getter] = PrivateAttr(default_factory=list)
    _followers: Followers = PrivateAttr(default_factory=lambda: Followers("inactive"))

    def model_post_init(self, _context: object) -> None:
        """Fix the moment for the whole run."""
        self._since = int((self.as_of or datetime.now(UTC)).timestamp()) - self.days * 86_400
        self._getters = [path_getter(path) for path in self.seen_from]

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Judge people; learn of signs from what they did."""
        if batch.stream == "people":
            self._judge(batch)
            return
        if self.look_at_events and batch.stream in ("activities", "deliveries"):
            read = _clicked if batch.stream == "deliveries" else _acted
            self._learn(batch, [(item.record.get("cio_id"), read(item.record)) for item in batch])
        if self.then == "exclude":
            self._followers.leave(batch)

    def _judge(self, batch: Batch) -> None:
        people = [item for item in batch if not item.record.get(DELETED)]
        seen = self._learn(batch, [(item.into or item.key, self._own(item.record)) for item in people])
        gone: dict[str, bool] = {}
        for item in people:
            moment = seen.get(item.into or item.key)
            inactive = moment < self._since if moment else self.no_sign == "inactive"
            if inactive and self.wait and not batch.last:
                batch.defer(item, "seems inactive; what they did is read later")
                continue
            archived = inactive and self.then == "archive"
            item.record[self.into] = {"inactive": inactive, "archived": archived, "last_seen": moment}
            gone[item.key] = inactive and self.then == "exclude"
            if moment is None:
                batch.count("no_sign_of_life", item=item)
            if inactive:
                batch.count("inactive", item=item)
                self._act(item, batch)
        if self.then == "exclude":
            self._followers.note(batch, gone)

    def _act(self, item: Item, batch: Batch) -> None:
        if self.then == "hold":
            batch.hold(item, f"no sign of life for {self.days} days", code="inactive")
        elif self.then == "exclude":
            batch.exclude(item, f"no sign of life for {self.days} days", code="inactive")

    def _own(self, record: Record) -> int | None:
        devices = record.get("devices") or ()
        moments = [moment_of(get(record)) for get in self._getters]
        moments += [moment_of(device.get("last_used")) for device in devices if isinstance(device, dict)]
        return max((moment for moment in moments if moment), default=None)

    def _learn(self, batch: Batch, told: list[tuple[Any, int | None]]) -> dict[str, int]:
        """Return the last sign of each person that is told of, and remember those that are new."""
        before = batch.claims.owners(_SEEN, {str(who) for who, _ in told if who})
        seen = {who: int(text) for who, text in before.items()}
        new: dict[str, str] = {}
        for who, moment in told:
            if who and moment and moment > seen.get(str(who), 0):
                seen[str(who)] = moment
                new[str(who)] = str(moment)
        batch.claims.put(_SEEN, new)
        return seen


def _acted(record: Record) -> int | None:
    kind = str(record.get("type"))
    counts = kind in ("event", "page", "screen") or kind.startswith("clicked_")
    return moment_of(record.get("timestamp")) if counts else None


def _clicked(record: Record) -> int | None:
    metrics = record.get("metrics") or {}
    moments = [moment_of(metrics.get(name)) for name in ("clicked", "converted", "human_clicked")]
    return max((moment for moment in moments if moment), default=None)
