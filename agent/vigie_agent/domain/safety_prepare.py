"""What SQLite itself makes of a statement, without running it.

The statement is prepared in an empty in-memory database in which nothing exists but stand-ins for
the allowed tables, under an authorizer that refuses everything but reading them and calling
harmless functions. The stand-ins are virtual tables: SQLite tells them each condition it would hand
to the real table, with its value where that is a constant, after views, CTEs, aliases, comments,
quoting, subqueries and push-down have been resolved. That is what the verdict is made of, so
there is no second reading of SQL that could differ from SQLite's. No row is ever produced.

apsw is used here as a parser: the database is in memory, holds nothing, and nothing is executed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import apsw

_UNSAFE_BUILTINS: Final = frozenset(
    {
        # they run code, show the build, or take as much memory as they are asked to
        "load_extension",
        "fts3_tokenizer",
        "format",
        "printf",
        "randomblob",
        "zeroblob",
        # they make an idle answer change
        "random",
        "changes",
        "total_changes",
        "last_insert_rowid",
    }
)
_UNSAFE_FAMILIES: Final = ("sqlite_", "fts", "rtree", "geopoly_", "jsonb")
_FUNCTIONS_OF_OSQUERY: Final = (
    "community_id_v1",
    "conditional_to_base64",
    "concat",
    "concat_ws",
    "from_base64",
    "inet_aton",
    "md5",
    "regex_match",
    "regex_split",
    "sha1",
    "sha256",
    "split",
    "to_base64",
)
_TABLE_FUNCTIONS: Final = frozenset({"json_each", "json_tree"})
_EXPRESSION_DEPTH: Final = 200
_COMPOUND_TERMS: Final = 100


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that SQLite knows of, by its number in the scan.

    `value` is None where it is no constant text. What is not `usable` in this scan may be so in
    another one.
    """

    number: int
    column: str
    operator: int
    value: str | None
    usable: bool
    one_of: bool


@dataclass(frozen=True, slots=True)
class Scan:
    """One way in which SQLite considers reading a table."""

    table: str
    conditions: tuple[Condition, ...]
    columns_read: frozenset[str]

    def on(self, column: str) -> tuple[Condition, ...]:
        """The conditions on `column`."""
        return tuple(each for each in self.conditions if each.column == column)


@dataclass(frozen=True, slots=True)
class StandIn:
    """A table to declare: its columns in order, with whether `SELECT *` shows each."""

    name: str
    columns: tuple[tuple[str, bool], ...]


Judge = Callable[[Scan], tuple[Condition, ...] | None]
"""Says on which usable conditions a scan may rely; None when it may not be chosen.

SQLite chooses a scan only where the conditions it relies on truly hold for its rows: so one in the
ON of a LEFT JOIN, which does not hold for the rows of its left table, does not count there.
"""


class CannotPrepare(Exception):
    """SQLite refuses the statement, or the authorizer does; the text says why."""


def prepare(
    sql: str, tables: Iterable[StandIn], judge: Judge
) -> tuple[frozenset[str], tuple[Scan, ...]]:
    """The names of the tables that `sql` reads, and every scan that was considered.

    When `judge` leaves no way to read a table, CannotPrepare is raised.
    """
    connection = apsw.Connection(":memory:")
    try:
        preparation = _Preparation(connection, tuple(tables), judge)
        return preparation.of(sql)
    finally:
        connection.close(force=True)


