"""The ledger as a file that outlives a release."""

from __future__ import annotations

import sqlite3

from records import EVERYTHING

from crmlift.ledger import tables

LATER = {"dead_letters": ["turn"], "journal": ["was_origin", "was_run"]}
"""Columns that the first ledgers did not have."""


def test_a_ledger_of_an_earlier_release_keeps_what_it_knows(bench):
    bench.ledger_url = f"sqlite:///{bench.folder}/old.db"
    bench.run(*EVERYTHING)
    with sqlite3.connect(bench.folder / "old.db") as db:
        db.execute("DROP INDEX dead_letters_in_turn")
        for table, columns in LATER.items():
            for column in columns:
                db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    db.close()
    counts = bench.run(*EVERYTHING)
    assert {result for counter in counts.values() for result in counter} == {"unchanged"}
    with sqlite3.connect(bench.folder / "old.db") as db:
        for table in tables.metadata.sorted_tables:
            there = [row[1] for row in db.execute(f"PRAGMA table_info({table.name})")]
            assert sorted(there) == sorted(column.name for column in table.columns)
        assert db.execute("SELECT 1 FROM sqlite_master WHERE name = 'dead_letters_in_turn'").fetchone()
    db.close()


def test_what_is_added_to_a_ledger_may_be_empty():
    for table, columns in LATER.items():
        assert [name for name in columns if not tables.metadata.tables[table].columns[name].nullable] == []
