"""Tables of counts, for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table


def table(title: str, *headings: str, numbers: Iterable[str] = ()) -> Table:
    """Return an empty table; the columns in `numbers` stand at the right."""
    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
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

    `verdicts` adds a last column by name, in rich's markup. Names are never cut: two may begin alike.
    """
    columns = list(dict.fromkeys(name for _, numbers in rows for name in numbers))
    shown = [name for name in columns if name in always or any(numbers.get(name) for _, numbers in rows)]
    made = table(title, heading, *shown, *([""] if verdicts else []), numbers=shown)
    made.columns[0].no_wrap = True
    for name, numbers in rows:
        verdict = [verdicts[name]] if verdicts else []
        made.add_row(escape(name), *(f"{numbers.get(column, 0):,}" for column in shown), *verdict)
    return made
