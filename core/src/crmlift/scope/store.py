"""Gather facts about records in DuckDB: chunk by chunk, in the same memory however many there are.

Records wait in a file per stream; a full file is one chunk. Each chunk leaves only counts and sketches
behind. The database lies in a folder of its own that only its owner can read, and goes with the store.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, Any

import duckdb
import orjson

from crmlift.errors import ConfigError
from crmlift.scope.streams import GONE, READINGS, TABLES, Reading, statements

CHUNK_RECORDS = 25_000
CHUNK_BYTES = 8_000_000
VECTOR_RECORDS, VECTOR_BYTES = 2048, 3_000_000
"""DuckDB works on so many records at once, and each of its JSON functions takes several times their bytes."""
LONGEST_RECORD = 1_000_000
"""Bytes; DuckDB sets several times as much aside. A longer one is counted, but not looked into."""
SKETCH_SIZE = 1024
"""Distinct values kept per attribute: the ones with the smallest hashes, so a fair sample of all.

A value that survives was counted from its first occurrence on; the largest hash kept says how many
distinct values there are (K minimum values, Bar-Yossef and others, 2002).
"""
SKETCH_ROWS = 500_000
MOST_ATTRIBUTES = 5_000
_VALUE_CHARACTERS = 200
# Whole names only: 2024_plan is no id. DuckDB leaves quotes out where a name begins with a letter.
_HEX = r"[0-9a-fA-F]{8}-?[0-9a-fA-F-]{12,}"
_IDS_IN_NAMES = rf'\."[^"]*@[^"]*"|\."[0-9]{{3,}}"|\."{_HEX}"|\.{_HEX}\b'

# `json_tree` over a whole record copies the record once per value in it, so only what is nested is walked.
_TOPS = """
create or replace temp table tops as
select rid, grp, '$."' || replace(e.key, '"', '\\"') || '"' as top, e.value as value,
       coalesce(json_type(e.value), 'NULL') as kind
from (select rid, grp, unnest(map_entries(from_json(bag, '"MAP(VARCHAR, JSON)"'))) as e from bags)
"""
_NODES = """
(
  select rid, grp, fullkey, kind, case
      when kind not in ('OBJECT', 'ARRAY') then value::varchar
      when value::varchar in ('{}', '[]') then '' else 'filled'
    end as atom
  from (
    select rid, grp, top as fullkey, kind, value from tops
    union all
    select rid, grp, top || substr(w.fullkey, 2), w.type, w.value
    from (select * exclude kind from tops where kind in ('OBJECT', 'ARRAY')) t, json_tree(t.value) w
    where w.fullkey <> '$'
  )
)
"""
# Many records share few cells, so all that follows works on cells: path, type, value and how often.
_CELLS = f"""
create or replace temp table cells as
select grp, fullkey, kind, count(*) as n, atom from {_NODES} group by all
"""
# Names of arrays' elements and keys that look like ids (or addresses: personal data) become one.
_PATHS = f"""
create or replace temp table paths as
select grp, fullkey, name, hash(?, grp, name) as a, contains(name, '[]') or contains(name, '*') as many
from (
  select grp, fullkey, ltrim(regexp_replace(regexp_replace(regexp_replace(
    substr(fullkey, 2), '\\[[0-9]+\\]', '[]', 'g'), '{_IDS_IN_NAMES}', '.*', 'g'), '"([^".]*)"', '\\1', 'g'
  ), '.') as name
  from (select distinct grp, fullkey from cells)
)
"""
_KNOW = """
insert into attributes
select a, ?, any_value(grp), any_value(name) from paths
where a not in (select a from attributes) group by a order by a limit ?
"""
_LEFT_OUT = "select count(distinct a) from paths where a not in (select a from attributes)"
_TYPED = """
create or replace temp table typed as
select a, fullkey, many, n, case
    when kind = 'VARCHAR' then 'string' when kind = 'NULL' then 'null' when kind = 'BOOLEAN' then 'boolean'
    when kind in ('OBJECT', 'ARRAY') then lower(kind) when kind = 'DOUBLE' then 'number' else 'integer'
  end as kind,
  case when kind = 'VARCHAR' then json_extract_string(atom, '$') when kind <> 'NULL' then atom end as val
from cells join paths using (grp, fullkey) semi join attributes using (a)
"""
_COUNT = """
insert into counts
select a, kind, sum(n), sum(n) filter (val is null or trim(val) = ''),
       coalesce(max(length(val)) filter (kind not in ('object', 'array')), 0)
from typed group by a, kind
"""
# An element of an array may be there several times in one record, so these are walked once more.
_ONLY_MANY = """
delete from tops where (grp, top) not in (
  select grp, regexp_extract(fullkey, '^[$][.]"([^"\\\\]|\\\\.)*"') from paths where many
)
"""
_WITHIN = f"""
insert into within
select a, count(distinct rid) from {_NODES} join paths using (grp, fullkey)
where many and kind <> 'NULL' and atom is distinct from '""'
group by a
"""
_SKETCH = """
insert into sketch
select typed.a, hash(kind, val), left(any_value(val), ?), sum(n)
from typed left join limits using (a)
where val is not null and kind not in ('object', 'array') and trim(val) <> ''
  and hash(kind, val) <= coalesce(limits.h, 18446744073709551615)
