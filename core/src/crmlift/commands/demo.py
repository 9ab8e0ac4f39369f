"""`demo`: a whole migration of the bundled workspace, on this machine, into a sandbox."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
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
from crmlift.project import Project, open_project, target_class
from crmlift.report import build_report, render_html
from crmlift.running import run_pipeline
from crmlift.sandbox.server import Server, serve


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
    help="Where mapping, ledger, log and report go; emptied first.",
)
def demo(target: str, people: int, folder: Path) -> None:
    """Lift the bundled workspace into a CRM's sandbox: propose, approve, run, count, read back, report."""
    if not Path("meltano.yml").exists():
        raise ConfigError("There is no meltano.yml here.", hint="Run the demo in the folder of the project.")
    folder = folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with _sandboxes(target) as (source, crm_server):
        _step("Loading the bundled workspace into the Customer.io sandbox")
        _fill(source, people)
        with _settings(target, folder, source, crm_server):
            differs = _migrate(replace(open_project(target), folder=folder), folder)
    if differs:
        sys.exit(DIFFERENCES_EXIT_CODE)


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
    source = plugins.find(plugins.SANDBOXES, "customerio").value
    destination = plugins.find(plugins.SANDBOXES, target).value
    _step("Starting the sandboxes of Customer.io and of the CRM")
    # The vendor's limit of 10 requests a second would only make the demo wait.
    unhurried = {"CUSTOMERIO_SANDBOX_RATE": "1000"}
    with serve(source, unhurried) as customerio, serve(destination) as crm:
        yield customerio, crm


def _fill(source: Server, people: int) -> None:
    command = [
        sys.executable,
        "-m",
        "tap_customerio.workspace",
        "load",
        "--url",
        source.url,
        "--people",
        str(people),
    ]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise ConfigError(f"The workspace could not be loaded:\n{done.stderr[-2000:]}")


@contextmanager
def _settings(target: str, folder: Path, source: Server, crm: Server) -> Iterator[None]:
    """Point Meltano and our own commands at the sandboxes, with everything they keep inside the folder."""
    ours = f"TARGET_{target.upper()}"
    settings: Mapping[str, str] = {
        "MELTANO_SYS_DIR_ROOT": str(folder / "meltano"),
        "MELTANO_DATABASE_URI": f"sqlite:///{folder / 'meltano.db'}",
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
        "TAP_CUSTOMERIO_API_URL": source.url,
        "TAP_CUSTOMERIO_APP_API_KEY": "sandbox-app-key",
        "TAP_CUSTOMERIO_REQUESTS_PER_SECOND": "900",
        f"{ours}_URL": crm.url,
        f"{ours}_MAPPING": str(folder / f"{target}.yml"),
        f"{ours}_LEDGER_URL": f"sqlite:///{folder / 'ledger.db'}",
        **_sandbox_settings(target),
    }
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _sandbox_settings(target: str) -> dict[str, str]:
    """The credentials that a target's sandbox takes, as that target names them."""
    credentials = target_class(target).sandbox_config
    return {f"TARGET_{target.upper()}_{name.upper()}": value for name, value in credentials.items()}


def _step(text: str) -> None:
    console.print(f"\n[bold blue]▸[/] {text}", soft_wrap=True)
