"""Write a target's default mapping into a project, with its comments."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path

from ruamel.yaml import YAML

from crmlift.errors import ConfigError
from crmlift.mapping.load import parse_mapping


def write_default(default: Traversable, path: Path, *, workspace: str, force: bool = False) -> Path:
    """Write the default mapping for a workspace; refuse to write over another file unless forced."""
    if path.exists() and not force:
        raise ConfigError(f"There is a mapping at {path} already.", hint="Give --force to write over it.")
    yaml = YAML(typ="rt")
    yaml.width = 10_000
    tree = yaml.load(default.read_text(encoding="utf-8"))
    tree["workspace"] = workspace
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        yaml.dump(tree, file)
    parse_mapping(partial.read_text(encoding="utf-8"), name=path.name)
    return partial.replace(path)
