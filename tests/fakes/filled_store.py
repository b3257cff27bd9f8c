"""Rows in every table of a store, made from the tables as its schema has them."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Column, MetaData, Table, UniqueConstraint

from fakes.stored import NOW, PARTITIONS
from vigie_server.store.database import Database
from vigie_server.store.instants import to_store

ROWS: Final = 3
MONTHS: Final = 40
"""The oldest row is as old as this."""
INSTANTS: Final = ("_at", "at", "_after", "since")

Content = Mapping[str, list[dict[str, Any]]]


def tables_of(database: Database) -> list[Table]:
    """The tables as they are, those that others refer to first."""
    found = MetaData()
    with database.reading() as connection:
        found.reflect(connection)
    return [
        table
        for table in found.sorted_tables
        if table.name != "alembic_version" and not table.name.startswith(PARTITIONS)
    ]


def value(table: Table, column: Column[Any], number: int, keys: Mapping[str, list[Any]]) -> object:
    """Something of the column's type, another in each row."""
    for reference in column.foreign_keys:
        return keys[reference.column.table.name][number % ROWS]
    ago = timedelta(days=30 * MONTHS * (ROWS - number) // ROWS)
    of: dict[type, object] = {
        bool: number % 2 == 0,
        float: number + 0.5,
        bytes: bytes([number]) * 16,
        int: to_store(NOW - ago) if column.name.endswith(INSTANTS) else number + 1,
        str: f"{table.name} « {column.name} » {number} 'é",
    }
    return of[column.type.python_type]


def filled(database: Database) -> list[Table]:
    """Puts rows into every table; columns that may be null are so in the last row. The tables."""
    keys: dict[str, list[Any]] = {}
    tables = tables_of(database)
    for table in tables:
        alone = {
            column.name
            for constraint in table.constraints
            if isinstance(constraint, UniqueConstraint)
            for column in constraint.columns
        }
        for number in range(ROWS):
            row = {
                column.name: None
                if column.nullable and number == ROWS - 1 and column.name not in alone
                else value(table, column, number, keys)
                for column in table.columns
                if column.name != "key"
            }
            with database.writing() as connection:
                inserted: Any = connection.execute(table.insert().values(row))
            keys.setdefault(table.name, []).append(inserted.inserted_primary_key[0])
    return tables


def content(database: Database, tables: Iterable[Table] | None = None) -> Content:
    """Rows of every table. `tables` where they are known: to look for them takes a while."""
    found = {}
    for table in tables_of(database) if tables is None else tables:
        with database.reading() as connection:
            rows = [dict(row) for row in connection.execute(table.select()).mappings()]
        found[table.name] = sorted(rows, key=lambda row: [repr(one) for one in row.values()])
    return found


def kept(before: Content, after: Content) -> Content:
    """What the newer store holds of the columns that the older one had."""
    found = {}
    for table, rows in before.items():
        columns = list(rows[0])
        newer = [{name: row[name] for name in columns} for row in after[table]]
        found[table] = sorted(newer, key=lambda row: [repr(one) for one in row.values()])
    return found
