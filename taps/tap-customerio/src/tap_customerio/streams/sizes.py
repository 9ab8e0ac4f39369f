"""How much there is in the workspace, by its own counts: what estimates and the completeness report use."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tap_customerio.errors import Refused, Unauthorized, Unavailable
from tap_customerio.streams.base import ListStream, Record, listed
from tap_customerio.streams.setup import Workspaces

if TYPE_CHECKING:
    from tap_customerio.tap import TapCustomerIO


class Sizes:
    """Counts, asked for when they are first needed. Each list is one that its stream reads anyway.

    `anew`: as they are now, whatever was read of the workspace's counts before.
    """

    def __init__(self, tap: TapCustomerIO, *, anew: bool = False) -> None:
        self._tap = tap
        self._anew = anew
        self.problem = ""  # why the workspace's counts are not known

    @cached_property
    def workspace(self) -> Record:
        """The key's workspace with its counts; empty where it is not clear which one that is."""
        try:
            found = Workspaces.listed(self._tap.client) if self._anew else listed(self._tap, Workspaces)
            workspaces = list(found)
        except Unauthorized:
            raise
        except (Refused, Unavailable) as error:
            self.problem = str(error)
            return {}
        wanted = self._tap.config.get("workspace_id")
        meant = [one for one in workspaces if wanted is None or one["id"] == wanted]
        if len(meant) != 1:
            self.problem = "workspace_id does not say which workspace is meant"
            return {}
        return meant[0]

    def count(self, what: str) -> int | None:
        """The workspace's own count of `people`, `objects`, `object_types` or `messages_sent`."""
        count = self.workspace.get(what)
        return count if isinstance(count, int) else None

    def length(self, stream: type[ListStream]) -> int | None:
        """How many records a list has; None where it is closed."""
        try:
            return sum(1 for _ in listed(self._tap, stream))
        except Unauthorized:
            raise
        except Refused:
            return None
