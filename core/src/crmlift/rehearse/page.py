"""The page of a rehearsal: one part per person, source and CRM side by side."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from crmlift.pages import render
from crmlift.part import Part
from crmlift.rehearse.side_by_side import Side


class Rehearsal(Part):
    """What a rehearsal did: people chosen, rows by entity, and those that are not as the source says.

    `reasons` counts why records were not loaded; `page` is where the side-by-side page lies.
    """

    workspace: str
    into: str
    status: str
    people: int
    rows: dict[str, int]
    differing: dict[str, int]
    reasons: dict[str, int]
    page: str


def rehearsal_html(sides: list[Side], *, people: set[str], workspace: str, into: str) -> str:
    """Return the page: rows of each person first, then what they share."""
    by_person = {key: [side for side in sides if key in side.about] for key in sorted(people)}
    return render(
        "crmlift.rehearse",
        "rehearsal.html",
        workspace=workspace,
        into=into,
        written_at=datetime.now(UTC).isoformat(timespec="seconds"),
        people=by_person,
        shared=[side for side in sides if not side.about],
        differing=sum(side.differs for side in sides),
        fields=sum(len(side.pairs) for side in sides),
        rows=len(sides),
        words=_words,
    )


def rows_by_entity(sides: list[Side], *, differing: bool = False) -> dict[str, int]:
    """Count rows by entity, each once, whatever the number of records that say something of it.

    With `differing`, count only those of which a field differs.
    """
    places = {(side.entity, side.key) for side in sides if side.differs or not differing}
    return dict(Counter(entity for entity, _ in sorted(places)))


def _words(value: Any) -> str:
    return "" if value is None else str(value)
