"""The audit export of a workspace: written with each run, and what stands in it."""

from __future__ import annotations

from pathlib import Path

from pydantic import PrivateAttr

from crmlift.errors import ConfigError
from crmlift.handoff.gather import members_file
from crmlift.handoff.model import Item, Kind
from crmlift.handoff.run import write_handoff
from crmlift.hooks.options import Options
from crmlift.hookspecs import RunKind, hookimpl


class Audit(Options):
    """Write the hand-off at the end of each run that loads, as `crmlift handoff` does, in a pass of its own.

    What stands in it holds for the command, too: only `items` of these kinds, and lists of the `members` of
    segments or not. With `each_run` off, only the command writes it.
    """

    each_run: bool = True
    tap: str = "tap-customerio"
    output: Path | None = None
    mapping: Path | None = None
    show_people: bool = False
    items: list[Kind] = list(Kind)
    members: bool = True
    _target: str = PrivateAttr("")

    @hookimpl
    def crmlift_run_started(self, destination: str, kind: RunKind) -> None:
        """Stop before anything is written where the tap cannot be run again."""
        self._target = destination
        if self.each_run and kind == "load" and not Path("meltano.yml").exists():
            raise ConfigError(
                "The hook 'audit' reads the workspace once more after the run, but no meltano.yml is here.",
                hint="Set its option 'each_run' to false, and pipe the tap into crmlift-handoff yourself.",
            )

    @hookimpl
    def crmlift_run_finished(self, status: str, kind: RunKind) -> None:
        """Read the workspace once more, for the documents."""
        if not self.each_run or kind != "load" or status == "stopped":
            return
        given = {"output": self.output, "mapping": self.mapping, "show_people": self.show_people}
        write_handoff(self.tap, {"target": self._target, **given})

    @hookimpl
    def crmlift_audit(self, items: list[Item]) -> None:
        """Leave out what is not to be documented."""
        items[:] = [self._without_members(item) for item in items if item.kind in self.items]

    @hookimpl
    def crmlift_handoff_written(self, folder: Path) -> None:
        """Remove lists that are not wanted."""
        if not self.members or Kind.SEGMENT not in self.items:
            for path in (folder / "people").glob(Path(members_file("*")).name):
                path.unlink()

    def _without_members(self, item: Item) -> Item:
        if self.members or item.members is None:
            return item
        return item.model_copy(update={"members": item.members.model_copy(update={"file": None})})
