"""Columns of the files as the tap needs them, whatever type a generation of files gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tap_customerio.values import unix
from tap_customerio.warehouse import FLAG, MOMENT, NUMBER, TEXT

_TYPES = {TEXT: pa.string(), NUMBER: pa.int64(), FLAG: pa.bool_(), MOMENT: pa.int64()}
# Whole numbers from here on are milli- or microseconds: seconds reach it in the year 5138.
_MILLI, _MICRO = 100_000_000_000, 100_000_000_000_000


def normal(batch: Any, kinds: Mapping[str, str]) -> Any:
    """A record batch with exactly these columns; absent ones are null, moments are unix seconds."""
    names = set(batch.schema.names)
    columns = [
        _as(batch.column(name), kind) if name in names else pa.nulls(batch.num_rows, _TYPES[kind])
        for name, kind in kinds.items()
    ]
    return pa.record_batch(columns, names=list(kinds))


def _as(column: Any, kind: str) -> Any:
    if kind == MOMENT:
        return _moment(column)
    return column if column.type == _TYPES[kind] else column.cast(_TYPES[kind])


def _moment(column: Any) -> Any:
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        zone = getattr(column.type, "tz", None)
        return column.cast(pa.timestamp("s", tz=zone), safe=False).cast(pa.int64())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        whole = column.cast(pa.int64(), safe=False)
        parts = pc.if_else(pc.greater_equal(whole, _MICRO), 1_000_000, 1)
        parts = pc.if_else(pc.and_(pc.greater_equal(whole, _MILLI), pc.less(whole, _MICRO)), 1000, parts)
        return pc.divide(whole, parts)
    return pa.array([unix(value) for value in column.to_pylist()], pa.int64())
