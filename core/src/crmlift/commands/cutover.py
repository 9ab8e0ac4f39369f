"""`cutover`: the last delta, a look whether the source stood still, and the proof."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.markup import escape

from crmlift import verify as reading
from crmlift.commands.checks import show_counts, show_verification
from crmlift.commands.common import (
    DIFFERENCES_EXIT_CODE,
    console,
    json_option,
    print_json,
    target_options,
    waiting,
)
from crmlift.commands.run import run_and_count
from crmlift.cutover import cut_over
from crmlift.pages import write_private
from crmlift.project import open_project
from crmlift.running import run_plan


@click.command()
@target_options
@click.option("--tap", default="tap-customerio", show_default=True, help="The extractor in meltano.yml.")
@click.option("--sample", type=click.IntRange(min=1), help="Rows to read back per entity; all by default.")
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses the sample.")
@json_option
def cutover(
    target: str | None, config_file: Path | None, tap: str, sample: int | None, seed: int, *, as_json: bool
) -> None:
    """Run the last delta, check that the source stood still since, and read everything back.

    Freeze the source first: stop its integrations and its campaigns. Exits with 3 where the two are not in
    step, and says what differs.
    """
    project = open_project(target, config_file)
    counts = run_and_count(project, tap=tap, delta=True, quiet=as_json)
    freeze = project.plan_path.with_name(f"{project.plugin}.freeze.json")
    with waiting("Looking whether the source stood still") as tell:
        after = run_plan(project, tap=tap, file=freeze, tell=tell)
    with project.opened() as (_, ledger, crm):
        checked = reading.verify(ledger, crm, sample=sample, seed=seed)
    result = cut_over(counts, after, checked)
    write_private(project.cutover_path, result.model_dump_json(indent=2) + "\n")
    if as_json:
        print_json(result.model_dump(mode="json"))
    else:
        show_counts(counts)
        show_verification(checked)
        for difference in result.differences:
            console.print(f"[red]Not in step:[/] {escape(difference)}", soft_wrap=True)
        if result.in_step:
            console.print("[green]Both sides are in step, and the source stood still.[/]")
    if not result.in_step:
        sys.exit(DIFFERENCES_EXIT_CODE)
