"""`run`: the Meltano pipeline, with progress."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from crmlift import reconcile as counting
from crmlift.commands.checks import show_counts
from crmlift.commands.common import DIFFERENCES_EXIT_CODE, json_option, print_json, stderr, target_options
from crmlift.commands.progress import progress
from crmlift.errors import ConfigError
from crmlift.mapping.approval import read_approved
from crmlift.plan.conditions import check
from crmlift.plan.files import read_plan
from crmlift.project import Project, open_project
from crmlift.running import run_pipeline


@click.command()
@target_options
@click.option("--tap", default="tap-customerio", show_default=True, help="The extractor in meltano.yml.")
@click.option("--full-refresh", is_flag=True, help="Read everything again, whatever the state says.")
@click.option("--delta", is_flag=True, help="Only go on from an earlier run; refuse to begin.")
@json_option
def run(
    target: str | None, config_file: Path | None, tap: str, *, full_refresh: bool, delta: bool, as_json: bool
) -> None:
    """Run the pipeline: the same as `meltano run tap-customerio target-…`, with progress and counts.

    It reads what changed since the last run, by Meltano's state, or everything the first time. Where a plan
    was made, it must still hold: the same mapping, the same schema in the CRM, room enough.
    """
    if delta and full_refresh:
        raise click.UsageError("--delta and --full-refresh exclude each other.")
    project = open_project(target, config_file)
    counts = run_and_count(project, tap=tap, full_refresh=full_refresh, delta=delta, quiet=as_json)
    if as_json:
        print_json(counts.model_dump(mode="json"))
    else:
        show_counts(counts)
    if counts.status != "complete" or not counts.in_step:
        sys.exit(DIFFERENCES_EXIT_CODE)


def run_and_count(
    project: Project, *, tap: str, full_refresh: bool = False, delta: bool = False, quiet: bool = False
) -> counting.Reconciliation:
    """Run the pipeline with progress, then count. Raises `ConfigError` where the run may not begin."""
    mapping, approval = read_approved(project.mapping_path)
    plan = read_plan(project.plan_path)
    with project.opened() as (_, ledger, crm):
        complete = ledger.runs.last_complete()
        if delta and not complete:
            raise ConfigError("There is no complete run to go on from.", hint="Run once without --delta.")
        if complete and complete["mapping_digest"] != approval.digest and not full_refresh:
            stderr.print(
                "The mapping changed since the last run. Records that did not change keep what they have: "
                "`crmlift run --full-refresh` writes all of them by the new one."
            )
        if plan is not None and complete and complete["started_at"] >= plan.made_at.isoformat():
            plan = None  # it was carried out
        if plan is not None:
            check(plan, mapping, crm)
    log = Path(".crmlift") / f"{project.plugin}.log"
    expected = {stream.stream: stream.read for stream in plan.streams} if plan else None
    arguments = ["--full-refresh"] if full_refresh else []
    try:
        with progress(quiet=quiet, expected=expected) as watch:
            run_pipeline(project, tap=tap, arguments=arguments, log=log, watch=watch)
    except KeyboardInterrupt:
        stderr.print("Stopped. What was read is settled: run again and it goes on from there.")
        raise
    with project.opened() as (_, ledger, crm):
        return counting.reconcile(ledger, crm)
