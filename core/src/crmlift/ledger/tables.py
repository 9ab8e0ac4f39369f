"""The tables of the ledger. Times are UTC; JSON columns hold canonical values."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

# SQLite makes a rowid of INTEGER only.
_Id = BigInteger().with_variant(Integer, "sqlite")

scopes = Table(
    "scopes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("destination", String, nullable=False),
    Column("workspace", String, nullable=False),
    comment="A destination and a workspace; every other table hangs on one.",
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("scope", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("mapping_digest", String, nullable=False),
    Column("started_at", String, nullable=False),
    Column("finished_at", String),
    Column("counts", Text, nullable=False, default="{}"),
)

records = Table(
    "records",
    metadata,
    Column("scope", Integer, primary_key=True),
    Column("entity", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("key", String, nullable=False),
    Column("crm_id", String),
    Column("origin", String, nullable=False),
    Column("run", Integer, nullable=False),
    Column("shape", Integer),
    Column("digest", LargeBinary),
    Column("kept", Text),
    Column("gone", String),
    comment="Who wrote which row: `source` is the key itself for the record that owns the row.",
    sqlite_with_rowid=False,
)
# Owners are found by their primary key; only the few rows that share a record need this.
_shared = records.c.source != records.c.key
Index(
    "records_sharing_a_key",
    records.c.scope,
    records.c.entity,
    records.c.key,
    sqlite_where=_shared,
    postgresql_where=_shared,
)

streams = Table(
    "streams",
    metadata,
    Column("scope", Integer, primary_key=True),
    Column("stream", String, primary_key=True),
    Column("key_properties", Text, nullable=False),
)

shapes = Table(
    "shapes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("names", Text, nullable=False, unique=True),
    comment="The field names behind a digest, as a sorted JSON list.",
)

journal = Table(
    "journal",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("scope", Integer, nullable=False, index=True),
    Column("run", Integer, nullable=False, index=True),
    Column("action", String, nullable=False),
    Column("entity", String, nullable=False),
    Column("key", String, nullable=False),
    Column("crm_id", String, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", LargeBinary),
    Column("shape", Integer),
    Column("source", String),
    Column("was_shape", Integer),
    Column("was_digest", LargeBinary),
    Column("was_origin", String),
    Column("was_run", Integer),
    comment="What was there before each change, in the CRM and in `records`; written before it is sent.",
)

batches = Table(
    "batches",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("scope", Integer, nullable=False, index=True),
    Column("run", Integer, nullable=False),
    Column("entity", String, nullable=False),
    Column("sent_keys", Text, nullable=False),
    Column("sent_at", Float, nullable=False),
    comment="Creates on their way; a row that is left over names keys whose fate is unknown.",
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("scope", Integer, primary_key=True),
    Column("stream", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("entity", String, primary_key=True),
    Column("run", Integer, nullable=False),
    Column("fate", String, nullable=False),
    Column("code", String, nullable=False),
    Column("field", String),
    Column("detail", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("turn", BigInteger),
    comment="Records that were rejected or held, whole, so that they can be tried again, in their turn.",
)
Index("dead_letters_in_turn", dead_letters.c.scope, dead_letters.c.code, dead_letters.c.turn)

parked = Table(
    "parked",
    metadata,
    Column("scope", Integer, primary_key=True),
    Column("entity", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("stream", String, primary_key=True),
    Column("run", Integer, nullable=False),
    Column("waits_entity", String, nullable=False),
    Column("waits_key", String, nullable=False),
    Column("record", Text, nullable=False),
    comment="Records whose row, or one link of it, waits for a row that has not arrived.",
)

candidates = Table(
    "candidates",
    metadata,
    Column("scope", Integer, primary_key=True),
    Column("entity", String, primary_key=True),
    Column("field", String, primary_key=True),
    Column("value", String, primary_key=True),
    Column("crm_id", String, primary_key=True),
    comment="Existing CRM records by the values that adoption matches on.",
)

claims = Table(
    "claims",
    metadata,
    Column("scope", Integer, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("value", String, primary_key=True),
    Column("key", String, nullable=False),
    comment="What hooks remember: who was first to claim a value, or a text per value.",
)
