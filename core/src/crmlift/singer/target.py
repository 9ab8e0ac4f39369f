"""The Singer target that every CRM's target subclasses."""

from __future__ import annotations

import logging
import sys
from abc import abstractmethod
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, ClassVar

from singer_sdk import typing as th

from crmlift.contract import check_destination
from crmlift.destination import Destination
from crmlift.errors import ConfigError
from crmlift.handoff.advice import Advisor
from crmlift.ledger import Ledger
from crmlift.mapping.approval import digest, is_approved, read_approved
from crmlift.mapping.load import read_mapping
from crmlift.mapping.model import Mapping as MappingFile
from crmlift.pipeline import Pipeline
from crmlift.plan.files import write_plan
from crmlift.plan.planned_run import PlannedRun
from crmlift.propose.fieldnames import FieldNames
from crmlift.singer.listener import Listener

logger = logging.getLogger(__name__)


def settings(name: str, *own: th.Property[Any]) -> dict[str, Any]:
    """Return the settings of a target as JSON schema: its own, then those of every target.

    `name` is the destination's short name; it is part of the defaults.
    """
    return th.PropertiesList(
        *own,
        th.Property(
            "mapping",
            th.StringType,
            default=f"crmlift/{name}.yml",
            title="Mapping",
            description="Path of the approved mapping file.",
        ),
        th.Property(
            "ledger_url",
            th.StringType,
            default=f"sqlite:///.crmlift/{name}.db",
            title="Ledger URL",
            description="SQLAlchemy URL of the ledger: SQLite by default, PostgreSQL for several machines.",
        ),
        th.Property(
            "checkpoint_rows",
            th.IntegerType,
            default=20_000,
            title="Checkpoint rows",
            description="Records after which part-filled batches are written so that the state can move on.",
        ),
        th.Property(
            "validate_records",
            th.BooleanType,
            default=True,
            title="Validate records",
            description="Check every record against its stream's schema; bad ones go to the dead letters.",
        ),
        th.Property(
            "fail_on_rejects",
            th.BooleanType,
            default=False,
            title="Fail on rejects",
            description="Exit with 3 where records were rejected, after everything else was loaded.",
        ),
        th.Property(
            "stop_above_percent",
            th.IntegerType(minimum=0, maximum=100),
            default=50,
            title="Stop above percent",
            description="Stop where more of an entity's rows are rejected, removed, or missing in the CRM.",
        ),
        th.Property(
            "plan_file",
            th.StringType,
            title="Plan file",
            description="Write nothing to the CRM; write here what a run would do. See `crmlift plan`.",
        ),
    ).to_dict()


REJECTS_EXIT_CODE = 3


class CrmTarget(Listener):
    """Base of all targets: subclasses name their settings, their default mapping and their destination."""

    default_mapping: ClassVar[Traversable]
    field_names: ClassVar[FieldNames | None] = None
    """How custom fields are named; without it, in the manner of those in the default mapping."""
    sandbox_config: ClassVar[Mapping[str, str | int]] = {}
    """Settings, beside `url`, with which the target reaches its own sandbox."""
    rehearsal_rules: ClassVar[Traversable | None] = None
    """YAML with further rules by stream that put a label, written `{label}`, on every person."""
    advisor: ClassVar[Advisor | None] = None
    """Says what to rebuild in the CRM; see `crmlift.handoff.advice`."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._pipeline: Pipeline | None = None
        self._planned: PlannedRun | None = None
        self._crm: Destination | None = None
        self._ledger: Ledger | None = None

    @classmethod
    @abstractmethod
    def destination(cls, config: Mapping[str, Any], workspace: str) -> Destination:
        """Return the CRM that the settings name, for one workspace; it is opened by `with`."""

    @classmethod
    def open(cls, config: Mapping[str, Any], mapping: MappingFile) -> Destination:
        """Return the CRM that a mapping is for. Raises `ConfigError` where something does not fit."""
        short = cls.name.removeprefix("target-")
        if mapping.destination != short:
            raise ConfigError(
                f"The mapping is for '{mapping.destination}', and {cls.name} loads '{short}'.",
                hint=f"Write 'destination: {short}' into it, or name its own target.",
            )
        crm = cls.destination(config, mapping.workspace)
        check_destination(cls.name, crm)
        return crm

    @property
    def consumer(self) -> Pipeline:
        """The run, begun with the first message: approval, preflight and schema come before any record."""
        if self._pipeline is None:
            self._pipeline = self._begin()
        return self._pipeline

    def _begin(self) -> Pipeline:
        self.take_signals()
        path = Path(self.config["mapping"])
        planning = bool(self.config.get("plan_file"))
        # A plan is what a person looks at before the approval.
        mapping = read_mapping(path) if planning else read_approved(path)[0]
        self._crm = self.open(self.config, mapping)
        self._crm.__enter__()
        self._ledger = Ledger(
            self.config["ledger_url"], destination=mapping.destination, workspace=mapping.workspace
        )
        if planning:
            self._planned = PlannedRun(
                mapping,
                self._crm,
                self._ledger,
                approved=is_approved(path),
                validate=self.config["validate_records"],
            )
            return self._planned.pipeline
        return Pipeline(
            mapping,
            self._crm,
            self._ledger,
            mapping_digest=digest(mapping),
            emit_state=self._write_state_message,
            checkpoint_rows=self.config["checkpoint_rows"],
            validate=self.config["validate_records"],
            stop_above_percent=self.config["stop_above_percent"],
        )

    def process_endofpipe(self) -> None:
        """Settle everything and close the run, or write the plan."""
        pipeline = self.consumer
        if self._planned is not None:
            write_plan(self._planned.finish(), Path(self.config["plan_file"]))
            self._close()
            return
        status = pipeline.finish()
        self._close()
        if status != "complete":
            logger.warning("Records were rejected: see `crmlift report`, correct them, then `crmlift retry`.")
            if self.config["fail_on_rejects"]:
                sys.exit(REJECTS_EXIT_CODE)

    def settle(self) -> None:
        """Settle what was read; its state leaves."""
        if self._pipeline is not None:
            if self._planned is None:
                self._pipeline.checkpoint()
                self._pipeline.stop()
            self._close()

    def _close(self) -> None:
        if self._planned is not None:
            self._planned.close()
            self._planned = None
        if self._ledger is not None:
            self._ledger.close()
        if self._crm is not None:
            self._crm.__exit__(None, None, None)
        self._pipeline = None
        self.give_signals_back()
