"""Several streams in one order of time, for a CRM whose threads show the order in which records came."""

from __future__ import annotations

from pydantic import Field, PrivateAttr

from crmlift.batch import Batch
from crmlift.hooks.options import Options, Texts, moment_of
from crmlift.hookspecs import hookimpl
from crmlift.mapping.engine import Getter, first_of
from crmlift.mapping.expression import compile_expression


class Wait(Options):
    """Which records of a stream wait (all, or where `when` holds), and where their moment lies."""

    at: Texts = Field(min_length=1)
    when: str | None = None


class Chronology(Options):
    """Records of these streams wait until every stream has been read, and come oldest first, all together."""

    streams: dict[str, Wait]
    _moments: dict[str, Getter] = PrivateAttr(default_factory=dict)
    _conditions: dict[str, Getter] = PrivateAttr(default_factory=dict)

    def model_post_init(self, _context: object) -> None:
        """Compile paths and conditions once."""
        self._moments = {stream: first_of(wait.at) for stream, wait in self.streams.items()}
        self._conditions = {
            stream: compile_expression(wait.when) for stream, wait in self.streams.items() if wait.when
        }

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Let the records of the configured streams wait for their turn."""
        if batch.last or batch.stream not in self.streams:
            return
        moment, waits = self._moments[batch.stream], self._conditions.get(batch.stream)
        for item in batch:
            if waits is None or waits(item.record):
                batch.defer(item, "comes in order of time", turn=moment_of(moment(item.record)))
