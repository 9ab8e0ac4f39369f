"""`demo`: a whole migration of the bundled workspace, on this machine, into a sandbox."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from crmlift import plugins
from crmlift import reconcile as counting
from crmlift import verify as reading
from crmlift.commands.checks import show_counts, show_verification
from crmlift.commands.common import DIFFERENCES_EXIT_CODE, console
from crmlift.commands.progress import progress
from crmlift.errors import ConfigError
from crmlift.mapping.approval import approve
from crmlift.mapping.default import write_default
from crmlift.project import Project, need_meltano_project, open_project, variable
from crmlift.report import build_report, render_html
from crmlift.running import run_pipeline
from crmlift.sandbox.server import Server, serve
from crmlift.sandbox.stand_ins import SOURCE, UNHURRIED, load_bundled_workspace, settings

_MARK = ".crmlift-demo"


@click.command()
@click.option("--target", "-t", default="odoo", show_default=True, help="Which CRM's sandbox to lift into.")
@click.option(
    "--people", type=click.IntRange(min=10), default=2000, show_default=True, help="Size of the workspace."
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".crmlift/demo"),
    show_default=True,
    help="Where mapping, ledger, log and report go; a demo that is there goes first.",
)
def demo(target: str, people: int, folder: Path) -> None:
    """Lift the bundled workspace into a CRM's sandbox: propose, approve, run, count, read back, report."""
    need_meltano_project()
    folder = folder.resolve()
    _empty(folder)
    with _sandboxes(target) as (source, crm_server):
        _step("Loading the bundled workspace into the Customer.io sandbox")
        load_bundled_workspace(source.url, people)
        with _settings(target, folder, source, crm_server):
            differs = _migrate(replace(open_project(target), folder=folder), folder)
    if differs:
        sys.exit(DIFFERENCES_EXIT_CODE)


def _empty(folder: Path) -> None:
    """Make a folder anew; only one that an earlier demo has made is emptied."""
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise ConfigError(
            f"{folder} is not empty, and no demo of ours made it.", hint="Name another with --folder."
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()


def _migrate(project: Project, folder: Path) -> bool:
    _step(f"Proposing and approving the default mapping for {project.name}")
    write_default(project.target.default_mapping, project.mapping_path, workspace="demo")
    approve(project.mapping_path, by="demo")
    _step(f"meltano run tap-customerio {project.plugin}")
    with progress() as watch:
        run_pipeline(project, log=folder / "run.log", watch=watch)
    with project.opened() as (mapping, ledger, crm):
        _step("Counting")
        counts = counting.reconcile(ledger, crm)
        show_counts(counts)
        _step("Reading every row back")
        checked = reading.verify(ledger, crm)
        show_verification(checked)
        page = folder / "report.html"
        page.write_text(
            render_html(build_report(project, mapping, ledger, counts, checked)), encoding="utf-8"
        )
    console.print(f"\n[bold]The report is at {page}[/]", soft_wrap=True)
    return not (counts.in_step and checked.passed)


@contextmanager
def _sandboxes(target: str) -> Iterator[tuple[Server, Server]]:
    """Start both stand-ins on free ports; they end with this block, whatever happens."""
    source = plugins.find(plugins.SANDBOXES, SOURCE).value
    destination = plugins.find(plugins.SANDBOXES, target).value
    _step("Starting the sandboxes of Customer.io and of the CRM")
    with serve(source, UNHURRIED) as customerio, serve(destination) as crm:
        yield customerio, crm


@contextmanager
def _settings(target: str, folder: Path, source: Server, crm: Server) -> Iterator[None]:
    """Point Meltano and our own commands at the sandboxes, with everything they keep inside the folder."""
    given = {
        "MELTANO_SYS_DIR_ROOT": str(folder / "meltano"),
        "MELTANO_DATABASE_URI": f"sqlite:///{folder / 'meltano.db'}",
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
        **settings(SOURCE, source.url),
        **settings(target, crm.url),
        variable(f"target-{target}", "mapping"): str(folder / f"{target}.yml"),
        variable(f"target-{target}", "ledger_url"): f"sqlite:///{folder / 'ledger.db'}",
    }
    before = dict(os.environ)
    os.environ.update(given)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _step(text: str) -> None:
    console.print(f"\n[bold blue]▸[/] {text}", soft_wrap=True)
