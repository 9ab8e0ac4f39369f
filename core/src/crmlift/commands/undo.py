"""`retry`, `rollback` and `forget`: after a fix, back to the state before, and out of our own files."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.markup import escape

from crmlift import forget as forgetting
from crmlift import retry as retrying
from crmlift import rollback as undoing
from crmlift.commands.common import DIFFERENCES_EXIT_CODE, console, json_option, print_json, target_options
from crmlift.mapping.approval import read_approved
from crmlift.mapping.load import read_mapping
from crmlift.pipeline import Pipeline
from crmlift.project import open_project


@click.command()
@target_options
@json_option
def retry(target: str | None, config_file: Path | None, *, as_json: bool) -> None:
    """Load the dead letters again, after a fix in the mapping or in the CRM."""
    project = open_project(target, config_file)
    mapping, approval = read_approved(project.mapping_path)
    with project.opened() as (_, ledger, crm):
        tried, status = 0, retrying.NOTHING
        if retrying.worth_it(ledger):
            pipeline = Pipeline(mapping, crm, ledger, mapping_digest=approval.digest, kind="retry")
            tried = retrying.retry(pipeline, ledger)
            status = pipeline.finish()
        left = len(ledger.letters.all(fate="rejected"))
    if as_json:
        done = retrying.Retried(tried=tried, rejected=left, status=status)
        print_json(done.model_dump(mode="json"))
    else:
        again = (
            f"Tried {tried:,} records again"
            if status != retrying.NOTHING
            else "There is nothing to try again"
        )
        console.print(f"{again}; {left:,} are still rejected." if tried or left else f"{again}.")
    if left:
        sys.exit(DIFFERENCES_EXIT_CODE)


@click.command()
@target_options
@click.option("--run", "number", type=int, help="Which run; the last one by default.")
@click.option("--all", "everything", is_flag=True, help="Every run, latest first.")
@click.option("--dry-run", is_flag=True, help="Only say what would be undone.")
@click.option("--force", is_flag=True, help="Undo also what was changed in the CRM since.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def rollback(
    target: str | None,
    config_file: Path | None,
    number: int | None,
    *,
    everything: bool,
    dry_run: bool,
    force: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Undo a run: children first, values from before put back; what others changed since is kept.

    What is kept can still be undone later: what others changed with --force, what the CRM refused once it
    no longer does. With --all, fields and entities that crmlift created go too, where they are empty.
    """
    with open_project(target, config_file).opened() as (_, ledger, crm):
        runs = undoing.runs_to_undo(ledger, run=number, everything=everything)
        if not runs:
            if as_json:
                print_json([])
            else:
                console.print("There is no run to undo.")
            return
        if not (dry_run or yes):
            click.confirm(f"Undo {_list(runs)}?", abort=True)
        results = [undoing.roll_back(ledger, crm, run, force=force, dry_run=dry_run) for run in runs]
        if everything and not any(result.kept for result in results):
            undoing.take_back_schema(crm, results[-1])
    if as_json:
        print_json([result.as_dict() for result in results])
    else:
        for result in results:
            _show(result)
        if not dry_run:
            console.print(
                "The tap's state still says that these records were read: run with --full-refresh next."
            )
    if any(result.kept for result in results):
        sys.exit(DIFFERENCES_EXIT_CODE)


@click.command()
@target_options
@click.option("--person", required=True, help="Their cio_id, or an address by which people are matched.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def forget(target: str | None, config_file: Path | None, person: str, *, yes: bool, as_json: bool) -> None:
    """Erase one person from the ledger: ids, before-images, dead letters. The CRM is left alone.

    A rollback no longer knows the person's records afterwards. Reports name rows by their keys: write them
    again.
    """
    project = open_project(target, config_file)
    if not yes:
        click.confirm("Erase all that crmlift keeps of this person?", abort=True)
    mapping = read_mapping(project.mapping_path)
    with project.ledger(mapping) as ledger:
        done = forgetting.forget(ledger, mapping, person)
    if as_json:
        print_json(done.model_dump(mode="json"))
    else:
        for table, number in done.erased.items():
            console.print(f"{number:,} erased from {table.replace('_', ' ')}")


def _list(runs: list[int]) -> str:
    return f"run {runs[0]}" if len(runs) == 1 else f"runs {', '.join(map(str, runs))}"


def _show(result: undoing.Undone) -> None:
    console.print(f"[bold]Run {result.run}[/]" + (" (dry run)" if result.dry_run else ""))
    if not (result.deleted or result.restored or result.released or result.recreated or result.kept):
        console.print("  It changed nothing in the CRM. `--run` undoes an earlier one, `--all` all of them.")
    for verb, counter in (
        ("deleted", result.deleted),
        ("put back", result.restored),
        ("released", result.released),
        ("created again", result.recreated),
    ):
        for entity, amount in counter.items():
            console.print(f"  {entity}: {amount:,} {verb}")
    if result.schema_removed:
        console.print(f"  {len(result.schema_removed):,} fields and entities of ours removed")
    for name, reason in result.schema_kept.items():
        console.print(f"  [yellow]kept[/] {name}: {escape(reason)}", soft_wrap=True)
    for kept in result.kept:
        row = escape(f"{kept.entity} {kept.key} (id {kept.crm_id}): {kept.reason}")
        console.print(f"  [yellow]kept[/] {row}", soft_wrap=True)
