"""Write a target's default mapping into a project, with its comments."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML

from crmlift.errors import ConfigError
from crmlift.mapping.load import parse_mapping
from crmlift.whole_file import write_whole


def default_text(default: Traversable, *, workspace: str) -> str:
    """Return the default mapping for a workspace, with its comments."""
    yaml = YAML(typ="rt")
    yaml.width = 10_000
    # As the shipped maps are indented, so that a rule in a comment fits where it stands.
    yaml.indent(mapping=2, sequence=4, offset=2)
    tree = yaml.load(default.read_text(encoding="utf-8"))
    tree["workspace"] = workspace
    text = StringIO()
    yaml.dump(tree, text)
    return text.getvalue()


def check_free(path: Path, *, force: bool) -> None:
    """Refuse to write over a mapping unless forced."""
    if path.exists() and not force:
        raise ConfigError(f"There is a mapping at {path} already.", hint="Give --force to write over it.")


def write_mapping(text: str, path: Path) -> Path:
    """Write a mapping that is one; what was there before stays until then."""
    parse_mapping(text, name=path.name)
    return write_whole(path, text)


def write_default(default: Traversable, path: Path, *, workspace: str, force: bool = False) -> Path:
    """Write the default mapping for a workspace; refuse to write over another file unless forced."""
    check_free(path, force=force)
    return write_mapping(default_text(default, workspace=workspace), path)
