"""`sandbox`: start the local stand-ins."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event

import click

from crmlift import plugins
from crmlift.commands.common import console
from crmlift.sandbox.server import serve


@click.command()
@click.argument("names", nargs=-1)
@click.option("--port", type=int, default=0, help="Port of the first one; free ones by default.")
def sandbox(names: tuple[str, ...], port: int) -> None:
    """Start local stand-ins by name (all that are installed by default) and keep them until Ctrl-C."""
    chosen = names or tuple(plugins.names(plugins.SANDBOXES))
    with ExitStack() as stack:
        for name in chosen:
            server = stack.enter_context(serve(plugins.find(plugins.SANDBOXES, name).value, port=port))
            console.print(f"{name}: {server.url}", soft_wrap=True)
            port = port + 1 if port else 0
        console.print("Stop with Ctrl-C.")
        try:
            Event().wait()
        except KeyboardInterrupt:
            console.print("Stopped.")
