"""The lead among the servers over one PostgreSQL: an advisory lock on a connection of its own.

The lock is gone with its connection, however that ends: another server takes it. PostgreSQL ends
the connection of a leader that says nothing any more, for one that hangs keeps it. The one that
lost the lead may not know yet. So each new leader raises a number in the store, and what the
scheduled work writes is held, in its own transaction, to the number of who writes (`fenced`): a
former leader's transaction is undone, and the new leader waits for one that is just being
committed. Verdicts need no such fence: they are committed on the revision that they were made from.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from vigie_server.domain.errors import StoreBusy
from vigie_server.store.database import Database
from vigie_server.store.models import Meta
from vigie_server.store.tables import table

META: Final = table(Meta)
NUMBER: Final = "leading"
LOCK: Final = 0x7669676965_01
"""The advisory lock's key in this database: "vigie", and the first use of one."""

_WATCHED: Final = (
    # A leader whose machine is gone is noticed by the database within these seconds.
    "SET tcp_keepalives_idle = 5",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
    "SET tcp_user_timeout = 15000",
    "SET statement_timeout = 10000",
)
_HEARD: Final = text("SELECT set_config('idle_session_timeout', :within, false)")
_SINCE: Final = (14,)
"""The first release of PostgreSQL that ends a connection on which nothing is said."""
HUNG: Final = timedelta(seconds=20)
"""After how long without a word a leader counts as one that hangs."""
_TAKE: Final = text("SELECT pg_try_advisory_lock(:key)")
_GIVE_UP: Final = text("SELECT pg_advisory_unlock(:key)")
_RAISE: Final = text(
    "INSERT INTO meta (name, value) VALUES (:name, '1') ON CONFLICT (name) DO UPDATE "
    "SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT) RETURNING value"
)
_NUMBER: Final = text("SELECT value FROM meta WHERE name = :name FOR SHARE")


class Alone:
    """The `Lease` of a store that one process serves."""

    def take(self) -> bool:
        return True

    def held(self) -> bool:
        return True

    def give_up(self) -> None:
        """Nobody else wants it."""


@dataclass(slots=True)
class PostgresLease:
    """The `Lease` of PostgreSQL."""

    database: Database
    hung: timedelta = HUNG
    """Longer than what passes between two times that it is asked whether it is `held`."""
    _connection: Connection | None = None
    _number: str = ""

    def take(self) -> bool:
        self.give_up()
        try:
            connection = self._connection = self.database.engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            )
            if not connection.execute(_TAKE, {"key": LOCK}).scalar():
                self._connection = None
                connection.close()
                return False
            self._watch(connection)
        except SQLAlchemyError as error:
            self.give_up()
            raise StoreBusy("the lead cannot be asked for now") from error
        try:
            with self.database.writing() as writing:
                number = writing.execute(_RAISE, {"name": NUMBER}).scalar_one()
        except StoreBusy:
            self.give_up()
            raise
        self._number = str(number)
        return True

    def held(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                if not connection.invalidated:
                    connection.execute(_GIVE_UP, {"key": LOCK})
                connection.invalidate()  # its settings are not for others
            connection.close()

    def check(self, connection: Connection) -> None:
        """Raises StoreBusy where another process leads; nobody does before this is committed."""
        if connection.execute(_NUMBER, {"name": NUMBER}).scalar() != self._number:
            raise StoreBusy("another server leads now")

    def _watch(self, connection: Connection) -> None:
        for statement in _WATCHED:
            connection.execute(text(statement))
        release = connection.dialect.server_version_info
        if release is not None and release >= _SINCE:
            within = str(self.hung // timedelta(milliseconds=1))
            connection.execute(_HEARD, {"within": within})


class _Fenced(Database):
    """A database whose writes are checked in their own transaction."""

    def __init__(self, database: Database, check: Callable[[Connection], None]) -> None:
        self.__dict__.update(vars(database))
        self._check = check

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with super().writing() as connection:
            self._check(connection)
            yield connection


def lease_of(
    database: Database, *, hung: timedelta = HUNG
) -> tuple[PostgresLease | Alone, Database]:
    """The lead over this store, and the store as the scheduled work of who leads writes to it.

    `hung`: after how long without a word another may lead.
    """
    if database.is_sqlite:
        return Alone(), database
    lease = PostgresLease(database, hung)
    return lease, _Fenced(database, lease.check)
