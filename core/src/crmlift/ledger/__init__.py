"""The ledger: what came from where, what became of it, and what was there before."""

from crmlift.ledger.ledger import DeadLetter, JournalEntry, Known, Ledger, OpenBatch, Origin, Parked

__all__ = ["DeadLetter", "JournalEntry", "Known", "Ledger", "OpenBatch", "Origin", "Parked"]
