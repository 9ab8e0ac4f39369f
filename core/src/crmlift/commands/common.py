"""Options and output that commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
from rich.console import Console
from rich.markup import escape

from crmlift.errors import CrmliftError

PIPE_WIDTH = 160
"""Columns where no terminal says how many it has."""

F = TypeVar("F", bound=Callable[..., Any])

console = Console()
if not console.is_terminal and "COLUMNS" not in os.environ:
    console = Console(width=PIPE_WIDTH)
stderr = Console(stderr=True, soft_wrap=True)

DIFFERENCES_EXIT_CODE = 3


def target_options(command: F) -> F:
    """Add `--target` and `--config`."""
    config = click.option(
        "--config",
        "config_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Settings of the target as a JSON file, instead of Meltano's.",
    )
    target = click.option(
        "--target",
        "-t",
        help="The target, such as 'odoo' or 'target-odoo--eu'; the only one that has settings by default.",
    )
    return target(config(command))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def print_error(error: CrmliftError) -> None:
    """Say on stderr what went wrong, and what to do next."""
    stderr.print("[red]Error:[/]", escape(error.message.strip()), highlight=False)
    if error.hint:
        stderr.print(error.hint.strip(), highlight=False, markup=False)


@contextmanager
def waiting(text: str) -> Iterator[Callable[[str], None]]:
    """Show on stderr that something is going on: a line that turns, or, in a pipe, a line per news."""
    if stderr.is_terminal:
        with stderr.status(text, spinner="line") as status:
            yield lambda news: status.update(escape(news))
        return
    last = ""

    def tell(news: str) -> None:
        nonlocal last
        if news != last:
            stderr.print(news, markup=False, highlight=False)
        last = news

    yield tell


def print_json(value: Any) -> None:
    """Print a value as one JSON document."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str))
