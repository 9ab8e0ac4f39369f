"""Several files in one, for targets that put all their texts to import together."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO

_WHEN = (1980, 1, 1, 0, 0, 0)
"""The same files make the same archive."""


def zipped(files: Mapping[str, str]) -> bytes:
    """Return a zip file of texts by their path."""
    found = BytesIO()
    with zipfile.ZipFile(found, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, _WHEN), text, zipfile.ZIP_DEFLATED)
    return found.getvalue()
