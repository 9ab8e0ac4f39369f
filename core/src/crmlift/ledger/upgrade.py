"""The ledger of an earlier release: it keeps all that it knows, and gets what has been added since."""

from __future__ import annotations

from sqlalchemy import Engine, inspect, text
from sqlalchemy.schema import CreateColumn

from crmlift.ledger import tables


def upgrade(engine: Engine) -> None:
    """Create the tables, columns and indexes that are not there yet.

    A column that is added later must be one that may be empty: nobody can say what it would have held.
    """
    there = inspect(engine)
    old = [table for table in tables.metadata.sorted_tables if there.has_table(table.name)]
    known = {table.name: {column["name"] for column in there.get_columns(table.name)} for table in old}
    added = [
        (table, column) for table in old for column in table.columns if column.name not in known[table.name]
    ]
    tables.metadata.create_all(engine)
    with engine.begin() as db:
        for table, column in added:
            wanted = CreateColumn(column).compile(dialect=engine.dialect)
            db.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {wanted}"))
        for table in old:
            for index in table.indexes:
                index.create(db, checkfirst=True)
