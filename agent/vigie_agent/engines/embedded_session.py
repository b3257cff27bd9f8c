"""One SQLite connection that holds nothing but our tables, and answers one query at a time."""

from collections.abc import Sequence
from typing import Final

import apsw
import structlog

from vigie_agent.domain.answers import QueryError, Row, Rows
from vigie_agent.domain.table import Table
from vigie_agent.engines.embedded_errors import EXPECTED, origin, query_error
from vigie_agent.engines.embedded_functions import register_functions
from vigie_agent.engines.embedded_scans import QueryRun, TableFailed, TooManyRows
from vigie_agent.engines.embedded_tables import TableModule
from vigie_agent.engines.embedded_types import Instruction, column_types
from vigie_agent.engines.embedded_values import answer_text

_MAX_VALUE_BYTES: Final = 16 * 1024 * 1024
_MAX_ANSWER_CHARACTERS: Final = 32 * 1024 * 1024  # eight times what a message to the server holds
_PROGRESS_STEPS: Final = 2_000  # SQLite instructions between two looks at the clock: under 1 ms

# Reading, and the writing that SQLite itself refuses with a better text: our tables are read-only
# and there are no others ("table users may not be modified").
_ALLOWED: Final = frozenset(
    {
        apsw.SQLITE_SELECT,
        apsw.SQLITE_READ,
        apsw.SQLITE_FUNCTION,
        apsw.SQLITE_RECURSIVE,
        apsw.SQLITE_INSERT,
        apsw.SQLITE_UPDATE,
        apsw.SQLITE_DELETE,
    }
)

log: Final = structlog.get_logger()


class Session:
    """Answers queries about `tables`. Used by one thread at a time; it keeps nothing between."""

    def __init__(self, tables: Sequence[Table], *, max_rows: int) -> None:
        self._max_rows = max_rows
        self._run = QueryRun(seconds=0, max_rows=0)
        self._connection = apsw.Connection(":memory:")
        self._connection.limit(apsw.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
        self._connection.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)
        self._connection.execute("PRAGMA temp_store = memory")
        register_functions(self._connection)
        for table in tables:
            TableModule(table, lambda: self._run).register(self._connection)
        self._connection.authorizer = _authorize

    def answer(self, sql: str, *, seconds: float) -> Rows | QueryError:
        """The rows of `sql`, or why there are none. Never raises on SQL, nor on a table's bug."""
        self._run = QueryRun(seconds=seconds, max_rows=self._max_rows)
        self._connection.set_progress_handler(self._run.out_of_time, _PROGRESS_STEPS)
        try:
            return self._rows(sql)
        except EXPECTED as error:
            if isinstance(error, TableFailed):
                log.warning("table_failed", table=str(error), **origin(error.__cause__))
            return query_error(error)
        finally:
            self._run = QueryRun(seconds=0, max_rows=0)  # lets go of the rows that were read

    def stop(self) -> None:
        """Ends the query under way as if its time were up. May be called from another thread."""
        self._run.stop()

    def close(self) -> None:
        self._connection.close()

    def _rows(self, sql: str) -> Rows:
        declared: list[tuple[tuple[str, str | None], ...]] = []

        def describe(cursor: apsw.Cursor, _sql: str, _bindings: object) -> bool:
            declared.append(cursor.get_description())
            return True

        cursor = self._connection.cursor()
        cursor.exec_trace = describe
        rows: list[Row] = []
        characters = 0
        for values in cursor.execute(sql):
            texts = [answer_text(value) for value in values]
            characters += sum(map(len, texts))
            if len(rows) >= self._max_rows:
                raise TooManyRows
            if characters > _MAX_ANSWER_CHARACTERS:
                raise MemoryError
            names = (name for name, _type in declared[-1])
            rows.append(dict(sorted(zip(names, texts, strict=True))))
        description = declared[0] if declared else ()
        types = [type_ for _name, type_ in description]
        return Rows(
            rows=tuple(rows),
            columns=tuple(name for name, _type in description),
            types=column_types(types, self._program(sql) if _computed(types, declared) else ()),
        )

    def _program(self, sql: str) -> list[Instruction]:
        try:
            return [Instruction.read(line) for line in self._connection.execute(f"EXPLAIN {sql}")]
        except apsw.Error:  # an explanation cannot be explained, or there is no time left
            return []


def _computed(types: Sequence[str | None], statements: Sequence[object]) -> bool:
    """Whether some column of the one statement is no table's own."""
    return None in types and len(statements) == 1


def _authorize(
    operation: int,
    _first: str | None,
    _second: str | None,
    _database: str | None,
    _trigger: str | None,
) -> int:
    return apsw.SQLITE_OK if operation in _ALLOWED else apsw.SQLITE_DENY
