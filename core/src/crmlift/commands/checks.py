"""`reconcile` and `verify`: prove that it arrived."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.table import Table

from crmlift import reconcile as counting
from crmlift import verify as reading
from crmlift.commands.common import DIFFERENCES_EXIT_CODE, console, json_option, print_json, target_options
from crmlift.loader.counts import Result
from crmlift.project import open_project

SHOWN_MISSES = 20


@click.command()
@target_options
@json_option
def reconcile(target: str | None, config_file: Path | None, *, as_json: bool) -> None:
    """Count: what the last run read and did, and our rows beside the CRM's own count."""
    with open_project(target, config_file).opened() as (_, ledger, crm):
        counts = counting.reconcile(ledger, crm)
    if as_json:
        print_json(counts.model_dump(mode="json"))
    else:
        show_counts(counts)
    if not counts.in_step:
        sys.exit(DIFFERENCES_EXIT_CODE)


def show_counts(counts: counting.Reconciliation) -> None:
    """Print both tables of a reconciliation."""
    streams = Table(title=f"Read in run {counts.run} ({counts.status})", title_justify="left")
    for heading in ("Stream", "Read", "Not mapped", "No rule", "Held", "Excluded", "Rejected", "To rows"):
        streams.add_column(heading, justify="left" if heading == "Stream" else "right")
    for row in counts.streams:
        numbers = (row.read, row.not_mapped, row.no_rule, row.held, row.excluded, row.rejected, row.passed)
        streams.add_row(row.stream, *(f"{number:,}" for number in numbers))
    console.print(streams)
    entities = Table(title="Rows in the CRM", title_justify="left")
    results = [result for result in Result if any(row.results.get(result) for row in counts.entities)]
    for heading in ("Entity", *(result.capitalize() for result in results), "Ledger", "CRM", ""):
        entities.add_column(heading, justify="left" if heading in ("Entity", "") else "right")
    for entity in counts.entities:
        entities.add_row(
            entity.label,
            *(f"{entity.results.get(result, 0):,}" for result in results),
            f"{entity.ledger:,}",
            f"{entity.crm:,}",
            "[green]in step[/]" if entity.in_step else "[red]differs[/]",
        )
    console.print(entities)
    if counts.waiting:
        console.print(f"{counts.waiting:,} records wait for a row that has not arrived.")


@click.command()
@target_options
@click.option("--sample", type=click.IntRange(min=1), help="So many rows per entity; all of them by default.")
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses the sample.")
@json_option
def verify(
    target: str | None, config_file: Path | None, sample: int | None, seed: int, *, as_json: bool
) -> None:
    """Read rows back from the CRM and compare them field by field with what was loaded."""
    with open_project(target, config_file).opened() as (_, ledger, crm):
        result = reading.verify(ledger, crm, sample=sample, seed=seed)
    if as_json:
        print_json(result.model_dump(mode="json"))
    else:
        show_verification(result)
    if not result.passed:
        sys.exit(DIFFERENCES_EXIT_CODE)


def show_verification(result: reading.Verification) -> None:
    """Print what was compared, and the first misses."""
    table = Table(title="Read back", title_justify="left")
    for heading in ("Entity", "Rows", "Fields compared", "Kept by the CRM", "Misses"):
        table.add_column(heading, justify="left" if heading == "Entity" else "right")
    for check in result.entities:
        numbers = (check.rows, check.fields, check.kept, len(check.misses))
        table.add_row(check.entity, *(f"{number:,}" for number in numbers))
    console.print(table)
    for check in result.entities:
        for change in check.changed:
            how = change.how or "by the CRM"
            console.print(f"  {check.entity}.{change.field}: {change.values:,} values changed: {how}")
    misses = [miss for check in result.entities for miss in check.misses]
    for miss in misses[:SHOWN_MISSES]:
        what = f"field '{miss.field}' differs" if miss.field else "is not in the CRM"
        console.print(f"  {miss.entity} {miss.key} (id {miss.crm_id}): {what}")
    if len(misses) > SHOWN_MISSES:
        console.print(f"  and {len(misses) - SHOWN_MISSES:,} more: see --json")
