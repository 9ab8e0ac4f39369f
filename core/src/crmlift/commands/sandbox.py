"""`sandbox`: start the local stand-ins."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event

import click

from crmlift import plugins
from crmlift.commands.common import console, waiting
from crmlift.sandbox.server import serve
from crmlift.sandbox.stand_ins import SOURCE, UNHURRIED, load_bundled_workspace, settings


@click.command()
@click.argument("names", nargs=-1)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the first one; free by default.")
@click.option(
    "--people", type=click.IntRange(min=10), help="Load the bundled workspace, with so many people."
)
def sandbox(names: tuple[str, ...], port: int, people: int | None) -> None:
    """Start local stand-ins by name (all that are installed by default) and keep them until Ctrl-C.

    Prints the lines for `.env` that point crmlift and Meltano at them. They keep nothing when they end.
    """
    chosen = names or tuple(plugins.names(plugins.SANDBOXES))
    with ExitStack() as stack:
        for name in chosen:
            factory = plugins.find(plugins.SANDBOXES, name).value
            server = stack.enter_context(serve(factory, UNHURRIED, port=port))
            console.print(f"# {name}: {server.url}", soft_wrap=True, highlight=False)
            for variable, value in settings(name, server.url).items():
                console.print(f"{variable}={value}", soft_wrap=True, highlight=False, markup=False)
            port = port + 1 if port else 0
            if name == SOURCE and people:
                with waiting("Loading the bundled workspace"):
                    load_bundled_workspace(server.url, people)
        console.print("# The lines above are for .env. Stop with Ctrl-C.")
        try:
            Event().wait()
        except KeyboardInterrupt:
            console.print("# Stopped.")
