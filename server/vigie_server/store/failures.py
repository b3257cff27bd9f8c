"""What the databases' errors are to us: busy, refused, or a fault of ours.

What passes by itself, or once somebody mends the machine (locks, a full disk, a server that is
away or takes no writes), is busy and tried again. A value that breaks the store's rules is refused.
A statement that the database does not understand is a fault of ours, however often it is tried:
SQLite tells it as it tells a lock, by `OperationalError`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoneFree

from vigie_server.domain.errors import StoreBusy, StoreMisused, StoreRefused, VigieError

_TAKES_NO_WRITES: Final = "25006"
"""SQLSTATE of a read-only transaction: of a server, say, in whose place another one writes."""
_NOT_ALLOWED: Final = "42501"
"""SQLSTATE of what the account of the URL may not do."""
_TOO_LARGE: Final = "54"
"""Class of SQLSTATE: a statement beyond the limits of PostgreSQL itself."""

log = structlog.get_logger()


@contextmanager
def failures_as_ours() -> Iterator[None]:
    """Raises StoreBusy, StoreRefused or StoreMisused for what SQLAlchemy raises."""
    try:
        yield
    except NoneFree as error:
        raise StoreBusy("every connection to the store is in use") from error
    except DBAPIError as error:
        raise _ours(error) from error


def _ours(error: DBAPIError) -> VigieError:
    kind = type(error.orig).__name__
    if _sqlstate(error) == _NOT_ALLOWED:
        # Names tables, and no values.
        return StoreRefused(
            f"the store refused: {_said(error)} (its account has to own the database)"
        )
    if _is_fault(error):
        # A text of the database about the statement, whose values travel apart.
        log.error("store_misused", kind=kind, error=_said(error))
        return StoreMisused(f"the store does not understand what it is asked: {kind}")
    if isinstance(error, OperationalError):
        return StoreBusy(f"the store cannot take it now: {_told(error)}")
    if error.connection_invalidated:
        return StoreBusy("the connection to the store was lost")
    if _sqlstate(error) == _TAKES_NO_WRITES:
        return StoreBusy("the store cannot take it now: it takes no writes")
    # The driver's own text may quote the values.
    return StoreRefused(f"the store refused: {kind}")


def _is_fault(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return False
    if isinstance(error.orig, sqlite3.OperationalError):
        return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    if isinstance(error, OperationalError):
        return (_sqlstate(error) or "").startswith(_TOO_LARGE)
    return isinstance(error, ProgrammingError)


def _sqlstate(error: DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _said(error: DBAPIError) -> str:
    said: str | None = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    return str(error.orig) if said is None else said


def _told(error: OperationalError) -> str:
    """Why, for whoever is at the other end: what libpq says names the database's own address."""
    if isinstance(error.orig, sqlite3.Error):
        return str(error.orig)
    said: str | None = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    if said is None or error.connection_invalidated:
        log.warning("store_unreachable", error=str(error.orig))
        return "it cannot be reached"
    return said
