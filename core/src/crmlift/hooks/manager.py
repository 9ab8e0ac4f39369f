"""The hook plugins of a run: made from the mapping's `hooks:`, called in its order."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pluggy
from pydantic import ValidationError

from crmlift import hookspecs, plugins
from crmlift.batch import Batch, Claims
from crmlift.errors import ConfigError, CrmliftError
from crmlift.hookspecs import Page

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

    def prepare(self, batch: Batch) -> None:
        """Run the pre-load transforms on a batch."""
        for hook in self._impls("crmlift_prepare"):
            with _named(hook, f"on stream '{batch.stream}'"):
                hook.function(*[batch for _ in hook.argnames])

    def complete(self, claims: Claims) -> Iterator[Page]:
        """Yield what plugins kept for the end of the input."""
        for hook in self._impls("crmlift_complete"):
            with _named(hook, "at the end of the input"):
                pages = hook.function(*[claims for _ in hook.argnames])
                yield from cast("Iterator[Page]", pages or iter(()))

    def tell(self, event: str, **facts: object) -> None:
        """Tell all plugins of an event in the life of the run."""
        for hook in self._impls(event):
            with _named(hook, f"in {event}"):
                hook.function(*[facts[name] for name in hook.argnames])

    def proposals(self, traits: Sequence[Trait]) -> Iterator[tuple[str, Sequence[Sequence[Evidence]]]]:
        """Yield each plugin's evidence for a batch of attributes, under the plugin's name."""
        for hook in self._impls("crmlift_propose"):
            with _named(hook, f"over {len(traits)} attributes"):
                answer = hook.function(*[traits for _ in hook.argnames])
            if answer is not None:
                yield hook.plugin_name, cast("Sequence[Sequence[Evidence]]", answer)

    def _impls(self, name: str) -> list[pluggy.HookImpl]:
        hooks: list[pluggy.HookImpl] = getattr(self._manager.hook, name).get_hookimpls()
        return hooks[::-1]


@contextmanager
def _named(hook: pluggy.HookImpl, where: str) -> Iterator[None]:
    """Name the plugin of an error and the line where it arose: its text may quote a value."""
    try:
        yield
    except (CrmliftError, GeneratorExit):
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise ConfigError(
            f"The hook '{hook.plugin_name}' failed {where}: {type(error).__name__} "
            f"({Path(last.filename).name}, line {last.lineno}).",
            hint="What it had in hand was not written. See 'hooks:' in the mapping.",
        ) from error


def _make(name: str, settings: Mapping[str, Any]) -> object:
    try:
        return plugins.load(plugins.find(plugins.HOOKS, name))(**settings)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise ConfigError(f"The options of the hook '{name}' are wrong: {'; '.join(problems)}.") from None
    except (TypeError, ValueError) as error:
        raise ConfigError(f"The options of the hook '{name}' are wrong: {error}.") from None
