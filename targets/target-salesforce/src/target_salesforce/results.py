"""What became of one row that was sent."""

from __future__ import annotations

from dataclasses import dataclass

from crmlift.errors import Refusal


@dataclass(frozen=True, slots=True)
class Sent:
    """Exactly one of both is set."""

    id: str | None = None
    refusal: Refusal | None = None
