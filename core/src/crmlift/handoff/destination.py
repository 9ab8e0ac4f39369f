"""Find the CRM that a hand-off advises for, and the mapping that says which of its fields holds what."""

from __future__ import annotations

from pathlib import Path

from crmlift.errors import ConfigError
from crmlift.handoff.build import Destination
from crmlift.handoff.build_became import members_loaded
from crmlift.ledger import Ledger
from crmlift.mapping.approval import is_approved
from crmlift.mapping.load import read_mapping
from crmlift.project import target_class


def destination(
    name: str | None, mapping: str | None = None, ledger_url: str | None = None
) -> Destination | None:
    """Return a CRM by its short name; None without one.

    The mapping is the one named, else `crmlift/NAME.yml`, else the target's own. The ledger tells what was
    loaded.
    """
    if not name:
        return None
    target = target_class(name)
    if target.advisor is None:
        raise ConfigError(
            f"The target '{name}' gives no advice on rebuilding.",
            hint="Leave the setting 'target' out to write the documents without it.",
        )
    path = Path(mapping or f"crmlift/{name}.yml")
    if mapping is None and not path.exists():
        return Destination(name, target.advisor, read_mapping(target.default_mapping), approved=False)
    found = read_mapping(path)
    loaded = None
    if ledger_url:
        with Ledger(ledger_url, destination=found.destination, workspace=found.workspace) as ledger:
            loaded = members_loaded(found, ledger) if ledger.runs.latest() else None
    return Destination(name, target.advisor, found, approved=is_approved(path), loaded=loaded)
