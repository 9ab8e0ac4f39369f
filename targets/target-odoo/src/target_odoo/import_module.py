"""Drafts as a data module, which an administrator uploads under Apps, Import Module (base_import_module)."""

from __future__ import annotations

from collections.abc import Mapping

from crmlift.handoff.archive import zipped

MODULE = "customerio_handoff"


def module(files: Mapping[str, str]) -> bytes:
    """Return a zip file with a module of data files, by name."""
    manifest = {
        "name": "Customer.io hand-off",
        "summary": "Filters, automation rules and scheduled actions to look at; none of the rules is active.",
        "version": "1.0",
        "license": "Other OSI approved licence",
        "depends": ["contacts", "base_automation"],
        "data": list(files),
    }
    named = {"__manifest__.py": f"{manifest!r}\n", **files}
    return zipped({f"{MODULE}/{name}": text for name, text in named.items()})
