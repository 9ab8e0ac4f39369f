"""Before the first write, and after the last: is the CRM ready, and did it keep silent?"""

from __future__ import annotations

import logging

from crmlift.destination import CountsMessages, Destination, Finding, Severity
from crmlift.errors import RunStopped
from crmlift.mapping import schema_changes
from crmlift.mapping.model import Mapping

logger = logging.getLogger(__name__)
_LEVELS = {Severity.WARNING: logging.WARNING, Severity.INFO: logging.INFO}


def make_ready(mapping: Mapping, crm: Destination, entities: list[str]) -> None:
    """Create the fields that were approved; raise `RunStopped` where the CRM is not ready for a write."""
    errors = list(filter(None, map(_heed, crm.preflight(entities))))
    if errors:
        raise RunStopped("The CRM is not ready, so nothing was written: " + " ".join(errors))
    left = schema_changes.apply(mapping, crm).by_hand
    if left:
        names = ", ".join(f"{entity}.{name}" for entity, fields in left.items() for name in fields)
        raise RunStopped(
            f"These fields must be created in the CRM by a person first: {names}.",
            hint="`crmlift provision` lists what to do for each.",
        )


def _heed(finding: Finding) -> str:
    """Return the text of an error; log everything else."""
    text = f"{finding.text} {finding.fix}".strip()
    if finding.severity is Severity.ERROR:
        return text
    logger.log(_LEVELS[finding.severity], "%s", text)
    return ""


class Silence:
    """Counts what waits to be sent when a run begins."""

    def __init__(self, crm: Destination) -> None:
        self._crm = crm
        self._before = self._outgoing()

    def check(self) -> None:
        """Stop loudly where the CRM queued a message during the run: no person may hear of a migration."""
        after = self._outgoing()
        loud = {kind: new for kind in after if (new := after[kind] - self._before.get(kind, 0)) > 0}
        if loud:
            raise RunStopped(
                f"The CRM queued messages during the run: {loud}.",
                hint="Stop its outgoing queue, look for automations on the loaded records, and roll back.",
            )

    def _outgoing(self) -> dict[str, int]:
        return dict(self._crm.outgoing()) if isinstance(self._crm, CountsMessages) else {}
