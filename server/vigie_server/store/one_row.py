"""The rows of a page, in one row.

Between two rows SQLite's driver lets every other thread go first. With many readers a page of a
hundred then changes threads two hundred times, which costs more than the page: so SQLite is asked
for all rows as one, in JSON. PostgreSQL's driver has them all at once anyway.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, select

Plain = Sequence[Any]
"""A row whose values no type of ours has read: instants are numbers, booleans may be."""


def rows_of(connection: Connection, query: Select[Any]) -> Sequence[Plain]:
    """The rows of a query, in its order."""
    if connection.dialect.name != "sqlite":
        return connection.execute(query).all()
    rows = query.subquery()
    together = select(func.json_group_array(func.json_array(*rows.c)))
    return read(connection.execute(together).scalar_one())


def read(together: str) -> Sequence[Plain]:
    """The rows of an array of arrays."""
    found: list[list[Any]] = json.loads(together)
    return found
