"""Load the dead letters again, after a fix."""

from __future__ import annotations

from crmlift.ledger import Ledger
from crmlift.part import Part
from crmlift.pipeline import Pipeline

NOTHING = "nothing to do"


class Retried(Part):
    """How many records were tried again, how many are rejected now, and how the run ended, if one began."""

    tried: int
    rejected: int
    status: str


def worth_it(ledger: Ledger) -> bool:
    """Tell whether there is anything to try again; a run that reads nothing would hide the one before."""
    return bool(_letters(ledger) or ledger.waiting.counts())


def retry(pipeline: Pipeline, ledger: Ledger) -> int:
    """Send what the mapping or the CRM rejected, and what a hook held, through the whole way again.

    Records that broke their stream's schema are left: those are mended in the source. Returns how many
    were tried.
    """
    by_stream = _letters(ledger)
    for stream, records in by_stream.items():
        pipeline.counts.stream(stream)["read"] += len(records)
        pipeline.again(stream, records.items())
    return sum(map(len, by_stream.values()))


def _letters(ledger: Ledger) -> dict[str, dict[str, dict[str, object]]]:
    """Return the records to try, by stream and source key."""
    by_stream: dict[str, dict[str, dict[str, object]]] = {}
    for letter in ledger.letters.all():
        if letter.entity or letter.fate == "held":
            by_stream.setdefault(letter.stream, {})[letter.source] = letter.record
    return by_stream