group by typed.a, hash(kind, val)
"""
# The largest hash that an attribute's sketch keeps; none while there is room for all.
_LIMITS = f"""
create or replace temp table limits as
select a, list_max(smallest) as h from (
  select a, min(h, {SKETCH_SIZE}) as smallest from (select distinct a, h from sketch) group by a
) where len(smallest) = {SKETCH_SIZE}
"""
_COMPACT = """
create or replace table kept as
select sketch.a, sketch.h, any_value(val) as val, sum(n)::ubigint as n from sketch left join limits using (a)
where sketch.h <= coalesce(limits.h, 18446744073709551615) group by sketch.a, sketch.h
"""


class Store:
    """Takes records of any stream; `memory_mb` bounds DuckDB, `seen` names last-seen attributes."""

    def __init__(self, *, memory_mb: int, seen: tuple[str, ...] = ()) -> None:
        # Goes with the process at the latest: what waits in it is personal data.
        self._temporary = tempfile.TemporaryDirectory(prefix="crmlift-scope-", ignore_cleanup_errors=True)
        self._folder = Path(self._temporary.name)
        self._seen = seen
        self._waiting: dict[str, _Spool] = {}
        self._most_rows = SKETCH_ROWS
        self.attributes_left_out = 0
        self.sql = duckdb.connect(
            self._folder / "scope.duckdb",
            config={
                "memory_limit": f"{memory_mb}MB",
                "threads": 2,
                "preserve_insertion_order": False,
                "temp_directory": str(self._folder / "spill"),
                "autoinstall_known_extensions": False,
            },
        )
        self.sql.execute(TABLES)
        self.sql.execute(_LIMITS)

    def add(self, stream: str, record: dict[str, Any]) -> None:
        """Take one record."""
        spool = self._waiting.get(stream)
        if spool is None:
            spool = self._waiting[stream] = _Spool(self._folder / f"{len(self._waiting)}.jsonl")
        spool.add(record)
        if spool.full:
            self._take_in(stream, spool)

    def finish(self) -> None:
        """Take in what still waits."""
        for stream, spool in self._waiting.items():
            self._take_in(stream, spool)
        self._compact()

    def close(self) -> None:
        """Remove everything."""
        self.sql.close()
        for spool in self._waiting.values():
            spool.close()
        self._temporary.cleanup()

    def _take_in(self, stream: str, spool: _Spool) -> None:
        try:
            self._gather(stream, spool)
        except duckdb.OutOfMemoryException:
            raise ConfigError(
                f"The memory does not suffice for the stream '{stream}'.",
                hint="Give the loader more: double its setting 'memory_mb'.",
            ) from None

    def _gather(self, stream: str, spool: _Spool) -> None:
        reading = READINGS.get(stream, Reading())
        spool.flush()
        self.sql.execute(
            "create or replace temp table chunk as select json as j from "
            "read_json_objects(?, format='newline_delimited', maximum_object_size=?)",
            [str(spool.path), LONGEST_RECORD],
        )
        spool.empty()
        self.sql.execute(
            f"insert into records select ?, count(*), count(*) filter ({GONE}) from chunk", [stream]
        )
        for statement in statements(reading, self._seen):
            self.sql.execute(statement)
        if reading.bag is not None:
            self._profile(stream, reading.bag, reading.group)
        for table in ("chunk", "bags", "tops", "cells", "paths", "typed"):
            self.sql.execute(f"drop table if exists {table}")

    def _profile(self, stream: str, bag: str, group: str) -> None:
        self.sql.execute(
            f"create or replace temp table bags as select * from "
            f"(select row_number() over () as rid, {bag} as bag, {group} as grp from chunk) "
            f"where bag is not null and grp is not null"
        )
        self.sql.execute("insert into totals select ?, grp, count(*) from bags group by grp", [stream])
        self.sql.execute(_TOPS)
        self.sql.execute(_CELLS)
        self.sql.execute(_PATHS, [stream])
        (known,) = self._row("select count(*) from attributes")
        self.sql.execute(_KNOW, [stream, max(0, MOST_ATTRIBUTES - known)])
        (left_out,) = self._row(_LEFT_OUT)
        self.attributes_left_out = max(self.attributes_left_out, left_out)
        for statement in (_TYPED, _COUNT):
            self.sql.execute(statement)
        (many,) = self._row("select count(*) from paths where many")
        if many:
            self.sql.execute(_ONLY_MANY)
            self.sql.execute(_WITHIN)
        self.sql.execute(_SKETCH, [_VALUE_CHARACTERS])
        (rows,) = self._row("select count(*) from sketch")
        if rows > self._most_rows:
            self._compact()
            (rows,) = self._row("select count(*) from sketch")
            self._most_rows = max(SKETCH_ROWS, 2 * rows)

    def _compact(self) -> None:
        self.sql.execute(_LIMITS)
        self.sql.execute(_COMPACT)
        self.sql.execute("drop table sketch")
        self.sql.execute("alter table kept rename to sketch")

    def _row(self, query: str) -> tuple[Any, ...]:
        row = self.sql.execute(query).fetchone()
        assert row is not None
        return row


class _Spool:
    """Records of a stream that wait in a file for the next chunk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] = path.open("wb")
        self._records = self._bytes = 0

    @property
    def full(self) -> bool:
        wide = self._records <= VECTOR_RECORDS and self._bytes >= VECTOR_BYTES
        return wide or self._records >= CHUNK_RECORDS or self._bytes >= CHUNK_BYTES

    def add(self, record: dict[str, Any]) -> None:
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE, default=str)
        self._bytes += self._file.write(line if len(line) <= LONGEST_RECORD else b"{}\n")
        self._records += 1

    def flush(self) -> None:
        self._file.flush()

    def empty(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._records = self._bytes = 0

    def close(self) -> None:
        self._file.close()
