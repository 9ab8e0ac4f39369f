"""Tables of counts, for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table
from rich.text import Text


def table(title: str, *headings: str, numbers: Iterable[str] = ()) -> Table:
    """Return an empty table; the columns in `numbers` stand at the right."""
    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    right = set(numbers)
    for heading in headings:
        made.add_column(heading, justify="right" if heading in right else "left")
    return made


def counted(
    title: str,
    heading: str,
    rows: Sequence[tuple[str, Mapping[str, int]]],
    *,
    always: Sequence[str] = (),
    verdicts: Mapping[str, str] | None = None,
) -> Table:
    """Return a table of names and numbers, without columns in which all is zero but those of `always`.

    `verdicts` adds a last column by name, in rich's markup. Where the terminal is narrow, names and headings
    are broken into lines; nothing is cut.
    """
    columns = list(dict.fromkeys(name for _, numbers in rows for name in numbers))
    shown = [name for name in columns if name in always or any(numbers.get(name) for _, numbers in rows)]
    made = table(title, heading, *shown, *([""] if verdicts else []), numbers=shown)
    for name, numbers in rows:
        verdict = [verdicts[name]] if verdicts else []
        made.add_row(escape(name), *(f"{numbers.get(column, 0):,}" for column in shown), *verdict)
    for column in made.columns:
        column.overflow = "fold"
    for column in made.columns[1:]:
        column.min_width = max(
            (cell_len(Text.from_markup(str(cell)).plain) for cell in column.cells), default=0
        )
    made.columns[-1].no_wrap = bool(verdicts)
    return made
