"""`plan` and `provision`: what a run would do, and the fields that it needs."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.markup import escape

from crmlift.commands.common import (
    DIFFERENCES_EXIT_CODE,
    console,
    json_option,
    print_json,
    target_options,
    waiting,
)
from crmlift.commands.tables import counted, table
from crmlift.destination import Severity
from crmlift.loader.counts import Result
from crmlift.mapping import schema_changes
from crmlift.mapping.approval import read_approved
from crmlift.plan.model import Plan, ProvisionedField
from crmlift.project import open_project
from crmlift.running import run_plan

_FATES = {
    "held": "held for a decision",
    "excluded": "excluded by a hook",
    "rejected": "rejected",
    "no_rule": "meet no rule of the mapping",
}


@click.command()
@target_options
@click.option("--tap", default="tap-customerio", show_default=True, help="The extractor in meltano.yml.")
@click.option("--full-refresh", is_flag=True, help="Plan to read everything again, whatever the state says.")
@click.option(
    "--input",
    "messages",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the tap's output, instead of reading the workspace.",
)
@json_option
def plan(
    target: str | None,
    config_file: Path | None,
    tap: str,
    messages: Path | None,
    *,
    full_refresh: bool,
    as_json: bool,
) -> None:
    """Say what the next run would do: fields to create, rows, calls, room, time. Writes nothing.

    Reads all that the run would read, from the workspace and from the CRM, so its counts are the run's own.
    Exits with 3 where something stands in the way of the run.
    """
    project = open_project(target, config_file)
    with waiting("Reading, and writing nothing") as tell:
        if messages is None:
            made = run_plan(project, tap=tap, full_refresh=full_refresh, tell=tell)
        else:
            made = project.plan(messages)
    if as_json:
        print_json(made.model_dump(mode="json"))
    else:
        show_plan(made)
        console.print(f"\nThe whole plan is in {project.plan_path}", soft_wrap=True)
    if not made.ready:
        sys.exit(DIFFERENCES_EXIT_CODE)


def show_plan(made: Plan) -> None:
    """Print a plan for a person."""
    if made.new_fields:
        fields = table("Fields to create", "Entity", "Field", "Type", "Label")
        for spec in made.new_fields:
            by_hand = " (by hand)" if spec.by_hand else ""
            fields.add_row(spec.entity, spec.name, spec.type + by_hand, escape(spec.label))
        console.print(fields)
    rows = [
        (
            entity.label,
            {result.capitalize(): getattr(entity, result) for result in Result}
            | {"Calls": entity.reading_calls + entity.writing_calls},
        )
        for entity in made.entities
        if any(getattr(entity, result) for result in Result)
    ]
    console.print(counted("Rows in the CRM", "Entity", rows, always=("Created", "Calls")))
    for stream in made.streams:
        for fate, words in _FATES.items():
            if number := getattr(stream, fate):
                console.print(f"{stream.stream}: {number:,} {words}")
    _show_cost(made)
    for finding in made.findings:
        if finding.severity is not Severity.ERROR:
            text = escape(f"{finding.text} {finding.fix}".strip())
            console.print(f"[yellow]{finding.severity}[/] {text}", soft_wrap=True)
    for obstacle in made.obstacles:
        console.print(f"[red]In the way:[/] {escape(obstacle)}", soft_wrap=True)
    if made.ready:
        console.print("[green]Nothing stands in the way of the run.[/]")


def _show_cost(made: Plan) -> None:
    cost = made.cost
    allowed = f" of {cost.calls_allowed:,} left" if cost.calls_allowed is not None else ""
    room = f", room for {cost.records_allowed:,}" if cost.records_allowed is not None else ""
    console.print(f"Calls: about {cost.calls:,}{allowed}. New records: {cost.records:,}{room}.")
    writing = "known after a first run" if cost.writing_seconds is None else f"{cost.writing_seconds:,.0f} s"
    console.print(f"Time: reading took {cost.reading_seconds:,.0f} s; with writing: {writing}.")


@click.command()
@target_options
@json_option
def provision(target: str | None, config_file: Path | None, *, as_json: bool) -> None:
    """Create the custom fields of the approved mapping in the CRM; a run does the same at its start.

    What is there stays as it is, so it can be repeated. Lists what only a person can create, and then
    exits with 3.
    """
    project = open_project(target, config_file)
    mapping, _ = read_approved(project.mapping_path)
    with project.opened() as (_, _ledger, crm):
        done = schema_changes.apply(mapping, crm)
    if as_json:
        print_json([field.model_dump(mode="json") for field in _fields(done)])
    else:
        _show_provisioned(done)
    if done.by_hand:
        sys.exit(DIFFERENCES_EXIT_CODE)


def _fields(done: schema_changes.Provisioned) -> list[ProvisionedField]:
    created = [(entity, spec.name, None) for entity, fields in done.created.items() for spec in fields]
    by_hand = [(entity, name, text) for entity, told in done.by_hand.items() for name, text in told.items()]
    return [
        ProvisionedField(entity=entity, name=name, what_to_do=text)
        for entity, name, text in [*created, *by_hand]
    ]


def _show_provisioned(done: schema_changes.Provisioned) -> None:
    for entity, fields in done.created.items():
        console.print(f"{entity}: created {', '.join(spec.name for spec in fields)}", soft_wrap=True)
    for entity, told in done.by_hand.items():
        for name, text in told.items():
            console.print(f"[ ] {entity}.{name}: {text}", soft_wrap=True, markup=False)
    if not done.created and not done.by_hand:
        console.print("All fields of the mapping are there.")
