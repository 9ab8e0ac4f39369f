"""What a call may ask for beside its rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """What the headers of a call, or its kind, ask for."""

    auto_assign: bool = True
    allow_duplicates: bool = False
    audit: bool = True
