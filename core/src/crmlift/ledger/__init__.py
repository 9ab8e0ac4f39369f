"""The ledger: what came from where, what became of it, and what was there before."""

from crmlift.ledger.journal import JournalEntry, OpenBatch
from crmlift.ledger.ledger import Ledger
from crmlift.ledger.letters import DeadLetter
from crmlift.ledger.records import Gone, Known, Origin
from crmlift.ledger.waiting import EITHER, Parked

__all__ = ["EITHER", "DeadLetter", "Gone", "JournalEntry", "Known", "Ledger", "OpenBatch", "Origin", "Parked"]
