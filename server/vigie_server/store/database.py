"""The database: SQLite in WAL mode, or PostgreSQL, behind one way to read and one way to write.

A write is one transaction that holds the write lock from its first statement, so it never fails
half-way because another process wrote in between. A commit that returns is on the disk
(`synchronous=FULL`): reports are acknowledged on the strength of it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from vigie_server.domain.errors import StoreBusy, StoreRefused

BUSY_TIMEOUT_MS: Final = 10_000
_WRITE: Final = "vigie_write"


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite store in this file."""
    return f"sqlite:///{path}"


class Database:
    """Connections to the store. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self.url: Final = url
        self.engine: Final = _engine(url)
        self.is_sqlite: Final = self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one moment of the store. Raises StoreBusy."""
        with _busy_as_ours(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, committed on leaving, undone if anything is raised. Raises StoreBusy."""
        with _busy_as_ours(), self.engine.connect() as plain:
            connection = plain.execution_options(**{_WRITE: True})
            with connection.begin():
                yield connection

    def sql(self, text: str) -> str:
        """`text` with its `?` places in the driver's own style, for `exec_driver_sql`."""
        return text if self.is_sqlite else text.replace("?", "%s")

    def close(self) -> None:
        """Lets go of every connection. Safe to call twice."""
        self.engine.dispose()


@contextmanager
def _busy_as_ours() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise StoreBusy(f"the store cannot take it now: {error.orig}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StoreBusy("the connection to the store was lost") from error
        # The driver's own text may quote the values.
        raise StoreRefused(f"the store refused: {type(error.orig).__name__}") from error


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite:"):
        return create_engine(url, pool_pre_ping=True)
    # isolation_level None: transactions are begun below, and the driver begins none of its own.
    engine = create_engine(url, connect_args={"isolation_level": None, "timeout": 10})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-16000",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
