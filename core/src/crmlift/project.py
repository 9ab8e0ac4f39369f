"""A migration project: the folder with `meltano.yml`, and what a target's settings there lead to."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import fastjsonschema
import orjson
from dotenv import dotenv_values
from singer_sdk.configuration._dict_config import parse_environment_config

from crmlift import plugins
from crmlift.destination import Destination
from crmlift.errors import ConfigError
from crmlift.ledger import Ledger
from crmlift.mapping.load import read_mapping
from crmlift.mapping.model import Mapping as MappingFile
from crmlift.meltano_log import failure
from crmlift.plan.files import read_plan
from crmlift.plan.model import Plan
from crmlift.singer.target import CrmTarget


@dataclass(frozen=True, slots=True)
class Project:
    """A target with its settings.

    `name` is the CRM's short name, such as `odoo`; `plugin` is what Meltano calls the target, such as
    `target-odoo--eu`. `folder` holds what commands leave for each other.
    """

    name: str
    plugin: str
    target: type[CrmTarget]
    config: Mapping[str, Any]
    folder: Path = Path(".crmlift")

    @property
    def mapping_path(self) -> Path:
        """Where the mapping of this project lies."""
        return Path(self.config["mapping"])

    @property
    def plan_path(self) -> Path:
        """Where the latest plan lies."""
        return self.folder / f"{self.plugin}.plan.json"

    @property
    def cutover_path(self) -> Path:
        """Where the latest cut-over lies."""
        return self.folder / f"{self.plugin}.cutover.json"

    def variable(self, setting: str) -> str:
        """Return the environment variable by which Meltano takes a setting of the target."""
        return variable(self.plugin, setting)

    def plan(self, messages: Path) -> Plan:
        """Let the target plan a run over the tap's output in a file."""
        settings = {**self.config, "plan_file": str(self.plan_path)}
        with _quiet_sdk():
            target = self.target(config=settings, validate_config=True)
        with messages.open("rb") as file:
            target.listen(cast("IO[str]", file))
        plan = read_plan(self.plan_path)
        assert plan is not None, "the target writes the plan, or it raises"
        return plan

    @contextmanager
    def opened(self) -> Iterator[tuple[MappingFile, Ledger, Destination]]:
        """Open the ledger and the CRM that the mapping belongs to."""
        mapping = read_mapping(self.mapping_path)
        with self.ledger(mapping) as ledger, self.target.open(self.config, mapping) as crm:
            yield mapping, ledger, crm

    def ledger(self, mapping: MappingFile) -> Ledger:
        """Open the ledger alone."""
        return Ledger(self.config["ledger_url"], destination=mapping.destination, workspace=mapping.workspace)


def open_project(name: str | None, config_file: Path | None = None) -> Project:
    """Find the target and its settings: a config file, else Meltano's, else environment variables.

    Without a name it is the only target that is installed, or else the only one with settings in `.env` or
    in the environment.
    """
    name = name or _only_target()
    plugin = name if name.startswith("target-") else f"target-{name}"
    short = plugin.removeprefix("target-").partition("--")[0]
    target = target_class(short)
    if config_file is not None:
        settings = _read_settings(config_file)
    elif Path("meltano.yml").exists():
        settings = meltano_settings(plugin)
    else:
        settings = _environment_settings(target)
    _check_settings(plugin, target, settings)
    with _quiet_sdk():
        made = target(config=settings, validate_config=True)
    return Project(short, plugin, target, dict(made.config))


def target_class(name: str) -> type[CrmTarget]:
    """Return the target of a CRM, by its short name (`odoo`) or its command (`target-odoo`)."""
    short = name.removeprefix("target-")
    found = plugins.find(plugins.TARGETS, short)
    loaded = plugins.load(found)
    wrong = _wrong(loaded, short)
    if wrong:
        raise ConfigError(
            f"'{found.value}', which is installed as the target '{short}', {wrong}.",
            hint="The entry point names a subclass of crmlift.singer.target.CrmTarget; see docs/targets.md.",
        )
    return cast("type[CrmTarget]", loaded)


def _wrong(loaded: Any, short: str) -> str:
    """Say what keeps something from being the target of that name."""
    if not (isinstance(loaded, type) and issubclass(loaded, CrmTarget)):
        return "is no target"
    if loaded.name != f"target-{short}":
        return f"calls itself '{loaded.name}', not 'target-{short}'"
    if "ledger_url" not in loaded.config_jsonschema.get("properties", {}):
        return "lacks the settings of every target: make config_jsonschema with `settings()`"
    lacking = [name for name in ("default_mapping", "destination") if not _has(loaded, name)]
    return f"lacks {' and '.join(lacking)}" if lacking else ""


