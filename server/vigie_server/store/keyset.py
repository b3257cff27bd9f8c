"""Pages of a query by the place of their last row: no row is counted or passed over."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Select, Table, Text, literal, tuple_

from vigie_server.ports.pages import Page, Position
from vigie_server.store.instants import to_store

Item = TypeVar("Item")
Found = TypeVar("Found")
Ends = tuple[int | None, int | None]
"""A first and a last instant, in microseconds; None: there is no such end."""


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


def ends(
    since: datetime | None, until: datetime | None, after: Position | None, *, newest_first: bool
) -> Ends:
    """The first and the last instant that a page of a list may hold, where they are known.

    One of each: an index is entered by one of them, and gone through from there to the others.
    """
    low = None if since is None else to_store(since)
    high = None if until is None else to_store(until) - 1
    if after is None:
        return low, high
    place = int(after[0])
    if newest_first:
        return low, place if high is None else min(high, place)
    return place if low is None else max(low, place), high


def between(
    at: ColumnElement[Any], low: int | None, high: int | None
) -> Sequence[ColumnElement[bool]]:
    """The conditions on an instant that it is not beyond these ends."""
    bounds = []
    if low is not None:
        bounds.append(literal(low, BigInteger()) <= at)
    if high is not None:
        bounds.append(literal(high, BigInteger()) >= at)
    return bounds


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
