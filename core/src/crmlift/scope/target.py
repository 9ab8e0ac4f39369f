"""The Singer loader `crmlift-scope`: listens to a tap and writes the profile of what it read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from singer_sdk import typing as th

from crmlift.errors import InputError
from crmlift.scope.build import Options, build_profile
from crmlift.scope.render import write_profile
from crmlift.scope.store import Store
from crmlift.singer.listener import Listener

NAME = "crmlift-scope"
OUTPUT = ".crmlift/scope"
MEMORY_MB = 96
SEEN = ("last_seen_at", "last_seen", "last_active_at", "last_login_at", "last_login", "last_activity_at")


class ScopeConsumer:
    """Gathers the records of all streams in a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._streams: set[str] = set()

    def schema(self, stream: str, schema: dict[str, Any], keys: Sequence[str]) -> None:  # noqa: ARG002
        """Know a stream; what its records hold is read from them."""
        self._streams.add(stream)

    def record(self, stream: str, record: dict[str, Any]) -> None:
        """Take one record."""
        if stream not in self._streams:
            raise InputError(f"A record of stream '{stream}' came before its schema.")
        self.store.add(stream, record)

    def state(self, value: Any) -> None:
        """Keep no state: a profile is of everything, so the next pass must read everything again."""


class ScopeTarget(Listener):
    """Profiles a workspace in one pass; writes `scope.json`, `scope.md` and `scope.html`."""

    name = NAME
    config_jsonschema = th.PropertiesList(
        th.Property(
            "output",
            th.StringType,
            default=OUTPUT,
            title="Output",
            description="Folder for scope.json, scope.md and scope.html.",
        ),
        th.Property(
            "inactive_days",
            th.IntegerType,
            default=365,
            title="Inactive days",
            description="People who showed no sign of life for so many days count as inactive.",
        ),
        th.Property(
            "last_seen_attributes",
            th.ArrayType(th.StringType),
            default=list(SEEN),
            title="Last-seen attributes",
            description="Attributes of people that say when they were last active.",
        ),
        th.Property(
            "show_values",
            th.BooleanType,
            default=False,
            title="Show values",
            description="Write examples as they are. They are personal data; masked by default.",
        ),
        th.Property(
            "memory_mb",
            th.IntegerType,
            default=MEMORY_MB,
            title="Memory",
            description="Megabytes that DuckDB may use before it goes to disk.",
        ),
    ).to_dict()

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._consumer: ScopeConsumer | None = None

    @property
    def consumer(self) -> ScopeConsumer:
        """The profile in the making."""
        if self._consumer is None:
            self.take_signals()
            seen = tuple(self.config["last_seen_attributes"])
            self._consumer = ScopeConsumer(Store(memory_mb=self.config["memory_mb"], seen=seen))
        return self._consumer

    def process_endofpipe(self) -> None:
        """Write the profile."""
        store = self.consumer.store
        store.finish()
        options = Options(
            now=int(time.time()),
            inactive_days=self.config["inactive_days"],
            show_values=self.config["show_values"],
        )
        write_profile(build_profile(store, options), Path(self.config["output"]))
        self.settle()

    def settle(self) -> None:
        """Remove what was gathered: half a profile would be taken for a whole one."""
        if self._consumer is not None:
            self._consumer.store.close()
            self._consumer = None
            self.give_signals_back()
