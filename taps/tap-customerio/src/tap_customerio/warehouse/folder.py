"""The files of a workspace in a folder or bucket, by table and in order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from singer_sdk.exceptions import ConfigValidationError

# <table>_v<generation>_<workspace>_<sequence>.parquet
_NAME = re.compile(r"([a-z][a-z_]*)_v(\d+)_(\d+)_(\d+)\.parquet")
_ALIASES = {"delivery_contents": "delivery_content"}
TABLES = {"people", "attributes", "deliveries", "metrics", "delivery_content", "subjects", "outputs"}


class BadFile(Exception):
    """A file that cannot be read: half-written, damaged, or without a column that is needed."""


@dataclass(frozen=True)
class File:
    """One file. Of two that tell of the same row, that of the higher generation and sequence is right."""

    generation: int
    sequence: int
    name: str
    path: str
    table: str
    workspace: int

    @property
    def series(self) -> str:
        """What the sequence counts."""
        return f"{self.table}_v{self.generation}_{self.workspace}"


class Folder:
    """What lies below a path: any that fsspec understands, with its options (`key`, `secret`, …)."""

    def __init__(self, path: str, options: Mapping[str, Any], workspace_id: int | None = None) -> None:
        self._options = dict(options)
        self.files: dict[str, list[File]] = {}
        self.unknown: list[str] = []  # names that say nothing to the tap
        found = self._list(path)
        workspaces = {file.workspace for file in found}
        if workspace_id is None and len(workspaces) > 1:
            raise ConfigValidationError(
                f"warehouse_path holds files of the workspaces {sorted(workspaces)}: set workspace_id"
            )
        for file in sorted(found, key=lambda file: (file.generation, file.sequence)):
            if workspace_id in (None, file.workspace):
                self.files.setdefault(file.table, []).append(file)

    def _list(self, path: str) -> list[File]:
        try:
            self._fs, root = fsspec.core.url_to_fs(path, **self._options)
            paths = self._fs.find(root) if self._fs.exists(root) else None
        except Exception as error:  # every kind of store raises its own
            raise ConfigValidationError(f"warehouse_path cannot be listed: {type(error).__name__}") from None
        if paths is None:
            raise ConfigValidationError("warehouse_path does not exist")
        found = []
        for path in paths:
            name = path.rsplit("/", 1)[-1]
            match = _NAME.fullmatch(name)
            if match is None:
                self.unknown.append(name)
                continue
            table, generation, workspace, sequence = match.groups()
            table = _ALIASES.get(table, table)
            found.append(File(int(generation), int(sequence), name, path, table, int(workspace)))
        return found

    @property
    def unread(self) -> dict[str, int]:
        """Numbers of files of tables whose columns the vendor does not document, by table."""
        return {table: len(files) for table, files in sorted(self.files.items()) if table not in TABLES}

    def rows(self, file: File) -> int:
        """How many rows a file has. Raises BadFile."""
        with self._open(file) as parquet:
            return int(parquet.metadata.num_rows)

    def batches(self, file: File, needed: set[str], columns: set[str], size: int) -> Iterator[Any]:
        """A file in batches of so many rows, with those of the columns that it has. Raises BadFile."""
        with self._open(file) as parquet:
            there = set(parquet.schema_arrow.names)
            if absent := sorted(needed - there):
                raise BadFile(f"{file.name} has no column {', '.join(absent)}")
            try:
                yield from parquet.iter_batches(size, columns=sorted(columns & there))
            except (pa.ArrowException, OSError) as error:
                raise self._bad(file, error) from None

    def _open(self, file: File) -> Any:
        try:
            return pq.ParquetFile(self._fs.open(file.path), pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise self._bad(file, error) from None

    def _bad(self, file: File, error: Exception) -> BadFile:
        return BadFile(
            f"{file.name} cannot be read ({type(error).__name__}): it is damaged or not yet whole; "
            "the next run tries it again, or put it there anew"
        )
