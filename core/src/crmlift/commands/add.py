"""`add`: a plugin's entry in `meltano.yml`."""

from __future__ import annotations

from pathlib import Path

import click

from crmlift.commands.common import console
from crmlift.meltano_entry import add as add_entry
from crmlift.project import need_meltano_project


@click.command()
@click.argument("plugins", nargs=-1, required=True)
def add(plugins: tuple[str, ...]) -> None:
    """Write installed plugins, such as target-foo, into meltano.yml with all of their settings.

    Run again after an upgrade, it brings the entry up to date. What else stands in the file stays.
    """
    need_meltano_project()
    for plugin in plugins:
        variables = add_entry(Path("meltano.yml"), plugin)
        wanted = f" Fill in, in .env: {', '.join(variables)}." if variables else ""
        console.print(f"{plugin} is in meltano.yml.{wanted}", soft_wrap=True, highlight=False)
