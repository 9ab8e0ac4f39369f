"""`python -m tap_customerio.workspace load|change --url http://127.0.0.1:8000`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tap_customerio.workspace import generate
from tap_customerio.workspace.load import Sandbox, change


@click.group()
def main() -> None:
    """Fill a running sandbox with the bundled workspace, or change something in it."""


def _sandbox_options(command: Callable[..., Any]) -> Callable[..., Any]:
    url = click.option("--url", required=True, help="Address of the sandbox.")
    site = click.option("--site-id", envvar="CUSTOMERIO_SANDBOX_SITE_ID", default="sandbox-site")
    key = click.option("--track-key", envvar="CUSTOMERIO_SANDBOX_TRACK_API_KEY", default="sandbox-track-key")
    seed = click.option("--seed", default=1, show_default=True, help="Equal seeds give equal results.")
    return url(site(key(seed(command))))


@main.command("load")
@click.option("--people", default=2000, show_default=True, help="Size; the rest follows in proportion.")
@_sandbox_options
def load_command(url: str, site_id: str, track_key: str, seed: int, people: int) -> None:
    """Write the bundled workspace."""
    sandbox = Sandbox(url, site_id, track_key)
    workspace = generate(people, seed, now=sandbox.now)
    sandbox.load(workspace)
    click.echo(
        f"{len(workspace.people)} people, {len(workspace.objects)} objects, {len(workspace.events)} events, "
        f"{len(workspace.config['deliveries'])} deliveries"
    )


@main.command("change")
@click.option("--people", default=10, show_default=True, help="How many people to change.")
@_sandbox_options
def change_command(url: str, site_id: str, track_key: str, seed: int, people: int) -> None:
    """Change two attributes of some people; another seed changes them to something else."""
    for id in change(Sandbox(url, site_id, track_key), people, seed):
        click.echo(id)


@main.command("warehouse")
@click.option("--folder", required=True, type=click.Path(path_type=Path), help="Where to write them.")
@click.option("--generation", default=5, show_default=True, help="Of names and types: 4 or 5.")
@_sandbox_options
def warehouse_command(
    url: str, site_id: str, track_key: str, seed: int, folder: Path, generation: int
) -> None:
    """Write what changed since the last time as data-warehouse files (needs pyarrow)."""
    del seed
    for name in Sandbox(url, site_id, track_key).write_warehouse(folder, generation):
        click.echo(name)


if __name__ == "__main__":
    main()
