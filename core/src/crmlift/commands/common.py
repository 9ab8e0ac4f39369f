"""Options and output that commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])

console = Console()

DIFFERENCES_EXIT_CODE = 3


def target_options(command: F) -> F:
    """Add `--target` and `--config`."""
    config = click.option(
        "--config",
        "config_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Settings of the target as a JSON file, instead of Meltano's.",
    )
    target = click.option(
        "--target",
        "-t",
        help="The target, such as 'odoo' or 'target-odoo--eu'; the only one that has settings by default.",
    )
    return target(config(command))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def print_json(value: Any) -> None:
    """Print a value as one JSON document."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str))
