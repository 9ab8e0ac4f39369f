"""The ledger as a whole; each part speaks SQL for its own tables.

One `Ledger` serves one destination and workspace, in one process. SQLite keeps it in a file that
only its owner can read, because before-images and dead letters hold personal data.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Self

from crmlift.ledger.erasure import Erasure
from crmlift.ledger.journal import Journal
from crmlift.ledger.letters import Letters
from crmlift.ledger.matches import CandidateIndex, ClaimRegister
from crmlift.ledger.records import Records
from crmlift.ledger.runs import Runs
from crmlift.ledger.store import Store
from crmlift.ledger.waiting import Waiting


class Ledger:
    """The ledger of one destination and workspace; use it as a context manager."""

    def __init__(self, url: str, *, destination: str, workspace: str) -> None:
        self._names = destination, workspace
        self._store = Store(url, destination=destination, workspace=workspace)
        self.runs = Runs(self._store)
        self.records = Records(self._store)
        self.journal = Journal(self._store)
        self.letters = Letters(self._store)
        self.waiting = Waiting(self._store)
        self.candidates = CandidateIndex(self._store)
        self.claims = ClaimRegister(self._store)
        self.erasure = Erasure(self._store)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; what was written stays."""
        self._store.close()

    def copy(self, url: str) -> Ledger:
        """Copy all that is known of this destination and workspace into another, empty database."""
        destination, workspace = self._names
        other = Ledger(url, destination=destination, workspace=workspace)
        self._store.copy_to(other._store)
        return other

    def write_alone(self) -> None:
        """Keep other runs away until this is closed. Raises `RunStopped` where one is at work."""
        self._store.sole_writer.take()

    def transaction(self) -> AbstractContextManager[Any]:
        """All writes inside stand or fall together."""
        return self._store.transaction()
