"""Runs: when each began and ended, and what it counted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, ScalarSelect, Select, delete, func, insert, select, update

from crmlift.ledger import tables
from crmlift.ledger.store import Store

ROLLED_BACK = "rolled_back"
PARTLY_ROLLED_BACK = "partly_rolled_back"


_COMPLETE = tables.runs.c.status.startswith("complete")


def last_complete(scope: int) -> ScalarSelect[int]:
    """Return, as part of a query, the number of the latest run that was complete; 0 before the first."""
    t = tables.runs.c
    query = select(func.coalesce(func.max(t.id), 0))
    return query.where(t.scope == scope, _COMPLETE).scalar_subquery()


class Runs:
    """The runs of one destination and workspace."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def start(self, mapping_digest: str) -> int:
        """Begin a run and return its number; a run that never finished is marked as broken off.

        Raises `RunStopped` where another process is at work with this ledger.
        """
        self._store.sole_writer.take()
        with self._store.transaction() as db:
            unfinished = tables.runs.c.scope == self._store.scope, tables.runs.c.status == "running"
            db.execute(update(tables.runs).where(*unfinished).values(status="broken_off"))
            result = db.execute(
                insert(tables.runs).values(
                    scope=self._store.scope,
                    status="running",
                    mapping_digest=mapping_digest,
                    started_at=_now(),
                    counts="{}",
                )
            )
            self._store.run = int(cast("tuple[int]", result.inserted_primary_key)[0])
        return self._store.run

    def finish(self, status: str, counts: Mapping[str, Any]) -> None:
        """Close the current run with its counts."""
        with self._store.transaction() as db:
            db.execute(
                update(tables.runs)
                .where(tables.runs.c.id == self._store.run)
                .values(status=status, finished_at=_now(), counts=orjson.dumps(counts).decode())
            )

    def mark_cut_short(self, after: int) -> None:
        """Note that runs with a greater number ended because their input broke off, whatever they said."""
        with self._store.transaction() as db:
            db.execute(
                update(tables.runs)
                .where(
                    tables.runs.c.scope == self._store.scope,
                    tables.runs.c.id > after,
                    _COMPLETE,
                )
                .values(status="stopped")
            )

    def note_progress(self, counts: Mapping[str, Any]) -> None:
        """Keep the counts so far, for whoever watches the run."""
        with self._store.transaction() as db:
            db.execute(
                update(tables.runs)
                .where(tables.runs.c.id == self._store.run)
                .values(counts=orjson.dumps(counts).decode())
            )

    def mark_rolled_back(self, run: int, *, partly: bool) -> None:
        """Note that a run was undone, all of it or `partly`, and drop what it left waiting."""
        status = PARTLY_ROLLED_BACK if partly else ROLLED_BACK
        with self._store.transaction() as db:
            db.execute(update(tables.runs).where(tables.runs.c.id == run).values(status=status))
            for table in (tables.parked, tables.dead_letters, tables.batches):
                db.execute(delete(table).where(table.c.scope == self._store.scope, table.c.run == run))

    def latest(self) -> int:
        """Return the number of the latest run; 0 before the first."""
        query = select(func.max(tables.runs.c.id)).where(tables.runs.c.scope == self._store.scope)
        with self._store.transaction() as db:
            return db.execute(query).scalar() or 0

    def all(self) -> list[dict[str, Any]]:
        """Return all runs, oldest first, with their counts as a dict."""
        return self._read(select(tables.runs).order_by(tables.runs.c.id))

    def last(self) -> dict[str, Any] | None:
        """Return the latest run alone: of hourly ones, there are thousands."""
        return self._last()

    def last_complete(self) -> dict[str, Any] | None:
        """Return the latest run that was complete."""
        return self._last(_COMPLETE)

    def _last(self, *where: ColumnElement[bool]) -> dict[str, Any] | None:
        found = self._read(select(tables.runs).where(*where).order_by(tables.runs.c.id.desc()).limit(1))
        return found[0] if found else None

    def _read(self, query: Select[Any]) -> list[dict[str, Any]]:
        mine = query.where(tables.runs.c.scope == self._store.scope)
        with self._store.transaction() as db:
            return [
                dict(row) | {"counts": orjson.loads(row["counts"])} for row in db.execute(mine).mappings()
            ]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
