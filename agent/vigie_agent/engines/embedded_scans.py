"""One query's reading of tables: within its time, within its rows, each scan made once."""

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from vigie_agent.domain.table import Request, Table, TableError, TableRow
from vigie_agent.engines.embedded_values import SqlValue, cell

_T = TypeVar("_T")

Cells = tuple[SqlValue, ...]


class OutOfTime(Exception):
    """The query's time budget is spent."""


class TooManyRows(Exception):
    """The query reads, or gives, more rows than one query may."""


class TableFailed(Exception):
    """A table raised what it should not have: a bug in it, named by the table."""


class Scan:
    """A table's rows for one request, drawn as they are needed and kept for the next reader.

    A join reads its inner table once for each outer row; the table itself is asked only once for
    each distinct request, and a query sees one state of it.
    """

    def __init__(self, table: Table, request: Request, took_row: Callable[[], None]) -> None:
        self._table, self._took_row = table, took_row
        self._check_time = request.check_time
        used = request.columns_used
        self._columns: Final = [
            (column.name, column.type) if used is None or column.name in used else None
            for column in table.columns
        ]
        self._rows: list[Cells] = []
        self._source: Iterator[TableRow] | None = self._guarded(
            lambda: iter(table.generate(request))
        )

    def row(self, index: int) -> Cells | None:
        """The row at `index`, or None past the end; unused columns are NULL."""
        while index >= len(self._rows):
            if not self._draw():
                return None
        return self._rows[index]

    def _draw(self) -> bool:
        source = self._source
        if source is None:
            return False
        self._check_time()
        row = self._guarded(lambda: next(source, None))
        if row is None:
            self._source = None
            return False
        self._took_row()
        self._rows.append(
            self._guarded(
                lambda: tuple(
                    None if column is None else cell(row.get(column[0]), column[1])
                    for column in self._columns
                )
            )
        )
        return True

    def _guarded(self, action: Callable[[], _T]) -> _T:
        try:
            return action()
        except (TableError, OutOfTime):
            raise
        except Exception as error:
            raise TableFailed(self._table.name) from error


class QueryRun:
    """What one query may spend, and the scans it has made."""

    def __init__(self, *, seconds: float, max_rows: int) -> None:
        self._deadline = time.monotonic() + seconds
        self._rows_left = max_rows
        self._scans: dict[object, Scan] = {}

    def out_of_time(self) -> bool:
        """Whether the time budget is spent. For SQLite's progress handler."""
        return time.monotonic() >= self._deadline

    def check_time(self) -> None:
        """Raises OutOfTime once the time budget is spent."""
        if self.out_of_time():
            raise OutOfTime

    def stop(self) -> None:
        """Spends what is left of the time. May be called from another thread."""
        self._deadline = float("-inf")

    def scan(self, table: Table, request: Request) -> Scan:
        """The table's rows for `request`: a new reading, or the one already made."""
        self.check_time()
        key = (
            table.name,
            frozenset(request.constraints.items()),
            request.columns_used,
        )
        scan = self._scans.get(key)
        if scan is None:
            scan = self._scans[key] = Scan(table, request, self._took_row)
        return scan

    def _took_row(self) -> None:
        self._rows_left -= 1
        if self._rows_left < 0:
            raise TooManyRows
