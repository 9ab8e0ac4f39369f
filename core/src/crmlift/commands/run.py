"""`run`: the Meltano pipeline, with progress."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import click
from rich.live import Live
from rich.table import Table

from crmlift import reconcile as counting
from crmlift.commands.checks import show_counts
from crmlift.commands.common import DIFFERENCES_EXIT_CODE, console, json_option, print_json, target_options
from crmlift.mapping.approval import read_approved
from crmlift.plan.conditions import check
from crmlift.plan.files import read_plan
from crmlift.project import open_project
from crmlift.running import run_pipeline


class Watch(Protocol):
    """Takes the counts of a run as they grow."""

    def __call__(self, counts: dict[str, Any]) -> None:
        """Show them."""


@click.command()
@target_options
@click.option("--tap", default="tap-customerio", show_default=True, help="The extractor in meltano.yml.")
@click.option("--full-refresh", is_flag=True, help="Read everything again, whatever the state says.")
@json_option
def run(target: str | None, config_file: Path | None, tap: str, *, full_refresh: bool, as_json: bool) -> None:
    """Run the pipeline: the same as `meltano run tap-customerio target-…`, with progress and counts.

    Where a plan was made, it must still hold: the same mapping, the same schema in the CRM, room enough.
    """
    project = open_project(target, config_file)
    mapping, _ = read_approved(project.mapping_path)
    plan = read_plan(project.plan_path)
    if plan is not None:
        with project.opened() as (_, _ledger, crm):
            check(plan, mapping, crm)
    log = Path(".crmlift") / f"{project.plugin}.log"
    with progress(quiet=as_json) as watch:
        run_pipeline(
            project,
            tap=tap,
            arguments=["--full-refresh"] if full_refresh else [],
            log=log,
            watch=watch,
        )
    with project.opened() as (_, ledger, crm):
        counts = counting.reconcile(ledger, crm)
    if as_json:
        print_json(counts.as_dict())
    else:
        show_counts(counts)
    if counts.status != "complete" or not counts.in_step:
        sys.exit(DIFFERENCES_EXIT_CODE)


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Watch]:
    """Show growing counts: a table that redraws itself on a terminal, else a line per change."""
    if quiet:
        yield lambda _counts: None
    elif console.is_terminal:
        with Live(_table({}), console=console, transient=True) as live:

            def redraw(counts: dict[str, Any]) -> None:
                live.update(_table(counts))

            yield redraw
    else:
        last = ""

        def print_line(counts: dict[str, Any]) -> None:
            nonlocal last
            line = " · ".join(f"{name} {number:,}" for name, number in _read(counts).items())
            if line and line != last:
                last = line
                console.print(f"read {line}", soft_wrap=True)

        yield print_line


def _read(counts: dict[str, Any]) -> dict[str, int]:
    return {name: counter.get("read", 0) for name, counter in counts.get("streams", {}).items()}


def _table(counts: dict[str, Any]) -> Table:
    table = Table(title="Running", title_justify="left")
    table.add_column("Stream or entity")
    table.add_column("So far", justify="right")
    for name, number in _read(counts).items():
        table.add_row(name, f"{number:,} read")
    for name, results in counts.get("entities", {}).items():
        table.add_row(f"→ {name}", ", ".join(f"{number:,} {result}" for result, number in results.items()))
    return table
