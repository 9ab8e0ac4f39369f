"""The hook plugins of a run: made from the mapping's `hooks:`, called in its order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

from crmlift import hookspecs, plugins
from crmlift.batch import Batch
from crmlift.errors import ConfigError, CrmliftError

if TYPE_CHECKING:
    from crmlift.propose.evidence import Evidence, Trait


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
            where = f"on stream '{batch.stream}'"
            self._call(hook, batch, where, "Nothing of this batch was written. See 'hooks:' in the mapping.")

    def proposals(self, traits: Sequence[Trait]) -> Iterator[tuple[str, Sequence[Sequence[Evidence]]]]:
        """Yield each plugin's evidence for a batch of attributes, under the plugin's name."""
        for hook in reversed(self._manager.hook.crmlift_propose.get_hookimpls()):
            answer = self._call(hook, traits, f"over {len(traits)} attributes", "Nothing was written.")
            if answer is not None:
                yield hook.plugin_name, answer

    def _call(self, hook: pluggy.HookImpl, argument: Any, where: str, hint: str) -> Any:
        """Call one plugin's hook; an error that is not ours names the plugin and no value."""
        try:
            return hook.function(*[argument for _ in hook.argnames])
        except CrmliftError:
            raise
        except Exception as error:
            name, what = hook.plugin_name, type(error).__name__
            raise ConfigError(f"The hook '{name}' failed {where}: {what}.", hint=hint) from error


def _make(name: str, settings: Mapping[str, Any]) -> object:
    try:
        return plugins.load(plugins.find(plugins.HOOKS, name))(**settings)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"The options of the hook '{name}' are wrong: {error}.") from None
