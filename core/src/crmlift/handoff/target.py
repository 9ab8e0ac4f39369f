"""The Singer loader `crmlift-handoff`: listens to a tap and writes the documents of what is not loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from singer_sdk import typing as th

from crmlift.handoff.build import Destination, build, now
from crmlift.handoff.destination import destination
from crmlift.handoff.gather import Gathered
from crmlift.handoff.write import index, write
from crmlift.hooks.manager import Hooks
from crmlift.singer.listener import Listener

NAME = "crmlift-handoff"
OUTPUT = ".crmlift/handoff"


class HandoffTarget(Listener):
    """Documents segments, journeys, broadcasts, templates and settings, with what to rebuild."""

    name = NAME
    config_jsonschema = th.PropertiesList(
        th.Property(
            "output",
            th.StringType,
            default=OUTPUT,
            title="Output",
            description="Folder for the documents; what an earlier hand-off left there is replaced.",
        ),
        th.Property(
            "target",
            th.StringType,
            title="Target",
            description="CRM to advise for, such as `odoo`; without it, nothing is said about rebuilding.",
        ),
        th.Property(
            "mapping",
            th.StringType,
            title="Mapping",
            description="Mapping that says which CRM field holds what; the target's own by default.",
        ),
        th.Property(
            "ledger_url",
            th.StringType,
            title="Ledger URL",
            description="SQLAlchemy URL of the target's ledger, to say how many of each segment were loaded.",
        ),
        th.Property(
            "show_people",
            th.BooleanType,
            default=False,
            title="Show people",
            description="List people with their id and address, too, not by Customer.io's own id alone.",
        ),
    ).to_dict()

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._gathered: Gathered | None = None
        self._destination: Destination | None = None

    @property
    def consumer(self) -> Gathered:
        """What was read so far. A target or mapping that cannot be used is named before anything is read."""
        if self._gathered is None:
            self.take_signals()
            named = (self.config.get(name) for name in ("target", "mapping", "ledger_url"))
            self._destination = destination(*named)
            self._gathered = Gathered(show_people=self.config["show_people"])
        return self._gathered

    def process_endofpipe(self) -> None:
        """Write the documents, and let plugins add theirs."""
        gathered, folder, at = self.consumer, Path(self.config["output"]), now()
        crm = self._destination
        hooks = Hooks(crm.mapping.hooks if crm else {})
        items = build(gathered, at=at, destination=crm)
        hooks.tell("crmlift_audit", items=items)
        workspaces = gathered.documents["workspaces"]
        handoff = index(
            items,
            at=at,
            workspace=str(workspaces[0].get("name")) if len(workspaces) == 1 else "the workspace",
            destination=crm,
        )
        handoff = write(handoff, items, folder, crm)
        gathered.files.move(folder)
        hooks.tell("crmlift_handoff_written", folder=folder, handoff=handoff)
        self.settle()

    def settle(self) -> None:
        """Remove what was gathered: half a hand-off would be taken for a whole one."""
        if self._gathered is not None:
            self._gathered.close()
            self._gathered = None
            self.give_signals_back()
