"""How much there is in the workspace, by its own counts: what estimates and the completeness report use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Protocol

from tap_customerio.client import Client
from tap_customerio.errors import Refused, Unauthorized, Unavailable
from tap_customerio.values import Record


class Listed(Protocol):
    """One list of the API: the class of the stream that it becomes."""

    name: str

    def listed(self, client: Client) -> Iterable[Record]:
        """The list as the API sends it."""


class Sizes:
    """Counts, asked for when they are first needed, of lists as `listed` gives them.

    `workspaces` is the list of workspaces; `workspace_id` says which is meant, where there are several.
    """

    def __init__(
        self, listed: Callable[[Listed], Iterable[Record]], workspaces: Listed, workspace_id: int | None
    ) -> None:
        self._listed = listed
        self._workspaces = workspaces
        self._workspace_id = workspace_id
        self.problem = ""  # why the workspace's counts are not known

    @cached_property
    def workspace(self) -> Record:
        """The key's workspace with its counts; empty where it is not clear which one that is."""
        try:
            workspaces = list(self._listed(self._workspaces))
        except Unauthorized:
            raise
        except (Refused, Unavailable) as error:
            self.problem = str(error)
            return {}
        meant = [one for one in workspaces if self._workspace_id in (None, one["id"])]
        if len(meant) != 1:
            self.problem = "workspace_id does not say which workspace is meant"
            return {}
        return meant[0]

    def count(self, what: str) -> int | None:
        """The workspace's own count of `people`, `objects`, `object_types` or `messages_sent`."""
        count = self.workspace.get(what)
        return count if isinstance(count, int) else None

    def length(self, one: Listed) -> int | None:
        """How many records a list has; None where it is closed."""
        try:
            return sum(1 for _ in self._listed(one))
        except Unauthorized:
            raise
        except Refused:
            return None
