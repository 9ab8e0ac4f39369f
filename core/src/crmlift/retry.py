"""Load the dead letters again, after a fix."""

from __future__ import annotations

from crmlift.ledger import Ledger
from crmlift.part import Part
from crmlift.pipeline import Pipeline


class Retried(Part):
    """How many records were tried again, how many are rejected now, and how the run ended."""

    tried: int
    rejected: int
    status: str


def retry(pipeline: Pipeline, ledger: Ledger) -> int:
    """Send what the mapping or the CRM rejected, and what a hook held, through the whole way again.

    Records that broke their stream's schema are left: those are mended in the source. Returns how many
    were tried.
    """
    by_stream: dict[str, dict[str, dict[str, object]]] = {}
    for letter in ledger.letters.all():
        if letter.entity or letter.fate == "held":
            by_stream.setdefault(letter.stream, {})[letter.source] = letter.record
    for stream, records in by_stream.items():
        pipeline.again(stream, records.items())
    return sum(map(len, by_stream.values()))
