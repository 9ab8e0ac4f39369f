"""How a stream reads files: straight through, or cut by key where several rows make one record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from tap_customerio.readable import Readable
from tap_customerio.values import Record
from tap_customerio.warehouse.columns import normal
from tap_customerio.warehouse.folder import BadFile, File, Folder
from tap_customerio.warehouse.progress import Progress
from tap_customerio.warehouse.spill import Spill

T = TypeVar("T")
_BATCH = 65_536
_ROWS_PER_PART = 100_000
_MOST_PARTS = 4096
_MOST_TOUCHED = 100_000
FRESH = "fresh"  # column: whether the row is of a file that was not read before


@dataclass(frozen=True)
class Table:
    """A table of the files: its columns by kind, and the column that rows are joined by."""

    name: str
    key: str
    columns: Mapping[str, str]


Part = Mapping[str, Any]  # by table: its rows, or None


class Reader:
    """Reads files of a folder for one stream. What cannot be read is skipped, named and reported."""

    def __init__(self, stream: Readable, folder: Folder) -> None:
        self._stream = stream
        self._folder = folder
        self._bad: set[str] = set()

    def straight(
        self, table: Table, records: Callable[[Any], Iterable[Record]], size: int
    ) -> Iterator[Record]:
        """The records of each file that was not read before, in order; made of batches of `size` rows."""
        for file in self._folder.files.get(table.name, []):
            progress = Progress(self._stream, [file])
            if not progress.new:
                self._only_new()
                continue
            for batch in self._batches(file, table, size):
                yield from records(batch)
            progress.finish(self._bad)

    def plain(self, table: Table) -> Iterator[Any]:
        """Record batches of all files of a table, in order, whatever was read before."""
        for file in self._folder.files.get(table.name, []):
            yield from self._batches(file, table)

    def joined(
        self, tables: tuple[Table, ...], records: Callable[[Part], Iterable[T]], *, whole: bool = False
    ) -> Iterator[T]:
        """What `records` makes of all rows, part by part; nothing where no file is new, unless `whole`.

        It gets the rows of some keys and looks for fresh ones. `whole`: it gets all parts, also those that
        an interrupted run has sent, but without fresh rows.
        """
        files = [file for table in tables for file in self._folder.files.get(table.name, [])]
        progress = Progress(self._stream, files)
        if len(progress.new) < len(progress.files):
            self._only_new()
        if not progress.new and not whole:
            return
        parts = progress.parts or self._parts(progress.files)
        with ExitStack() as stack:
            spills = {table.name: stack.enter_context(closing(Spill(table.key, parts))) for table in tables}
            touched, new = None if whole else self._touched(tables, progress), set(progress.new)
            for table in tables:
                for file in progress.files:
                    if file.table == table.name:
                        fresh = file in new
                        for batch in self._batches(file, table):
                            picked = batch if fresh else _picked(batch, table.key, touched)
                            spills[table.name].add(_marked(picked, fresh))
            for number in range(0 if whole else progress.done, parts):
                part = {name: spill.part(number) for name, spill in spills.items()}
                if number < progress.done:
                    part = {name: _marked(table, False) for name, table in part.items()}
                yield from records(part)
                if progress.new and number >= progress.done:
                    progress.move(parts, number + 1)
        if progress.new:
            progress.finish(self._bad)

    def _touched(self, tables: tuple[Table, ...], progress: Progress) -> Any:
        """Keys of fresh rows, to pick old rows by; None where they are too many, or nothing is old."""
        if len(progress.new) == len(progress.files):
            return None
        keys, count = [pa.array([], pa.string())], 0
        for table in tables:
            for file in progress.new:
                if file.table == table.name:
                    for batch in self._batches(file, table):
                        keys.append(batch.column(table.key))
                        count += batch.num_rows
                        if count > _MOST_TOUCHED:
                            return None
        return pa.chunked_array(keys).unique()

    def _only_new(self) -> None:
        self._stream.line.whole = False
        self._stream.line.limit("only what is new in the files since the last run")

    def _parts(self, files: list[File]) -> int:
        rows = 0
        for file in files:
            try:
                rows += self._folder.rows(file)
            except BadFile:
                continue  # reported when it is read
        return min(rows // _ROWS_PER_PART + 1, _MOST_PARTS)

    def _batches(self, file: File, table: Table, size: int = _BATCH) -> Iterator[Any]:
        try:
            for batch in self._folder.batches(file, {table.key}, set(table.columns), size):
                yield self._normal(file, batch, table)
        except BadFile as error:
            if file.name in self._bad:
                return
            self._bad.add(file.name)
            self._stream.line.skip(str(error))
            self._stream.logger.error("skipped: %s", error)

    def _normal(self, file: File, batch: Any, table: Table) -> Any:
        try:
            return normal(batch, table.columns)
        except (pa.ArrowException, ValueError):
            raise BadFile(f"{file.name}: a column has values of a type that was not expected") from None


def _picked(batch: Any, key: str, touched: Any) -> Any:
    return batch if touched is None else batch.filter(pc.is_in(batch.column(key), value_set=touched))


def _marked(rows: Any, fresh: bool) -> Any:
    """A batch or table with its last column saying whether it is fresh."""
    if rows is None:
        return None
    known = rows.drop_columns([FRESH]) if FRESH in rows.schema.names else rows
    return known.append_column(FRESH, pa.repeat(pa.scalar(fresh), rows.num_rows))


def rows(table: Any) -> Iterator[tuple[Any, ...]]:
    """The rows of a table, as tuples in the order of its columns."""
    return zip(*(column.to_pylist() for column in table.columns), strict=True)
