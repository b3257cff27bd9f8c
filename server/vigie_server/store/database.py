"""The database: SQLite in WAL mode, or PostgreSQL, behind one way to read and one way to write.

A write is one transaction. On SQLite it holds the write lock from its first statement, so it never
fails half-way because another process wrote in between, and threads of one process take it in turn
(SQLite itself would have them look again and again whether it is free); on PostgreSQL it holds the
rows that it changed, and one that lost to another is tried again whole (`retried`). A commit that
returns is on the disk (`synchronous=FULL`, `synchronous_commit`): reports are acknowledged on the
strength of it.
"""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from pathlib import Path
from secrets import token_hex
from threading import Event, local
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, Protocol, TypeVar, cast

from sqlalchemy import URL, Connection, Engine, FromClause, create_engine, event, make_url
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from vigie_server.domain.errors import SettingsMalformed, StoreBusy
from vigie_server.store.counting import Counter
from vigie_server.store.failures import failures_as_ours
from vigie_server.store.postgres import Terms, postgres_engine
from vigie_server.store.turns import Turns

if TYPE_CHECKING:
    import psycopg

BUSY_TIMEOUT_MS: Final = 10_000
SQLITE_CONNECTIONS: Final = 20
CACHE_BYTES: Final = 8_000 * 1024
"""Of a connection to SQLite, filled as it is used."""
_WRITE: Final = "vigie_write"
_LOST_TO_ANOTHER: Final = {"40001", "40P01"}
"""SQLSTATE of a serialisation failure and of a deadlock: the transaction is undone, whole."""
_FIRST_PAUSE: Final = 0.02
_DEFAULTS: Final = Terms()

T = TypeVar("T")
P = ParamSpec("P")


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite store in this file."""
    return f"sqlite:///{path}"


class Database:
    """Connections to the store. Safe to use from several threads."""

    def __init__(
        self,
        url: str,
        terms: Terms = _DEFAULTS,
        *,
        cache: int = CACHE_BYTES,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`cache`: bytes, of each connection to SQLite.

        Raises SettingsMalformed for a URL of neither database.
        """
        self.url: Final = url
        self.name: Final = token_hex(8)
        """Of this process among those that share the store."""
        self.counter: Final = Counter()
        read = _readable(url)
        self.is_sqlite: Final = read.get_backend_name() == "sqlite"
        self.engine: Final = (
            _sqlite_engine(read, cache) if self.is_sqlite else postgres_engine(read, terms)
        )
        # One statement sees one moment by itself; several do only in one snapshot.
        self._reader = self._looker = self.engine
        if not self.is_sqlite:
            self._reader = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            self._looker = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.turns: Final = Turns() if self.is_sqlite else None
        """Of those who write, where the database does not see to it."""
        self._retries = terms.retries
        self._jitter = jitter
        self._closed = Event()
        self._look = local()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one moment of the store. Raises StoreBusy."""
        with failures_as_ours(), self._shared_or(self._reader) as connection:
            yield connection

    @contextmanager
    def listing(self, *, once: bool = False) -> Iterator[Connection]:
        """The same for a page of a list, whose statements PostgreSQL plans for what is asked.

        Its driver has a statement that comes again planned for anything: between any two instants a
        rule's changes at one site were looked for among everybody's, 900 ms a page instead of 25.
        `once`: it is one statement, see `looking`.
        """
        with self.looking() if once else self.reading() as connection:
            if self.is_sqlite:
                yield connection
                return
            driver = cast("psycopg.Connection", connection.connection.driver_connection)
            kept, driver.prepare_threshold = driver.prepare_threshold, None
            try:
                yield connection
            finally:
                driver.prepare_threshold = kept

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """A connection for one statement, which sees one moment by itself. Raises StoreBusy.

        PostgreSQL is then told of no transaction: its beginning and its end would be two messages
        more, as many as a small list has.
        """
        with failures_as_ours(), self._shared_or(self._looker) as connection:
            yield connection

    @contextmanager
    def one_look(self) -> Iterator[None]:
        """Has what this thread reads see one moment, through one connection. Raises StoreBusy.

        To take a connection and begin costs as much as a short statement. Over PostgreSQL each
        reading stays its own: one that fails would take those after it along.
        """
        if not self.is_sqlite:
            yield
            return
        with self.reading() as connection:
            self._look.connection = connection
            try:
                yield
            finally:
                self._look.connection = None

    @contextmanager
    def _shared_or(self, engine: Engine) -> Iterator[Connection]:
        shared: Connection | None = getattr(self._look, "connection", None)
        if shared is not None:
            yield shared
            return
        with engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, committed on leaving, undone if anything is raised. Raises StoreBusy."""
        with self._turn(), failures_as_ours(), self.engine.connect() as plain:
            connection = plain.execution_options(**{_WRITE: True})
            with connection.begin():
                yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The right to write to SQLite; whoever waits for it holds no connection."""
        if self.turns is None:
            yield
            return
        with ExitStack() as turn:
            try:
                turn.enter_context(self.turns.one(within=BUSY_TIMEOUT_MS / 1_000))
            except TimeoutError as error:
                raise StoreBusy("the store cannot take it now: others write for long") from error
            yield

    def retry(self, transaction: Callable[[], T]) -> T:
        """What `transaction` gives, called again from its start while it loses to others.

        It must be a whole: one `writing` and nothing kept outside of it. Pauses double and are
        drawn at random, so that two that met do not meet again. Raises StoreBusy after the last.
        """
        for attempt in range(self._retries):
            try:
                return transaction()
            except StoreBusy as error:
                if not _lost_to_another(error):
                    raise
                self._closed.wait(_FIRST_PAUSE * 2**attempt * self._jitter())
        return transaction()

    def sql(self, text: str) -> str:
        """`text` with its `?` places in the driver's own style, for `exec_driver_sql`."""
        return text if self.is_sqlite else text.replace("?", "%s")

    def close(self) -> None:
        """Lets go of every connection. Safe to call twice."""
        self._closed.set()
        self.engine.dispose()


