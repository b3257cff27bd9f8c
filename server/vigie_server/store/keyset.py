"""Pages of a query by the place of their last row: no row is counted or passed over."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Select, Table, Text, literal, tuple_

from vigie_server.ports.pages import Page, Position

Item = TypeVar("Item")
Found = TypeVar("Found")


def keyset(
    query: Select[Any],
    columns: Sequence[ColumnElement[Any]],
    *,
    after: Sequence[str | int | ColumnElement[Any]] | None,
    limit: int,
    newest_first: bool = False,
) -> Select[Any]:
    """The query in the order of these columns, from the row after this place: one row too many.

    `after` is a place, or parameters that stand for one. The last column is unique among rows that
    are alike in the others. Instants are microseconds.
    """
    ordered = [column.desc() for column in columns] if newest_first else list(columns)
    query = query.order_by(*ordered).limit(limit + 1)
    if after is None:
        return query
    here = tuple_(*columns)
    place = tuple_(*map(_bound, after))
    return query.where(here < place if newest_first else here > place)


def paged(
    rows: Sequence[Found],
    limit: int,
    place: Callable[[Found], Position],
    item: Callable[[Found], Item],
) -> Page[Item]:
    """The page of such a query's rows."""
    more = len(rows) > limit
    return Page([item(row) for row in rows[:limit]], place(rows[limit - 1]) if more else None)


def walking(query: Select[Any], table: Table, index: str) -> Select[Any]:
    """Has SQLite take this index; without statistics of its own it may guess another.

    PostgreSQL has statistics, and chooses.
    """
    return query.with_hint(table, f"INDEXED BY {index}", "sqlite")


def _bound(value: str | int | ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(value, ColumnElement):
        return value
    return literal(value, BigInteger()) if isinstance(value, int) else literal(value, Text())
