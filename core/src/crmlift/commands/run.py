"""`run`: the Meltano pipeline, with progress."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from crmlift import reconcile as counting
from crmlift.commands.checks import show_counts
from crmlift.commands.common import DIFFERENCES_EXIT_CODE, json_option, print_json, target_options
from crmlift.commands.progress import progress
from crmlift.mapping.approval import read_approved
from crmlift.plan.conditions import check
from crmlift.plan.files import read_plan
from crmlift.project import open_project
from crmlift.running import run_pipeline


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
    expected = {stream.stream: stream.read for stream in plan.streams} if plan else None
    with progress(quiet=as_json, expected=expected) as watch:
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
        print_json(counts.model_dump(mode="json"))
    else:
        show_counts(counts)
    if counts.status != "complete" or not counts.in_step:
        sys.exit(DIFFERENCES_EXIT_CODE)
