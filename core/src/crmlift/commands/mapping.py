"""`propose` and `approve`: get a mapping, and say yes to it."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from crmlift.commands.common import console, json_option, print_json, target_options
from crmlift.mapping import approval
from crmlift.mapping.default import write_default
from crmlift.mapping.load import read_mapping
from crmlift.project import open_project


@click.command()
@target_options
@click.option(
    "--workspace", default="default", show_default=True, help="Short name of the Customer.io workspace."
)
@click.option("--force", is_flag=True, help="Write over a mapping that is there.")
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
    attributes: Path | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Write the target's default mapping into the project, ready to be looked at and edited."""
    if attributes is not None:
        _propose_fields(attributes, as_json=as_json)
        return
    project = open_project(target, config_file)
    path = write_default(
        project.target.default_mapping, project.mapping_path, workspace=workspace, force=force
    )
    if as_json:
        print_json({"mapping": str(path), "digest": approval.digest(read_mapping(path))})
    else:
        console.print(f"Wrote {path}. Look at it, then run [bold]crmlift approve[/].", soft_wrap=True)


def _propose_fields(path: Path, *, as_json: bool) -> None:
    # Loads word lists of many languages, which no other command needs.
    from crmlift.propose.attributes import as_json as plain
    from crmlift.propose.attributes import read_traits
    from crmlift.propose.proposer import judge

    traits = read_traits(path)
    verdicts = judge(traits)
    if as_json:
        print_json([plain(trait, verdict) for trait, verdict in zip(traits, verdicts, strict=True)])
        return
    table = Table("attribute", "field", "", "band", "because", box=None)
    for trait, verdict in zip(traits, verdicts, strict=True):
        best = verdict.candidates[0]
        table.add_row(
            trait.name, best.field, f"{best.confidence:.0%}", verdict.band, "; ".join(best.evidence)
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
    """Approve the mapping as it stands: a target writes nothing without it."""
    path = mapping or open_project(target, config_file).mapping_path
    given = approval.approve(path, by=by)
    if as_json:
        print_json(given.model_dump(mode="json") | {"mapping": str(path)})
    else:
        console.print(f"{given.approved_by} approved {path} ({given.digest[:12]}).", soft_wrap=True)
