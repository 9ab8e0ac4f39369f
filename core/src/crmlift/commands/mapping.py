"""`propose` and `approve`: get a mapping, and say yes to it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from crmlift.commands.common import console, json_option, print_json, target_options
from crmlift.hooks.manager import Hooks
from crmlift.mapping import approval
from crmlift.mapping.default import check_free, default_text, write_mapping
from crmlift.mapping.load import parse_mapping, read_mapping
from crmlift.project import Project, open_project
from crmlift.scope.render import FILES, read_profile
from crmlift.scope.target import OUTPUT

if TYPE_CHECKING:
    from crmlift.propose.draft import Draft

_PROFILE = Path(OUTPUT) / FILES[0]


@click.command()
@target_options
@click.option(
    "--workspace", default="default", show_default=True, help="Short name of the Customer.io workspace."
)
@click.option("--force", is_flag=True, help="Write over a mapping that is there.")
@click.option("--update", is_flag=True, help="Add to the mapping that is there what it does not read yet.")
@click.option(
    "--profile",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"What `crmlift scope` wrote; {_PROFILE} where it is there.",
)
@click.option("--offline", is_flag=True, help="Do not ask the CRM for its fields.")
@click.option(
    "--max-null-rate",
    type=click.FloatRange(0, 1),
    default=0.8,
    show_default=True,
    help="Leave out attributes that a larger share of the records lacks.",
)
@click.option(
    "--plugin", "plugins", multiple=True, help="Ask this hook plugin too; it is given names and examples."
)
@click.option(
    "--attributes",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Only say which fields fit those of a CSV file (trait, sample_values_json); needs no project.",
)
@json_option
def propose(
    target: str | None,
    config_file: Path | None,
    workspace: str,
    profile: Path | None,
    max_null_rate: float,
    plugins: Sequence[str],
    attributes: Path | None,
    *,
    force: bool,
    update: bool,
    offline: bool,
    as_json: bool,
) -> None:
    """Write a mapping into the project, ready to be looked at and edited.

    It is the target's default, with a line for every attribute that `crmlift scope` found and the default
    does not read: a field of the CRM, a custom field, or none, each with the evidence for it. Lines of the
    bands sure and look are in force once you approve; those of the band decide are comments.
    """
    hooks = Hooks({name: {} for name in plugins}) if plugins else None
    if attributes is not None:
        _propose_fields(attributes, hooks, as_json=as_json)
        return
    project = open_project(target, config_file)
    path, found = project.mapping_path, profile or (_PROFILE if _PROFILE.exists() else None)
    check_free(path, force=force or update)
    text = (
        path.read_text("utf-8")
        if update
        else default_text(project.target.default_mapping, workspace=workspace)
    )
    from crmlift.propose.answer import proposal
    from crmlift.propose.draft import Draft

    made = Draft(text)
    if found is not None:
        made = _draft(project, text, found, max_null_rate, hooks, offline=offline)
    write_mapping(made.text, path)
    if as_json:
        digest = approval.digest(read_mapping(path))
        answer = proposal(path, digest, made, profile=found, live=found is not None and not offline)
        print_json(answer.model_dump(mode="json"))
    else:
        _show(path, made, found)


def _draft(
    project: Project, text: str, profile: Path, most_empty: float, hooks: Hooks | None, *, offline: bool
) -> Draft:
    # Loads word lists of many languages, which no other command needs.
    from crmlift.propose.draft import draft

    with ExitStack() as stack:
        describe = None
        if not offline:
            crm = project.target.open(project.config, parse_mapping(text))
            describe = stack.enter_context(crm).describe
        return draft(
            text,
            read_profile(profile),
            describe=describe,
            names=project.target.field_names,
            most_empty=most_empty,
            hooks=hooks,
        )


def _show(path: Path, made: Draft, profile: Path | None) -> None:
    from crmlift.propose.draft import summary

    if profile is None:
        console.print(
            "There is no profile, so this is the target's default: run [bold]crmlift scope[/] first."
        )
    else:
        for band, number in summary(made.lines).items():
            console.print(f"{number:>6,} {_BANDS[band]}")
        for found in made.suggestions:
            console.print(f"[bold]{found.topic}[/]: {escape(found.text)}", soft_wrap=True)
    console.print(f"Wrote {path}. Look at it, then run [bold]crmlift approve[/].", soft_wrap=True)


_BANDS = {
    "sure": "attributes with a field that is sure",
    "look": "with one to look at",
    "decide": "to decide: they stand in the mapping as comments",
    "skip": "left out: too many records lack them",
}


def _propose_fields(path: Path, hooks: Hooks | None, *, as_json: bool) -> None:
    from crmlift.propose.answer import fields_for
    from crmlift.propose.attributes import read_traits
    from crmlift.propose.proposer import judge

    traits = read_traits(path)
    verdicts = judge(traits, hooks=hooks)
    if as_json:
        print_json([answer.model_dump(mode="json") for answer in fields_for(traits, verdicts)])
        return
    table = Table("attribute", "field", "", "band", "because", box=None)
    for trait, verdict in zip(traits, verdicts, strict=True):
        best = verdict.candidates[0]
        table.add_row(
            escape(trait.name),
            best.field,
            f"{best.confidence:.0%}",
            verdict.band,
            escape("; ".join(best.evidence)),
        )
    console.print(table)


@click.command()
@target_options
@click.option("--mapping", type=click.Path(path_type=Path), help="The mapping file; the target's by default.")
@click.option("--by", help="Who approves; your login name by default.")
@json_option
def approve(
    target: str | None, config_file: Path | None, mapping: Path | None, by: str | None, *, as_json: bool
) -> None:
    """Approve the mapping as it stands: a target writes nothing without it.

    Shows what changed since the last approval, and records the digest, who and when beside the mapping.
    """
    path = mapping or open_project(target, config_file).mapping_path
    changed = approval.since_approval(path)
    given = approval.approve(path, by=by)
    if as_json:
        approved = approval.Approved(mapping=str(path), changes=changed, **given.model_dump())
        print_json(approved.model_dump(mode="json"))
    else:
        _show_changes(changed)
        console.print(f"{given.approved_by} approved {path} ({given.digest[:12]}).", soft_wrap=True)


def _show_changes(changed: Sequence[approval.Change] | None) -> None:
    if changed is None:
        console.print("There was no approval before.")
        return
    for change in changed:
        for sign, colour, value in (("-", "red", change.before), ("+", "green", change.after)):
            if value is not None:
                text = Text(f"{sign} {change.where}: {orjson.dumps(value).decode()}", style=colour)
                console.print(text, soft_wrap=True)
    console.print(f"{len(changed)} changed since the last approval." if changed else "Nothing changed since.")
