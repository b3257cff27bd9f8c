"""A `Table` as a SQLite virtual table: conditions go down to it, its rows come up.

The plan of a scan travels from SQLite's planner to its execution as text, because SQLite keeps
nothing else: which conditions arrive in which order, which columns are read. Whether the columns
that the table requires are constrained travels as a number. SQLite checks every condition again
on the rows (as under osquery), so a table that ignores a condition is slow, never wrong.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, cast

import apsw

from vigie_agent.domain.table import (
    Column,
    ColumnType,
    Constraint,
    Operator,
    Request,
    Table,
    TableError,
)
from vigie_agent.engines.embedded_scans import Cells, QueryRun, Scan
from vigie_agent.engines.embedded_values import SqlValue, decimal, is_integer

_ORDER_OPERATORS: Final = frozenset(
    {
        Operator.GREATER_THAN,
        Operator.GREATER_THAN_OR_EQUALS,
        Operator.LESS_THAN,
        Operator.LESS_THAN_OR_EQUALS,
    }
)
# The conditions osquery hands to its tables beyond the ones they understand: `path != ''` makes
# `file` answer nothing instead of refusing.
_OTHER_OPERATORS: Final = frozenset(
    {
        apsw.SQLITE_INDEX_CONSTRAINT_NE,
        apsw.SQLITE_INDEX_CONSTRAINT_IS,
        apsw.SQLITE_INDEX_CONSTRAINT_ISNOT,
        apsw.SQLITE_INDEX_CONSTRAINT_ISNULL,
        apsw.SQLITE_INDEX_CONSTRAINT_ISNOTNULL,
    }
)
_OPERATORS: Final = frozenset(Operator) | _OTHER_OPERATORS

_UNUSED_CONSTRAINT_COST: Final = 10.0
_NARROWED_LATER_COST: Final = 1_000.0  # a table that another one could narrow comes second
_NO_INDEX_COST: Final = 200.0
_NOT_ANSWERABLE_COST: Final = 1e10
_LAST_COLUMN_BIT: Final = 63  # SQLite's mask of used columns: this bit stands for all the rest


class RequiredColumn(TableError):
    """The query does not say what this table needs to know."""

    def __init__(self, table: str) -> None:
        super().__init__(f"Table {table} was queried without a required column in the WHERE clause")


class _Plan(NamedTuple):
    """What a scan is given: (column, operator) in order of arrival, and the columns it reads."""

    conditions: tuple[tuple[int, int], ...]
    used: tuple[int, ...]

    def encoded(self) -> str:
        return json.dumps(self, separators=(",", ":"))


@lru_cache(maxsize=256)
def _decoded(text: str) -> _Plan:
    conditions, used = json.loads(text)
    return _Plan(tuple((column, operator) for column, operator in conditions), tuple(used))


def declaration(columns: Sequence[Column]) -> str:
    """The `CREATE TABLE` that SQLite is told: as osquery declares it, keys and all.

    The columns that narrow a table are its key, and with a key there is no `rowid`. A table that
    is narrowed by `additional` columns only has all of its columns for a key.
    """
    parts = [
        f"`{column.name}` {column.type}{' HIDDEN' if column.hidden else ''}" for column in columns
    ]
    all_are_keys = any(column.additional for column in columns) and not any(
        column.index for column in columns
    )
    keys = [
        f"`{column.name}`"
        for column in columns
        if column.index or column.additional or all_are_keys
    ]
    if not keys:
        return f"CREATE TABLE x({', '.join(parts)})"
    return f"CREATE TABLE x({', '.join(parts)}, PRIMARY KEY ({', '.join(keys)})) WITHOUT ROWID"


class TableModule:
    """Hosts one table in a connection. `current` gives the query that is being answered."""

    def __init__(self, table: Table, current: Callable[[], QueryRun]) -> None:
        self._table, self._current = table, current

    def Connect(  # noqa: N802 (apsw names the methods of a virtual table)
        self, _connection: apsw.Connection, _module: str, _database: str, _name: str, *_: object
    ) -> "tuple[str, HostedTable]":
        return declaration(self._table.columns), HostedTable(self._table, self._current)

    Create = Connect

    def register(self, connection: apsw.Connection) -> None:
        """Makes the table known to `connection`, read-only, under its name and its aliases."""
        module = cast("apsw.VTModule", self)  # its protocol lists methods that are optional
        for name in (self._table.name, *self._table.aliases):
            connection.create_module(
                name, module, use_bestindex_object=True, eponymous_only=True, read_only=True
            )


class HostedTable:
    """The planner's view of a table."""

    def __init__(self, table: Table, current: Callable[[], QueryRun]) -> None:
        self.table, self.current = table, current

    def BestIndexObject(self, info: apsw.IndexInfo) -> bool:  # noqa: N802 (apsw)
        """Takes every usable condition on a column that narrows the table, and says the cost."""
        columns = self.table.columns
        conditions: list[tuple[int, int]] = []
        cost, satisfied = 1.0, not any(column.required for column in columns)
        for index in range(info.nConstraint):
            position = info.get_aConstraint_iColumn(index)
            operator = info.get_aConstraint_op(index)
            if not (0 <= position < len(columns) and _taken(columns[position], operator)):
                cost += _UNUSED_CONSTRAINT_COST
                continue
            if not info.get_aConstraint_usable(index):
                cost += _NARROWED_LATER_COST
                continue
            conditions.append((position, operator))
            info.set_aConstraintUsage_argvIndex(index, len(conditions))
            satisfied = satisfied or columns[position].required
        if not satisfied:
            cost += _NOT_ANSWERABLE_COST
        if not conditions:
            cost += _NO_INDEX_COST
        info.idxNum = int(satisfied)
        info.idxStr = _Plan(tuple(conditions), _used(info.colUsed, len(columns))).encoded()
        info.estimatedCost = cost
        return True

    def Open(self) -> "Cursor":  # noqa: N802 (apsw)
        return Cursor(self)

    def Disconnect(self) -> None:  # noqa: N802 (apsw)
        """Nothing is held."""

    Destroy = Disconnect


