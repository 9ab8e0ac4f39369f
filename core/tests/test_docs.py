"""What the documents say is so: commands, settings, links and snippets."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
from test_target import MemoryTarget

import crmlift.errors
from crmlift import destination, hookspecs, plugins
from crmlift.batch import Batch, Item
from crmlift.commands import cli
from crmlift.mapping.load import parse_mapping

ROOT = Path(__file__).parents[2]
BUILT_IN = [
    point.name for point in entry_points(group=plugins.HOOKS) if point.value.startswith("crmlift.hooks.")
]
DOCUMENTS = [
    path
    for path in sorted(ROOT.rglob("*.md"))
    if not {".venv", ".cache", "node_modules"} & set(path.relative_to(ROOT).parts)
]


def test_every_command_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    assert [name for name in cli.commands if not re.search(rf"`(crmlift )?{name}`", readme)] == []


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_says_what_it_does(name):
    help_text = cli.commands[name].get_short_help_str(200)
    assert len(help_text) > 20
    options = [option for option in cli.commands[name].params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_every_common_setting_is_in_the_readme_of_core():
    readme = (ROOT / "core" / "README.md").read_text()
    own = [
        name
        for name in MemoryTarget.config_jsonschema["properties"]
        if not name.startswith(("stream_map", "faker"))
    ]
    assert [name for name in own if f"`{name}`" not in readme] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    assert [link for link in links if "…" not in link and not (path.parent / link).exists()] == []


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_hook_has_a_page_that_names_each_option(name):
    page = (ROOT / "docs" / "hooks" / f"{name}.md").read_text()
    options = plugins.load(plugins.find(plugins.HOOKS, name)).model_fields
    assert [option for option in options if f"`{option}`" not in page] == []
    assert f"](hooks/{name}.md)" in (ROOT / "docs" / "hooks.md").read_text()


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_example_of_a_hooks_page_is_a_mapping(name, monkeypatch):
    monkeypatch.setenv("CRMLIFT_REDACT_SALT", "s" * 16)
    (example, *_) = re.findall(
        r"```yaml\n(.*?)```", (ROOT / "docs" / "hooks" / f"{name}.md").read_text(), re.S
    )
    mapping = parse_mapping(f"destination: memory\nworkspace: demo\n{example}")
    assert name in mapping.hooks
    for hook, options in mapping.hooks.items():
        plugins.load(plugins.find(plugins.HOOKS, hook))(
            **{k: v for k, v in options.items() if k != "profile"}
        )


def test_the_guide_names_every_hook_and_all_that_a_batch_can_do():
    guide = (ROOT / "docs" / "hooks.md").read_text()
    hooks = [name for name in vars(hookspecs) if name.startswith("crmlift_")]
    assert [name for name in hooks if f"`{name}(" not in guide] == []
    # What the run asks a batch for is not for hooks.
    methods = [
        name for name in vars(Batch) if name[0] != "_" and name not in ("counts", "decided", "emitted")
    ]
    assert [name for name in methods if f"`batch.{name}(" not in guide] == []


def test_the_guide_for_targets_names_all_that_a_destination_may_have():
    guide = (ROOT / "docs" / "targets.md").read_text()
    protocols = [part for part in vars(destination).values() if getattr(part, "_is_protocol", False)]
    methods = {
        name for part in protocols for name in vars(part) if name[0] != "_" and callable(vars(part)[name])
    }
    assert len(protocols) > 5
    assert [name for name in sorted(methods) if f"`{name}`" not in guide] == []
    names = {part.__name__ for part in protocols} - {"Destination", "Protocol"}
    assert [name for name in sorted(names) if f"| `{name}` |" not in guide] == []
    errors = [name for name, part in vars(crmlift.errors).items() if isinstance(part, type)]
    told = {"CrmliftError", "InputError", "Mapping"}  # none of a target's
    assert [name for name in errors if name not in told and name not in guide] == []


def test_the_hook_in_the_readme_works():
    (snippet,) = re.findall(
        r"```python\n(from crmlift.hookspecs.*?)```", (ROOT / "core" / "README.md").read_text(), re.S
    )
    names: dict[str, type] = {}
    exec(snippet, names)
    items = [Item({"attributes": {"stage": stage}}, stage, 1) for stage in ("customer", "lead")]
    batch = Batch("people", items, ["cio_id"], claims=None)
    names["OnlyCustomers"]().crmlift_prepare(batch)
    assert [item.key for item in batch] == ["customer"]
    assert [letter.reason for letter in batch.letters] == ["not a customer"]
