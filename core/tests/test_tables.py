"""Tables of counts: whole at any width."""

from __future__ import annotations

import pytest
from rich.console import Console

from crmlift.commands.tables import counted

NONE = {"Created": 0, "Updated": 0, "Unchanged": 0, "Merged": 0, "Ledger": 0, "CRM": 0}
ROWS = [
    ("Subscriptions to mailing lists", NONE | {"Created": 34, "Unchanged": 54_567, "CRM": 54_601}),
    ("Subscriptions to nothing", NONE),
]


@pytest.mark.parametrize("width", [60, 80, 160])
def test_no_number_verdict_or_name_is_cut(width):
    console = Console(width=width, force_terminal=False)
    verdicts = {name: "[green]in step[/]" for name, _ in ROWS}
    with console.capture() as captured:
        console.print(counted("Rows", "Entity", ROWS, always=list(NONE), verdicts=verdicts))
    text = captured.get()
    assert "…" not in text
    assert "54,567" in text
    assert text.count("in step") == 2
    assert all(len(line.rstrip()) <= width for line in text.splitlines())


def test_a_column_of_zeros_is_left_out_unless_it_always_stands():
    made = counted("Rows", "Entity", ROWS, always=["Updated"])
    assert [column.header for column in made.columns] == ["Entity", "Created", "Updated", "Unchanged", "CRM"]
