"""`handoff`: what is documented rather than loaded, and what to rebuild in the CRM."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from crmlift.commands.common import (
    console,
    json_option,
    print_json,
    waiting,
)
from crmlift.handoff.run import write_handoff
from crmlift.handoff.target import OUTPUT
from crmlift.handoff.write import INDEX, TITLES, read_index
from crmlift.project import open_project


@click.command()
@click.option("--tap", default="tap-customerio", show_default=True, help="The extractor in meltano.yml.")
@click.option("--target", "-t", help="The CRM to advise for, such as 'odoo'; without it, no advice.")
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder for the documents; {OUTPUT} by default.",
)
@click.option("--show-people", is_flag=True, help="List people with id and address, not by cio_id alone.")
@json_option
def handoff(tap: str, target: str | None, output: Path | None, *, show_people: bool, as_json: bool) -> None:
    """Document segments, journeys, broadcasts, templates and settings, with what to rebuild in a CRM.

    The same as `meltano run tap-customerio crmlift-handoff`. Options replace the settings of the loader
    crmlift-handoff in meltano.yml; the mapping is the target's.
    """
    given: dict[str, object] = {"output": output, "show_people": show_people}
    if target:
        project = open_project(target)
        given |= {"target": project.name}
        if project.mapping_path.exists():
            given |= {"mapping": project.mapping_path, "ledger_url": project.config["ledger_url"]}
    with waiting("Reading the workspace") as tell:
        folder = write_handoff(tap, given, tell=tell)
    if as_json:
        print_json(orjson.loads((folder / INDEX).read_bytes()))
        return
    found = read_index(folder)
    for kind, title in TITLES.items():
        if number := found.counts.get(kind.value):
            console.print(f"{number:>6,} {title.lower()}")
    console.print(f"{len(found.checklist):>6,} things to do")
    console.print(f"\nThe documents begin at {(folder / 'index.html').resolve()}", soft_wrap=True)