class Cursor:
    """One pass over a table's rows."""

    def __init__(self, hosted: HostedTable) -> None:
        self._hosted = hosted
        self._scan: Scan | None = None
        self._index = 0
        self._row: Cells | None = None

    def Filter(self, satisfied: int, plan: str, values: tuple[SqlValue, ...]) -> None:  # noqa: N802 (apsw)
        """Starts the pass; raises RequiredColumn if the table cannot be asked like this."""
        table = self._hosted.table
        if not satisfied:
            raise RequiredColumn(table.name)
        run = self._hosted.current()
        self._scan = run.scan(table, _request(table, _decoded(plan), values, run))
        self._index = 0
        self._row = self._scan.row(0)

    def Eof(self) -> bool:  # noqa: N802 (apsw)
        return self._row is None

    def Column(self, position: int) -> SqlValue:  # noqa: N802 (apsw)
        if position < 0:
            return self._index
        return None if self._row is None else self._row[position]

    def Next(self) -> None:  # noqa: N802 (apsw)
        self._index += 1
        self._row = None if self._scan is None else self._scan.row(self._index)

    def Rowid(self) -> int:  # noqa: N802 (apsw)
        return self._index

    def Close(self) -> None:  # noqa: N802 (apsw)
        self._scan = self._row = None


def _taken(column: Column, operator: int) -> bool:
    """Whether a condition is handed to the table.

    Only where it narrows: anything else would make `IN` read the table once for each value.
    """
    if operator not in _OPERATORS or not (column.required or column.index or column.additional):
        return False
    return not (column.type is ColumnType.TEXT and operator in _ORDER_OPERATORS)


def _used(mask: set[int], count: int) -> tuple[int, ...]:
    used = {position for position in mask if position < count}
    if _LAST_COLUMN_BIT in mask:
        used.update(range(_LAST_COLUMN_BIT, count))
    return tuple(sorted(used))


def _request(table: Table, plan: _Plan, values: tuple[SqlValue, ...], run: QueryRun) -> Request:
    constraints: dict[str, tuple[Constraint, ...]] = {}
    for (position, operator), value in zip(plan.conditions, values, strict=True):
        column = table.columns[position]
        expression = "" if value is None else str(value)
        if operator == Operator.EQUALS and is_integer(column.type):
            expression = decimal(expression)
        if expression:
            known = constraints.get(column.name, ())
            constraints[column.name] = (*known, Constraint(operator, expression))
    return Request(
        constraints=constraints,
        columns_used=frozenset(table.columns[position].name for position in plan.used),
        check_time=run.check_time,
    )
