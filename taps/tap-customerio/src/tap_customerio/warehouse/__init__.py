"""Data-warehouse files: what Customer.io writes as Parquet into a bucket, read from a folder or URL.

Needs the extra `[warehouse]`. Names, tables and columns follow the vendor's documentation of its
data-warehouse syncs; both generations of names (`_v4_`, `_v5_`) are read.
"""

from __future__ import annotations

# Kinds of columns.
TEXT, NUMBER, FLAG, MOMENT = "text", "number", "flag", "moment"
