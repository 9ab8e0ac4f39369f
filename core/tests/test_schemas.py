"""The published schemas are those of what the commands print."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from crmlift.commands import cli
from crmlift.schemas import PRINTED, schema

PUBLISHED = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("command", PRINTED)
def test_a_published_schema_is_the_commands_own(command):
    assert json.loads((PUBLISHED / f"{command}.json").read_text()) == schema(command)


def test_every_command_that_prints_json_has_a_schema():
    printing = {
        name
        for name, command in cli.commands.items()
        if any("--json" in option.opts for option in command.params if isinstance(option, click.Option))
    }
    assert printing <= PRINTED.keys()