class _OverADatabase(Protocol):
    _database: Database


Self = TypeVar("Self", bound=_OverADatabase)


def retried(
    method: Callable[Concatenate[Self, P], T],
) -> Callable[Concatenate[Self, P], T]:
    """The method of a repository, which is one transaction, as `Database.retry` calls it."""

    @wraps(method)
    def whole(self: Self, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._database.retry(partial(method, self, *args, **kwargs))

    return whole


def _lost_to_another(error: StoreBusy) -> bool:
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and (
        getattr(cause.orig, "sqlstate", None) in _LOST_TO_ANOTHER
    )


def _readable(url: str) -> URL:
    try:
        read = make_url(url)
    except ArgumentError:  # its own text quotes the URL, which may hold a password
        read = None
    if read is not None and read.get_backend_name() == "sqlite":
        return read
    if read is not None and read.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return read.set(drivername="postgresql+psycopg")
    raise SettingsMalformed(
        "the store's URL is not one of PostgreSQL: postgresql+psycopg://account@host/database"
    )


def _sqlite_engine(url: URL, cache: int) -> Engine:
    # isolation_level None: transactions are begun below, and the driver begins none of its own.
    # The connections are kept, those used last first: their caches are warm, and those that a crowd
    # of readers once needed stay small.
    engine = create_engine(
        url,
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1_000},
        pool_size=SQLITE_CONNECTIONS,
        max_overflow=0,
        pool_use_lifo=True,
    )
    engine.dialect.statement_compiler = _Hinting
    event.listen(engine, "connect", partial(_prepare_sqlite, cache))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


class _Hinting(SQLiteCompiler):
    """Writes the hints of a query (`INDEXED BY`), which SQLAlchemy leaves out for SQLite."""

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return text


def _prepare_sqlite(cache: int, connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"cache_size=-{cache // 1024}",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
