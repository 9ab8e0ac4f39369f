"""Who was not loaded, and why: what a run decides about records, kept in the ledger and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from crmlift.batch import DEFERRED, Batch, Item, Letter
from crmlift.errors import Refusal
from crmlift.ledger import DeadLetter, Ledger
from crmlift.loader.counts import Counts, Result

DEFERRED_AT_ONCE = 10_000
"""Records that waited and are settled together: full calls, and little memory."""


class Verdicts:
    """The dead letters of one run."""

    def __init__(self, ledger: Ledger, counts: Counts) -> None:
        self._ledger = ledger
        self._counts = counts
        self._before = ledger.letters.sources()
        self._judged_again: dict[str, set[str]] = {}
        self._deferred: Counter[str] = Counter()

    def note(self, stream: str, items: list[Item]) -> None:
        """A record that comes again gets a new verdict; the old one is dropped once that is settled."""
        again = {item.key for item in items if (stream, item.key) in self._before}
        if again:
            self._judged_again.setdefault(stream, set()).update(again)

    def reject(self, stream: str, item: Item, refusal: Refusal, entity: str = "") -> None:
        """Keep a record that is no row, or not this one."""
        counter = self._counts.entity(entity) if entity else self._counts.stream(stream)
        counter[Result.REJECTED] += 1
        self._ledger.letters.reject([DeadLetter.rejected(stream, item, entity, refusal)])

    def keep(self, batch: Batch) -> None:
        """Write down what hooks held, excluded and merged."""
        letters = batch.decided()
        self._ledger.letters.reject([_letter(batch, letter) for letter in letters])
        counter = self._counts.stream(batch.stream)
        for letter in letters:
            counter[letter.fate] += 1
            if letter.code == DEFERRED:
                self._deferred[batch.stream] += 1

    def settle(self) -> None:
        """Drop the old verdicts about what is settled now."""
        for stream, sources in self._judged_again.items():
            self._ledger.letters.settle(stream, sources)
        self._judged_again.clear()

    def waiting(self) -> list[str]:
        """Return the streams of which records of this run wait for the end of the input."""
        return [stream for stream, number in self._deferred.items() if number]

    def deferred(self) -> Iterator[list[DeadLetter]]:
        """Yield what waited for the end of the input, in turn; each page is dropped after."""
        while letters := self._ledger.letters.first(code=DEFERRED, limit=DEFERRED_AT_ONCE):
            by_stream: dict[str, list[str]] = {}
            for letter in letters:
                by_stream.setdefault(letter.stream, []).append(letter.source)
            yield letters
            for stream, sources in by_stream.items():
                self._ledger.letters.drop(stream, sources, code=DEFERRED)
        for stream, number in self._deferred.items():
            self._counts.stream(stream)["held"] -= number
        self._deferred.clear()


def _letter(batch: Batch, letter: Letter) -> DeadLetter:
    """Return the letter to keep: of a merge, only the keys of both sides."""
    item, record = letter.item, letter.item.record
    if letter.fate == "merged":
        record = {name: record[name] for name in batch.key_properties}
    return DeadLetter(
        batch.stream, item.key, "", letter.fate, letter.code, None, letter.reason, record, letter.turn
    )
