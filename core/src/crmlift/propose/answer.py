"""What `crmlift propose --json` prints; `docs/schemas/propose.json` is made of these models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crmlift.part import Part
from crmlift.propose.draft import Draft, summary
from crmlift.propose.evidence import Trait
from crmlift.propose.lines import Line
from crmlift.propose.suggest import Suggestion
from crmlift.propose.weigh import Band, Candidate, Verdict


class FieldsFor(Part):
    """An attribute of a list and its candidates, the best first; `none` is one like any other."""

    trait: str
    band: Band
    candidates: list[Candidate]


class Proposal(Part):
    """A mapping that was written, line by line."""

    mapping: str
    digest: str
    profile: str | None
    live: bool
    """Whether the CRM was asked for its fields."""
    summary: dict[str, int]
    lines: list[Line]
    suggestions: list[Suggestion]


def fields_for(traits: Sequence[Trait], verdicts: Sequence[Verdict]) -> list[FieldsFor]:
    """Return the answer for a plain list, in its order."""
    return [
        FieldsFor(trait=trait.name, band=verdict.band, candidates=verdict.candidates)
        for trait, verdict in zip(traits, verdicts, strict=True)
    ]


def proposal(path: Path, digest: str, made: Draft, *, profile: Path | None, live: bool) -> Proposal:
    """Return the answer for a mapping."""
    return Proposal(
        mapping=str(path),
        digest=digest,
        profile=str(profile) if profile else None,
        live=live,
        summary=summary(made.lines),
        lines=made.lines,
        suggestions=made.suggestions,
    )
