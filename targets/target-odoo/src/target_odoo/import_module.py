"""Drafts as a data module, which an administrator uploads under Apps, Import Module (base_import_module)."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO

MODULE = "customerio_handoff"
_WHEN = (1980, 1, 1, 0, 0, 0)
"""The same files make the same archive."""


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
    found = BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {"__manifest__.py": f"{manifest!r}\n", **files}.items():
            archive.writestr(zipfile.ZipInfo(f"{MODULE}/{name}", _WHEN), text)
    return found.getvalue()
