"""`reconcile` and `verify`: prove that it arrived."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from crmlift import reconcile as counting
from crmlift import verify as reading
from crmlift.commands.common import (
    DIFFERENCES_EXIT_CODE,
    console,
    json_option,
    print_json,
    stderr,
    target_options,
)
from crmlift.commands.tables import counted
from crmlift.loader.counts import Result
from crmlift.project import open_project

SHOWN_MISSES = 20


@click.command()
@target_options
@click.option(
    "--accept-deleted",
    is_flag=True,
    help="What people deleted in the CRM stays deleted: later runs leave it out and no longer miss it.",
)
@json_option
def reconcile(target: str | None, config_file: Path | None, *, accept_deleted: bool, as_json: bool) -> None:
    """Count: what the last run read and did, and our rows beside the CRM's own count."""
    with open_project(target, config_file).opened() as (_, ledger, crm):
        if accept_deleted:
            for entity, number in counting.accept_deleted(ledger, crm).items():
                label = crm.entities[entity].label
                stderr.print(f"{label}: {number:,} deleted in the CRM, left so from now on.")
        counts = counting.reconcile(ledger, crm)
    if as_json:
        print_json(counts.model_dump(mode="json"))
    else:
        show_counts(counts)
    if not counts.in_step:
        sys.exit(DIFFERENCES_EXIT_CODE)


def show_counts(counts: counting.Reconciliation) -> None:
    """Print both tables of a reconciliation."""
    if counts.streams:
        _show_streams(counts)
    else:
        console.print(f"Run {counts.run} ({counts.status.replace('_', ' ')}): nothing was read.")
    rows = [
        (
            row.label,
            {result.capitalize().replace("_", " "): row.results.get(result, 0) for result in Result}
            | {"Ledger": row.ledger, "CRM": row.crm},
        )
        for row in counts.entities
    ]
    verdicts = {
        row.label: "[green]in step[/]" if row.in_step else "[red]differs[/]" for row in counts.entities
    }
    console.print(counted("Rows in the CRM", "Entity", rows, always=("Ledger", "CRM"), verdicts=verdicts))
    if any(row.crm < row.ledger for row in counts.entities):
        console.print(
            "The CRM holds less than was loaded: `crmlift verify` names the rows. Where people deleted them "
            "on purpose, settle it with `crmlift reconcile --accept-deleted`."
        )
    if counts.waiting:
        console.print(f"{counts.waiting:,} records wait for a row that has not arrived.")


def _show_streams(counts: counting.Reconciliation) -> None:
    rows = [
        (
            row.stream,
            {"Read": row.read}
            | {fate.replace("_", " ").capitalize(): getattr(row, fate) for fate in counting.FATES[1:]}
            | {"To rows": row.passed},
        )
        for row in counts.streams
        if row.not_mapped < row.read
    ]
    title = f"Read in run {counts.run} ({counts.status.replace('_', ' ')})"
    console.print(counted(title, "Stream", rows, always=("Read", "To rows")))
    others = [f"{row.stream} {row.read:,}" for row in counts.streams if row.not_mapped == row.read]
    if others:
        console.print(f"Not mapped, so only read: {', '.join(others)}.", highlight=False)


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
    rows = [
        (
            check.label,
            {
                "Records": check.records,
                "Fields compared": check.fields,
                "Kept by the CRM": check.kept,
                "Misses": len(check.misses),
            },
        )
        for check in result.entities
    ]
    title = "Read back" if result.sample is None else f"Read back, {result.sample} rows of each and more"
    console.print(counted(title, "Entity", rows, always=("Records", "Fields compared", "Misses")))
    for check in result.entities:
        for change in check.changed:
            how = change.how or "by the CRM"
            console.print(f"  {check.entity}.{change.field}: {change.values:,} values changed: {how}")
    misses = [miss for check in result.entities for miss in check.misses]
    for miss in misses[:SHOWN_MISSES]:
        what = f"field '{miss.field}' differs" if miss.field else "is not in the CRM"
        console.print(f"  {miss.entity} {miss.key} (id {miss.crm_id}): {what}", markup=False)
    if len(misses) > SHOWN_MISSES:
        console.print(f"  and {len(misses) - SHOWN_MISSES:,} more: see --json")
