"""Rows of any number, cut by key into parts that fit in memory: kept in one file on disk per table.

Rows of one key, of whichever table, lie in the same part, so that tables can be joined part by part.
"""

from __future__ import annotations

import tempfile
from typing import Any
from zlib import crc32

import pyarrow as pa
import pyarrow.compute as pc


class Spill:
    """One table in parts. The cut is the same in every process, so that a run can go on at a part."""

    def __init__(self, key: str, parts: int) -> None:
        self._key = key
        self._parts = parts
        self._file = tempfile.TemporaryFile(prefix="tap-customerio-")  # noqa: SIM115 (closed by close)
        self._pieces: list[list[tuple[int, int]]] = [[] for _ in range(parts)]
        self._schema: Any = None

    def add(self, batch: Any) -> None:
        """Add a record batch; all must have the same columns."""
        self._schema = batch.schema
        keys = batch.column(self._key).cast(pa.binary()).to_pylist()
        parts = self._parts
        of = pa.array([crc32(key) % parts if key is not None else 0 for key in keys], pa.uint16())
        order = pc.sort_indices(of)  # stable: the order of rows within a part stays
        sorted_batch, start = batch.take(order), 0
        for count in sorted(pc.value_counts(of).to_pylist(), key=lambda found: found["values"]):
            piece = sorted_batch.slice(start, count["counts"])
            start += count["counts"]
            data = piece.serialize()
            self._pieces[count["values"]].append((self._file.tell(), data.size))
            self._file.write(data)

    def part(self, number: int) -> Any:
        """A part as a table, rows in the order in which they were added; None if there is none."""
        pieces = self._pieces[number]
        if not pieces:
            return None
        batches = []
        for start, size in pieces:
            self._file.seek(start)
            batches.append(pa.ipc.read_record_batch(pa.py_buffer(self._file.read(size)), self._schema))
        return pa.Table.from_batches(batches)

    def close(self) -> None:
        """Remove the file."""
        self._file.close()


def newest(table: Any, *keys: str) -> Any:
    """The last row of each key."""
    numbered = table.append_column("row", pa.array(range(table.num_rows), pa.int64()))
    last = numbered.group_by(list(keys)).aggregate([("row", "max")])["row_max"]
    return table.take(last.combine_chunks().sort())
