"""The ledger as a file that outlives a release, and that one run at a time writes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest
from records import EVERYTHING

from crmlift.errors import RunStopped
from crmlift.forget import forget
from crmlift.ledger import tables
from crmlift.mapping.load import parse_mapping
from crmlift.rollback import roll_back

LATER = {"dead_letters": ["turn"], "journal": ["was_origin", "was_run"], "records": ["gone"]}
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


RUN_UNTIL_KILLED = """
import sys
from crmlift.ledger import Ledger
ledger = Ledger(sys.argv[1], destination="memory", workspace=sys.argv[2])
print(ledger.runs.start("d"), flush=True)
sys.stdin.read()
"""


def test_a_run_begins_nothing_while_another_is_at_work(bench):
    with bench.open_ledger() as ledger, bench.open_ledger() as other:
        bench.start(ledger)
        with pytest.raises(RunStopped, match="Another run is at work with this ledger"):
            bench.start(other)
        assert [run["status"] for run in other.runs.all()] == ["running"]


@pytest.mark.parametrize(
    "write",
    [
        lambda bench, ledger: roll_back(ledger, bench.crm, ledger.runs.latest()),
        lambda bench, ledger: forget(ledger, parse_mapping(bench.mapping), "p1"),
    ],
)
def test_nothing_is_undone_or_forgotten_while_a_run_is_at_work(bench, write):
    bench.run(*EVERYTHING)
    with bench.open_ledger() as ledger, bench.open_ledger() as other:
        first = ledger.runs.latest()
        bench.start(ledger)
        with pytest.raises(RunStopped):
            write(bench, other)
        assert roll_back(other, bench.crm, first, dry_run=True).deleted


def test_a_killed_run_stands_in_the_way_of_nobody(bench):
    command = [sys.executable, "-c", RUN_UNTIL_KILLED, bench.ledger_url, bench.workspace]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert int(child.stdout.readline())
        with pytest.raises(RunStopped):
            bench.run(*EVERYTHING)
        child.kill()
    bench.run(*EVERYTHING)
    with bench.open_ledger() as ledger:
        assert [run["status"] for run in ledger.runs.all()] == ["broken_off", "complete"]


def test_the_last_run_is_read_alone(bench):
    with bench.open_ledger() as ledger:
        assert ledger.runs.last() is None
    bench.run(*EVERYTHING)
    bench.run(EVERYTHING[0])
    with bench.open_ledger() as ledger:
        assert ledger.runs.last() == ledger.runs.all()[-1]
