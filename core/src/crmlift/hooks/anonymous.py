"""Profiles that nobody could recognise: hold them, give them a scope of their own, or leave them out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PrivateAttr

from crmlift.batch import Batch
from crmlift.hooks.followers import Followers
from crmlift.hooks.options import Options, Texts
from crmlift.hookspecs import hookimpl
from crmlift.mapping.engine import DELETED, Getter, first_of


class Anonymous(Options):
    """People with no value at any path of `known_by` are anonymous.

    `hold` keeps them in the ledger until they are known or somebody decides; `mark` writes `scope` into the
    record under `into`, for a rule of the mapping; `exclude` leaves them out with what hangs on them.
    """

    known_by: Texts = Field(["email", "id"], min_length=1)
    then: Literal["hold", "mark", "exclude"] = "hold"
    scope: str = "lead"
    into: str = "scope"
    _known: Getter = PrivateAttr()
    _followers: Followers = PrivateAttr(default_factory=lambda: Followers("anonymous"))

    def model_post_init(self, _context: object) -> None:
        """Make the reader once."""
        self._known = first_of(self.known_by)

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Find the anonymous people of a batch."""
        if batch.stream != "people":
            if self.then == "exclude":
                self._followers.leave(batch)
            return
        gone: dict[str, bool] = {}
        for item in batch:
            if item.merged or item.record.get(DELETED):
                continue
            anonymous = self._known(item.record) is None
            gone[item.key] = anonymous and self.then == "exclude"
            if not anonymous:
                continue
            batch.count("anonymous", item=item)
            if self.then == "mark":
                item.record[self.into] = self.scope
            elif self.then == "hold":
                batch.hold(item, f"none of {', '.join(self.known_by)} is known", code="anonymous")
            else:
                batch.exclude(item, f"none of {', '.join(self.known_by)} is known", code="anonymous")
        if self.then == "exclude":
            self._followers.note(batch, gone)
