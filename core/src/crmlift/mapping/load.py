"""Read a mapping file; every error names the file, the line and the key."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from crmlift.errors import ConfigError
from crmlift.mapping.model import Mapping


def read_mapping(path: Path | Traversable) -> Mapping:
    """Return the validated mapping of a YAML file.

    Raises `ConfigError` that lists every problem with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"There is no mapping at {path}.",
            hint="Write one with `crmlift propose`, then `crmlift approve`.",
        ) from None
    return parse_mapping(text, name=path.name)


def parse_mapping(text: str, *, name: str = "mapping") -> Mapping:
    """Return the validated mapping of YAML text; `name` stands for it in errors."""
    try:
        tree = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise ConfigError(f"{where}: this is not YAML: {error.problem}.") from None
    if not isinstance(tree, dict):
        raise ConfigError(
            f"{name}: a mapping starts with keys such as 'destination', 'workspace' and 'streams'."
        )
    try:
        return Mapping.model_validate(tree)
    except ValidationError as error:
        problems = [_problem(name, tree, item["loc"], item["msg"]) for item in error.errors()]
        raise ConfigError(
            "\n".join(problems), hint="\nCorrect these and run `crmlift approve` again."
        ) from None


def _problem(name: str, tree: Any, location: Sequence[int | str], message: str) -> str:
    keys = [part for part in location if not str(part).startswith("function-")]
    return f"{name}:{_line(tree, keys)}: {'.'.join(map(str, keys))}: {message}."


def _line(tree: Any, keys: Sequence[int | str]) -> int:
    """The line of the innermost key that is in the file, counted from 1."""
    line = 0
    for key in keys:
        marks = getattr(tree, "lc", None)
        try:
            child = tree[key]
        except (KeyError, IndexError, TypeError):
            break
        if marks is not None:
            position = marks.key(key) if isinstance(tree, dict) else marks.item(key)
            line = position[0]
        tree = child
    return line + 1
