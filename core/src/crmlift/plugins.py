"""Find targets, sandboxes and hook plugins by their entry points.

Only what is asked for is imported, one by one: a broken plugin is named, never fatal for others.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, cast

import pluggy

from crmlift import hookspecs
from crmlift.batch import Batch
from crmlift.errors import ConfigError, CrmliftError

if TYPE_CHECKING:
    from crmlift.singer.target import CrmTarget

logger = logging.getLogger(__name__)

HOOKS, TARGETS, SANDBOXES = "crmlift", "crmlift.targets", "crmlift.sandboxes"


def names(group: str) -> list[str]:
    """Return the names that installed packages register in a group."""
    return sorted({point.name for point in entry_points(group=group)})


def find(group: str, name: str) -> EntryPoint:
    """Return one entry point; raise `ConfigError` that lists what is installed."""
    points = list(entry_points(group=group, name=name))
    if not points:
        installed = ", ".join(names(group)) or "nothing"
        raise ConfigError(f"No '{name}' is installed.", hint=f"Installed for '{group}': {installed}.")
    return points[0]


def target_class(name: str) -> type[CrmTarget]:
    """Return the target of a CRM, by its short name (`odoo`) or its command (`target-odoo`)."""
    return cast("type[CrmTarget]", _load(find(TARGETS, name.removeprefix("target-"))))


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        owner = point.dist.name if point.dist else point.value
        raise ConfigError(
            f"The plugin '{point.name}' of {owner} cannot be loaded: {type(error).__name__}: {error}.",
            hint="Reinstall or remove that package.",
        ) from error


class Hooks:
    """The hook plugins that a mapping lists, in its order, made with their options."""

    def __init__(self, options: Mapping[str, Mapping[str, Any]]) -> None:
        self._manager = pluggy.PluginManager("crmlift")
        self._manager.add_hookspecs(hookspecs)
        # pluggy calls the last registered first.
        for name, settings in reversed(list(options.items())):
            self._manager.register(_make(name, settings), name=name)
        self._manager.check_pending()

    @property
    def call(self) -> pluggy.HookRelay:
        """The hooks to call, by name."""
        return self._manager.hook

    def prepare(self, batch: Batch) -> None:
        """Run the pre-load transforms; an error names the plugin."""
        for hook in reversed(self._manager.hook.crmlift_prepare.get_hookimpls()):
            try:
                hook.function(*[batch for _ in hook.argnames])
            except CrmliftError:
                raise
            except Exception as error:
                name, what = hook.plugin_name, type(error).__name__
                raise ConfigError(
                    f"The hook '{name}' failed on stream '{batch.stream}': {what}.",
                    hint="Nothing of this batch was written. See 'hooks:' in the mapping.",
                ) from error


def _make(name: str, settings: Mapping[str, Any]) -> object:
    try:
        return _load(find(HOOKS, name))(**settings)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"The options of the hook '{name}' are wrong: {error}.") from None