def _has(target: type[CrmTarget], name: str) -> bool:
    """Say whether a target has a part of its own."""
    owners = target.__mro__[: target.__mro__.index(CrmTarget)]
    return any(name in vars(owner) for owner in owners)


def need_meltano_project() -> None:
    """Raise `ConfigError` where this folder is no Meltano project."""
    if not Path("meltano.yml").exists():
        raise ConfigError("There is no meltano.yml here.", hint="Run crmlift in the folder of the project.")


def meltano() -> str:
    """Return the `meltano` of this environment."""
    beside = Path(sys.executable).with_name("meltano")
    found = str(beside) if beside.exists() else shutil.which("meltano")
    if found is None:
        raise ConfigError("Meltano is not installed.", hint="`pip install meltano`, or `tools/bootstrap`.")
    return found


def meltano_settings(plugin: str) -> dict[str, Any]:
    """Return the settings that Meltano gives a plugin, from `meltano.yml`, `.env` and the environment."""
    need_meltano_project()
    command = [meltano(), "--log-level=error", "invoke", "--dump=config", plugin]
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment()
    )
    start = done.stdout.find("{")
    if done.returncode != 0 or start < 0:
        raise ConfigError(
            f"Meltano gave no settings for '{plugin}'.\n{failure(done.stderr + done.stdout)[0]}",
            hint=f"`meltano invoke --dump=config {plugin}` shows more; or give --config FILE.",
        )
    settings: dict[str, Any] = orjson.loads(done.stdout[start:])
    # An empty line in `.env` is a setting that nobody has filled in.
    return {key: value for key, value in settings.items() if value not in (None, "")}


def environment() -> dict[str, str]:
    """Return our environment with this Python's commands first on PATH, where Meltano looks for plugins."""
    folder = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}


def variable(plugin: str, setting: str) -> str:
    """Return the environment variable by which Meltano takes a setting of a plugin."""
    return f"{plugin}_{setting}".replace("-", "_").upper()


def _read_settings(file: Path) -> dict[str, Any]:
    try:
        settings = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ConfigError(
            f"{file} is no JSON: {error}.", hint="It holds one object with the settings."
        ) from None
    if not isinstance(settings, dict):
        raise ConfigError(f"{file} holds no settings.", hint='It holds one object, such as {"url": …}.')
    return settings


def _environment_settings(target: type[CrmTarget]) -> dict[str, Any]:
    # The SDK itself would look for a `.env` beside its own code, and let that overrule the environment.
    with _quiet_sdk():
        return parse_environment_config(target.config_jsonschema, target._env_var_prefix, os.devnull)


def _check_settings(plugin: str, target: type[CrmTarget], settings: Mapping[str, Any]) -> None:
    """Raise `ConfigError` that names what is missing or wrong, without any value: it may be a secret."""
    missing = [
        name for name in target.config_jsonschema.get("required", ()) if settings.get(name) in (None, "")
    ]
    if missing:
        wanted = ", ".join(variable(plugin, name) for name in missing)
        raise ConfigError(
            f"{plugin} lacks settings: {', '.join(missing)}.", hint=f"Fill in {wanted} in .env."
        )
    try:
        fastjsonschema.validate(target.config_jsonschema, dict(settings))
    except fastjsonschema.JsonSchemaValueException as error:
        where = ".".join(error.path[1:])
        raise ConfigError(
            f"The setting '{where}' of {plugin} has a wrong form.",
            hint=f"`{plugin} --about` says what each setting takes.",
        ) from None


def _only_target() -> str:
    installed = plugins.names(plugins.TARGETS)
    given = [name for name, value in {**dotenv_values(".env"), **os.environ}.items() if value]
    configured = [
        name
        for name in installed
        if any(variable.startswith(f"TARGET_{name.replace('-', '_').upper()}_") for variable in given)
    ]
    for found in (installed, configured):
        if len(found) == 1:
            return found[0]
    raise ConfigError(
        "Which target?",
        hint=f"Fill in the settings of one in .env, or name it with --target: {', '.join(installed)}."
        if installed
        else "None is installed: `pip install target-odoo`, for one.",
    )


@contextmanager
def _quiet_sdk() -> Iterator[None]:
    """The SDK logs each setting that it takes from the environment."""
    previous = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(previous)
