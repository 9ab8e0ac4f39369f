"""`rehearse`: a few people, side by side."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from crmlift.commands.common import (
    DIFFERENCES_EXIT_CODE,
    console,
    json_option,
    print_json,
    target_options,
    waiting,
)
from crmlift.destination import Destination
from crmlift.ledger import Ledger
from crmlift.mapping.approval import read_approved
from crmlift.mapping.load import read_mapping
from crmlift.mapping.model import Mapping
from crmlift.pages import write_private
from crmlift.project import Project, open_project
from crmlift.rehearse.load import labelled, load, sandbox
from crmlift.rehearse.page import Rehearsal, rehearsal_html, rows_by_entity
from crmlift.rehearse.sample import Choice, draw
from crmlift.rehearse.side_by_side import compare
from crmlift.running import read_messages

FOLDER = Path(".crmlift") / "rehearsal"


@click.command()
@target_options
@click.option("--people", type=click.IntRange(min=1), default=25, show_default=True, help="How many people.")
@click.option("--segment", help="Only people of this segment, by name or number.")
@click.option("--person", "named", multiple=True, help="This person, by id or address; may be repeated.")
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses the people.")
@click.option(
    "--into",
    type=click.Choice(["sandbox", "crm"]),
    default="sandbox",
    show_default=True,
    help="A local stand-in with the CRM's own fields, or the CRM itself.",
)
@click.option("--label", default="crmlift rehearsal", show_default=True, help="Marks the people in the CRM.")
@click.option("--tap", default="tap-customerio", show_default=True, help="The extractor in meltano.yml.")
@click.option(
    "--input",
    "messages",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the tap's output, instead of reading the workspace.",
)
@json_option
def rehearse(
    target: str | None,
    config_file: Path | None,
    people: int,
    segment: str | None,
    named: tuple[str, ...],
    seed: int,
    into: str,
    label: str,
    tap: str,
    messages: Path | None,
    *,
    as_json: bool,
) -> None:
    """Load a few people with all that hangs on them, and lay source and CRM side by side.

    Into the CRM itself it is a run like any other: `crmlift rollback` takes it back.
    Exits with 3 where a row is not as the source says.
    """
    project = open_project(target, config_file)
    FOLDER.mkdir(parents=True, exist_ok=True, mode=0o700)
    if messages is None:
        messages = FOLDER / "messages.jsonl"
        with waiting("Reading the workspace") as tell:
            read_messages(tap, messages, tell=tell)
    with _place(project, into, label) as (mapping, ledger, crm):
        sample = draw(messages, mapping, Choice(people, segment, named, seed))
        chosen = FOLDER / "sample.jsonl"
        sample.write(messages, chosen)
        status = load(chosen, mapping, crm, ledger, kind="rehearsal" if into == "crm" else None)
        sides = compare(chosen, mapping, ledger, crm, sample.people)
        reasons = Counter(f"{x.fate} {x.stream}: {x.code}" for x in ledger.letters.all())
        page = FOLDER / "rehearsal.html"
        place = project.target.name if into == "crm" else f"a sandbox of {project.target.name}"
        html = rehearsal_html(sides, people=sample.people, workspace=mapping.workspace, into=place)
    write_private(page, html)
    done = Rehearsal(
        workspace=mapping.workspace,
        into=into,
        status=status,
        people=len(sample.people),
        rows=rows_by_entity(sides),
        differing=rows_by_entity(sides, differing=True),
        reasons=dict(reasons),
        page=str(page),
    )
    if as_json:
        print_json(done.model_dump(mode="json"))
    else:
        _show(done)
    if done.differing:
        sys.exit(DIFFERENCES_EXIT_CODE)


@contextmanager
def _place(project: Project, into: str, label: str) -> Iterator[tuple[Mapping, Ledger, Destination]]:
    """Open where the sample goes; the CRM itself takes nothing without an approved mapping."""
    if into == "sandbox":
        mapping = read_mapping(project.mapping_path)
        with sandbox(project, mapping) as (crm, ledger):
            yield mapping, ledger, crm
        return
    mapping, _ = read_approved(project.mapping_path)
    if label:
        mapping = labelled(mapping, project, label)
    with project.opened() as (_, ledger, crm):
        yield mapping, ledger, crm


def _show(done: Rehearsal) -> None:
    console.print(
        f"{done.people:,} people, {sum(done.rows.values()):,} rows ({done.status.replace('_', ' ')})"
    )
    for entity, number in done.rows.items():
        wrong = done.differing.get(entity, 0)
        console.print(
            f"  {entity}: {number:,}" + (f", [red]{wrong:,} not as the source says[/]" if wrong else "")
        )
    for reason, number in done.reasons.items():
        console.print(f"  {number:,} {reason}", markup=False)
    console.print(f"Source and CRM side by side: {done.page} (holds personal data)", soft_wrap=True)
    if done.into == "crm":
        console.print("`crmlift rollback` takes this out of the CRM again.")
