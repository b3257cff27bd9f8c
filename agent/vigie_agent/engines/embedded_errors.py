"""What went wrong in a query, as the answer that says so."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw

from vigie_agent.domain.answers import QueryError, Reason
from vigie_agent.domain.table import LibraryMissing, PermissionNeeded, TableError
from vigie_agent.engines.embedded_scans import OutOfTime, TableFailed, TooManyRows

OUT_OF_TIME: Final = QueryError(Reason.TIMEOUT, "took longer than its time budget")

EXPECTED: Final = (apsw.Error, MemoryError, OutOfTime, TableError, TableFailed, TooManyRows)
"""All that a query may raise; anything else is a bug of the engine."""


def query_error(error: Exception) -> QueryError:
    """The answer for an exception of `EXPECTED`."""
    return next(answer(error) for kind, answer in _ANSWERS if isinstance(error, kind))


def origin(error: BaseException | None) -> dict[str, str]:
    """Kind and place of a bug, for the log. No traceback: its values could be the device's data."""
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return {"error": type(error).__name__, "where": where}


def _sqlite_said(error: Exception) -> QueryError:
    text = str(error)
    missing = text.startswith("no such table: ")
    return QueryError(Reason.MISSING_TABLE if missing else Reason.ERROR, text)


def _table_failed(error: Exception) -> QueryError:
    # The kind of the exception only: its text may hold what changes from one time to the next.
    return QueryError(Reason.ERROR, f"table {error} failed: {type(error.__cause__).__name__}")


def _too_much_memory(_error: Exception) -> QueryError:
    return QueryError(Reason.TOO_LARGE, "needs more memory than one query may")


_ANSWERS: Final[tuple[tuple[type[Exception], Callable[[Exception], QueryError]], ...]] = (
    (OutOfTime, lambda _error: OUT_OF_TIME),
    (apsw.InterruptError, lambda _error: OUT_OF_TIME),
    (
        TooManyRows,
        lambda _error: QueryError(Reason.TOO_LARGE, "reads more rows than one query may"),
    ),
    (MemoryError, _too_much_memory),
    (apsw.NoMemError, _too_much_memory),
    (apsw.TooBigError, _too_much_memory),
    (PermissionNeeded, lambda error: QueryError(Reason.NO_PERMISSION, str(error))),
    (LibraryMissing, lambda error: QueryError(Reason.MISSING_TABLE, str(error))),
    (TableError, lambda error: QueryError(Reason.ERROR, str(error))),
    (TableFailed, _table_failed),
    (apsw.Error, _sqlite_said),
)
