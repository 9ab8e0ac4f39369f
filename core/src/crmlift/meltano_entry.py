"""A plugin's entry in `meltano.yml`, made of what the plugin says about itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
from ruamel.yaml import YAML

from crmlift.errors import ConfigError
from crmlift.project import environment, variable

_KINDS = {"string", "integer", "boolean", "array", "object"}


def about(plugin: str) -> dict[str, Any]:
    """Return what `PLUGIN --about` says. Raises `ConfigError` where it is not installed, or fails."""
    command = shutil.which(plugin, path=environment()["PATH"])
    if command is None:
        raise ConfigError(f"There is no command '{plugin}' here.", hint=f"`pip install {plugin}` first.")
    done = subprocess.run(
        [command, "--about", "--format=json"], capture_output=True, stdin=subprocess.DEVNULL
    )
    try:
        said: dict[str, Any] = orjson.loads(done.stdout)
    except orjson.JSONDecodeError:
        why = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ConfigError(f"`{plugin} --about` says nothing: {why}", hint="Reinstall that package.") from None
    return said


def entry(plugin: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole entry; defaults stay with the plugin."""
    schema = said["settings"]
    return {
        "name": plugin,
        "namespace": plugin.replace("-", "_"),
        "executable": plugin,
        "capabilities": list(said["capabilities"]),
        "settings_group_validation": [schema.get("required", [])],
        "settings": [setting(name, details) for name, details in schema["properties"].items()],
    }


def setting(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return one setting in Meltano's terms. Raises `ConfigError` for a type that Meltano has not."""
    types = {schema.get("type")} if isinstance(schema.get("type"), str) else set(schema.get("type", ()))
    (kind, *more) = types - {"null"} or {None}
    if more or kind not in _KINDS:
        # Meltano has no `number`, and its `decimal` cannot come from the environment.
        raise ConfigError(f"The setting '{name}' has a type that Meltano has not.", hint="Use whole units.")
    given: dict[str, Any] = {"name": name}
    if schema.get("enum"):
        options = [{"label": value, "value": value} for value in schema["enum"] if value is not None]
        given |= {"kind": "options", "options": options}
    else:
        given |= {"kind": "date_iso8601" if schema.get("format") == "date-time" else kind}
    given |= {"label": schema.get("title", name), "description": schema.get("description", "")}
    # Meltano's own way to write a password; it rewrites `kind: password` to this.
    return given | ({"sensitive": True} if schema.get("secret") else {})


def add(file: Path, plugin: str) -> list[str]:
    """Write a plugin's entry into `meltano.yml`, or write it anew; what else stands there stays.

    Returns the environment variables of its secrets and of what it cannot do without.
    """
    made = entry(plugin, about(plugin))
    yaml = YAML(typ="rt")
    yaml.width = 10_000
    yaml.preserve_quotes = True
    before = file.read_text(encoding="utf-8")
    tree = yaml.load(before)
    kind = "extractors" if plugin.startswith("tap-") else "loaders"
    listed = tree.setdefault("plugins", {}).setdefault(kind, [])
    for known in listed:
        if known["name"] == plugin:
            known.update({name: part for name, part in made.items() if known.get(name) != part})
            break
    else:
        listed.append(made)
    text = StringIO()
    yaml.dump(tree, text)
    if text.getvalue() != before:
        partial = file.with_name(file.name + ".partial")
        partial.write_text(text.getvalue(), encoding="utf-8")
        os.replace(partial, file)
    required = made["settings_group_validation"][0]
    secrets = [one["name"] for one in made["settings"] if one.get("sensitive")]
    return [variable(plugin, name) for name in dict.fromkeys([*required, *secrets])]