class _Preparation:
    def __init__(
        self,
        connection: apsw.Connection,
        tables: tuple[StandIn, ...],
        judge: Judge,
    ) -> None:
        self._connection = connection
        self._judge = judge
        self._declared = {table.name.lower(): table for table in tables}
        self._read: set[str] = set()
        self._scans: list[Scan] = []
        self._denied = ""
        self._builtins = _builtins(connection)
        self._modules = _modules(connection)
        for name in _FUNCTIONS_OF_OSQUERY:
            connection.create_scalar_function(name, _never_called, deterministic=True)
        connection.create_module("stand_in", self, use_bestindex_object=True)  # type: ignore[arg-type]  # the stubs ask for all that a writable table has
        for table in tables:
            connection.execute(f'CREATE VIRTUAL TABLE "{table.name}" USING stand_in')
        connection.limit(apsw.SQLITE_LIMIT_EXPR_DEPTH, _EXPRESSION_DEPTH)
        connection.limit(apsw.SQLITE_LIMIT_COMPOUND_SELECT, _COMPOUND_TERMS)
        connection.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)
        connection.authorizer = self._authorize

    def of(self, sql: str) -> tuple[frozenset[str], tuple[Scan, ...]]:
        cursor = self._connection.cursor()
        prepared: list[bool] = []

        def stop(cursor: apsw.Cursor, _sql: str, _bindings: object) -> bool:
            prepared.append(cursor.is_readonly and not cursor.is_explain and cursor.has_vdbe)
            return False  # it is prepared; it must not run

        cursor.exec_trace = stop
        try:
            cursor.execute(sql, can_cache=False)
        except apsw.ExecTraceAbort:
            pass
        except apsw.BindingsError as error:
            raise CannotPrepare("it has parameters: write the values in it") from error
        except apsw.Error as error:
            raise CannotPrepare(self._denied or str(error).removeprefix("SQLError: ")) from error
        if prepared != [True]:
            raise CannotPrepare("it is not a SELECT")
        return frozenset(self._read), tuple(self._scans)

    # --- the authorizer -------------------------------------------------------------------------

    def _authorize(
        self,
        action: int,
        first: str | None,
        second: str | None,
        _database: str | None,
        _view: str | None,
    ) -> int:
        if self._allows(action, (first or "").lower(), (second or "").lower()):
            return apsw.SQLITE_OK
        return apsw.SQLITE_DENY

    def _allows(self, action: int, first: str, second: str) -> bool:
        match action:
            case apsw.SQLITE_SELECT | apsw.SQLITE_RECURSIVE:
                return True
            case apsw.SQLITE_READ:
                allowed = self._may_be_read(first, second)
                refusal = f"{first or 'that'} is not a table that this agent reads"
            case apsw.SQLITE_FUNCTION:
                allowed = second in self._builtins or second in _FUNCTIONS_OF_OSQUERY
                refusal = f"the function {second} is not one that this agent calls"
            case _:
                allowed = False
                name = str(apsw.mapping_authorizer_function.get(action, "SQLITE_THIS"))
                refusal = f"{name.removeprefix('SQLITE_')} is not reading"
        if not allowed:
            self._denied = refusal
        return allowed

    def _may_be_read(self, table: str, column: str) -> bool:
        if table in self._declared:
            self._read.add(table)
            return True
        # In an empty database, what is neither ours nor SQLite's is a CTE, named without a column.
        return table in _TABLE_FUNCTIONS or (not column and not self._is_of_sqlite(table))

    def _is_of_sqlite(self, name: str) -> bool:
        return name.startswith(("sqlite_", "pragma_")) or name in self._modules

    # --- the stand-ins, as apsw wants them ------------------------------------------------------

    def Create(  # noqa: N802 (apsw names the method)
        self, _connection: apsw.Connection, _module: str, _database: str, name: str, *_: Any
    ) -> tuple[str, "_StandInTable"]:
        table = self._declared[name.lower()]
        columns = ", ".join(
            f'"{column}" TEXT{"" if shown else " HIDDEN"}' for column, shown in table.columns
        )
        return f"CREATE TABLE x({columns})", _StandInTable(table, self._consider)

    Connect = Create

    def _consider(self, scan: Scan) -> tuple[Condition, ...] | None:
        self._scans.append(scan)
        return self._judge(scan)


class _StandInTable:
    """A table that hears what it would be asked and never gives a row."""

    def __init__(self, table: StandIn, consider: Judge) -> None:
        self._name = table.name
        self._columns = tuple(name for name, _ in table.columns)
        self._consider = consider

    def BestIndexObject(self, index: apsw.IndexInfo) -> bool:  # noqa: N802 (apsw names it)
        conditions = tuple(
            Condition(
                position,
                self._columns[column],
                operator,
                value if isinstance(value, str) else None,
                usable=index.get_aConstraint_usable(position),
                one_of=index.get_aConstraintUsage_in(position),
            )
            for position in range(index.nConstraint)
            if (operator := index.get_aConstraint_op(position)) not in _NOT_ON_A_COLUMN
            and (column := index.get_aConstraint_iColumn(position)) >= 0
            for value in (index.get_aConstraint_rhs(position),)
        )
        read = frozenset(
            self._columns[column] for column in index.colUsed if column < len(self._columns)
        )
        relied_on = self._consider(Scan(self._name, conditions, read))
        for argument, condition in enumerate(relied_on or (), start=1):
            index.set_aConstraintUsage_argvIndex(condition.number, argument)
        return relied_on is not None

    def Disconnect(self) -> None:  # noqa: N802 (apsw names the method)
        """Nothing to let go of."""

    Destroy = Disconnect


_NOT_ON_A_COLUMN: Final = frozenset(
    {apsw.SQLITE_INDEX_CONSTRAINT_LIMIT, apsw.SQLITE_INDEX_CONSTRAINT_OFFSET}
)


def _builtins(connection: apsw.Connection) -> frozenset[str]:
    names = {name.lower() for name in _names(connection, "pragma_function_list")}
    return frozenset(
        name for name in names - _UNSAFE_BUILTINS if not name.startswith(_UNSAFE_FAMILIES)
    )


def _modules(connection: apsw.Connection) -> frozenset[str]:
    return frozenset(name.lower() for name in _names(connection, "pragma_module_list"))


def _names(connection: apsw.Connection, source: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(f"SELECT name FROM {source}")]  # noqa: S608 (ours)


def _never_called(*_: object) -> None:
    """Stands for a function of osquery; a statement is only prepared."""
