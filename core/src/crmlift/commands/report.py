"""`report`: one HTML page for the whole migration."""

from __future__ import annotations

from pathlib import Path

import click

from crmlift import reconcile as counting
from crmlift import verify as reading
from crmlift.commands.common import console, json_option, print_json, target_options
from crmlift.project import open_project
from crmlift.report import build_report, render_html
from crmlift.whole_file import write_whole


@click.command()
@target_options
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    default="report.html",
    show_default=True,
    help="Where to write the page.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Rows to read back; 0 means all.",
)
@json_option
def report(target: str | None, config_file: Path | None, output: Path, sample: int, *, as_json: bool) -> None:
    """Write counts, verification and rejects as one HTML page that needs nothing else."""
    project = open_project(target, config_file)
    with project.opened() as (mapping, ledger, crm):
        counts = counting.reconcile(ledger, crm)
        checked = reading.verify(ledger, crm, sample=sample or None)
        facts = build_report(project, mapping, ledger, counts, checked)
    if as_json:
        print_json(facts.model_dump(mode="json"))
        return
    write_whole(output, render_html(facts))
    console.print(f"Wrote {output.resolve()}", soft_wrap=True)
