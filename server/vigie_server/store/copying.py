"""Copies a SQLite store to an empty PostgreSQL: all of it, or nothing.

Nobody else may have the source open while it is read, so nothing can be committed to it that the
copy lacks. The target is filled in one transaction, read back in it, and committed only when every
table has the count and the digest of its source.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

from sqlalchemy import Connection, Table, select, text

from vigie_server.domain.errors import InUse, NotFound, SettingsMalformed, StoreBusy, StoreRefused
from vigie_server.ports.declaring import Act
from vigie_server.store import (  # noqa: F401 (their tables too)
    declared_models,
    history,
    migrating,
    notice_models,
    people_models,
    question_models,
    repeat_models,
    update_models,
)
from vigie_server.store.content_digest import TableDigest
from vigie_server.store.database import Database
from vigie_server.store.models import Base, Change, Meta
from vigie_server.store.postgres import unlimited
from vigie_server.store.rejudging import record_act
from vigie_server.store.tables import table

if TYPE_CHECKING:
    import psycopg

TABLES: Final = [found for found in Base.metadata.sorted_tables if found is not table(Change)]
"""What is copied, what others refer to first; not what running processes tell one another."""
META: Final = table(Meta)
TOLD_EVERY: Final = 1_000
"""Rows between two words of how far it is."""
_LOCKED_WITHIN: Final = 1.0
_IN_USE: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()"
)

Done = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table as it is in both stores."""

    name: str
    rows: int
    digest: str


class Source:
    """A SQLite store that nobody else has open."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, of: Table) -> Iterator[tuple[Any, ...]]:
        """Every row, its values in the order of the model's columns."""
        return iter(self._connection.execute(everything(of)))

    def count(self) -> int:
        """Rows of all that is copied."""
        counts = (
            self._connection.execute(f'SELECT count(*) FROM "{of.name}"').fetchone()[0]  # noqa: S608 (our own names)
            for of in TABLES
        )
        return sum(counts)

    def months(self, of: str) -> Sequence[datetime]:
        """The months in which there is history."""
        found = self._connection.execute(
            f"SELECT DISTINCT strftime('%Y-%m-01', at / 1000000, 'unixepoch') FROM {of} ORDER BY 1"  # noqa: S608 (our own names)
        )
        return [datetime.fromisoformat(month).replace(tzinfo=UTC) for (month,) in found]

    def schema(self) -> str | None:
        """The schema revision of the store."""
        try:
            found = self._connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return None
            raise
        return None if found is None else str(found[0])


@contextmanager
def source_alone(file: Path) -> Iterator[Source]:
    """The store in this file, locked for whoever else comes, at this version's schema.

    Raises NotFound, InUse (a server runs on it), StoreRefused (no store, or it cannot be read),
    SettingsMalformed (another schema).
    """
    with alone(file) as source:
        found = source.schema()
        if found != migrating.newest_revision():
            raise SettingsMalformed(
                f"{file} is at schema {found or 'none'}, this version needs "
                f"{migrating.newest_revision()}: run `vigie-server migrate` on it, without "
                "VIGIE_SERVER_STORE__URL"
            )
        yield source


@contextmanager
def alone(file: Path) -> Iterator[Source]:
    """The store in this file, locked for whoever else comes, at whatever schema.

    Raises NotFound, InUse (a server runs on it), StoreRefused (no store, or it cannot be read; also
    when that shows as its rows are read).
    """
    if not file.is_file():
        raise NotFound(f"there is no SQLite store {file}")
    address = f"file:{quote(str(file))}?mode=rw"
    with closing(
        sqlite3.connect(address, uri=True, isolation_level=None, timeout=_LOCKED_WITHIN)
    ) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            source = Source(connection)
            source.schema()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorname.startswith("SQLITE_BUSY"):
                raise InUse(f"{file} is in use: stop the server that runs on it") from error
            raise StoreRefused(f"{file} cannot be read: {error}") from error
        try:
            yield source
        except sqlite3.DatabaseError as error:  # some rows later
            raise StoreRefused(f"{file} cannot be read: {error}") from error
        connection.execute("ROLLBACK")


def copy_store(
    source: Source,
    target: Database,
    act: Act,
    *,
    copied: Done,
    checked: Done,
    replace: bool = False,
) -> Sequence[CopiedTable]:
    """Copies every table and reads it back; gives what is in both. The target's audit tells of it.

    With `replace` the rows of the target, which has to be at this version's schema, go in the same
    transaction.

    `copied` and `checked` are told how many more rows are. Raises InUse (the target is not empty,
    or a server runs on it), StoreRefused (a row cannot be kept, or was not kept as it is) and
    StoreBusy; the target holds nothing then.
    """
    import psycopg  # noqa: PLC0415 (a server on SQLite, which can back up, does without)

    migrating.migrate(target)
    try:
        with target.writing() as connection:
            unlimited(connection)
            connection.execute(text(f"LOCK TABLE {META.name} IN ACCESS EXCLUSIVE MODE"))
            if replace:
                _empty(connection)
            _require_empty(connection)
            connection.execute(META.delete())
            for name in history.BY_MONTH:
                history.make_these(connection, name, source.months(name))
            found = [_fill(connection, source, of, copied) for of in TABLES]
            for of, expected in zip(TABLES, found, strict=True):
                _check(connection, of, expected, checked)
                _number_on(connection, of)
            record_act(connection, act, "copied the store from SQLite", "")
            return found
    except psycopg.OperationalError as error:  # the driver's own, beside SQLAlchemy
        raise StoreBusy(f"{why_left_off(error)}: nothing was copied") from error


def _require_empty(connection: Connection) -> None:
    _require_alone(connection)
    for of in TABLES:
        if of is not META and connection.execute(select(select(of).exists())).scalar_one():
            raise InUse(f"the target is not empty: it holds rows in `{of.name}`")


def _require_alone(connection: Connection) -> None:
    if connection.execute(_IN_USE).scalar_one():
        raise InUse("another process of Vigie is connected to the target: stop it")


def _empty(connection: Connection) -> None:
    _require_alone(connection)
    names = ", ".join(f'"{of.name}"' for of in (*TABLES, table(Change)))
    connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))


def _fill(connection: Connection, source: Source, of: Table, copied: Done) -> CopiedTable:
    import psycopg  # noqa: PLC0415 (see above)

    digest = TableDigest(of)
    statement = f'COPY "{of.name}" ({_columns(of)}) FROM STDIN'
    try:
        with driver(connection).cursor() as cursor, cursor.copy(statement) as copy:
            for row in source.rows(of):
                digest.add(row)
                copy.write_row(row)
                if digest.rows % TOLD_EVERY == 0:
                    copied(TOLD_EVERY)
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        # The rest of the text may quote the values.
        why = error.diag.message_primary or str(error)
        raise StoreRefused(
            f"table {of.name}, at row {digest.rows} or before: {why}; nothing was copied"
        ) from error
    copied(digest.rows % TOLD_EVERY)
    return CopiedTable(of.name, digest.rows, digest.hexadecimal)


def _check(connection: Connection, of: Table, expected: CopiedTable, checked: Done) -> None:
    digest = TableDigest(of)
    with driver(connection).cursor("checked") as rows:  # read as they come, not all at once
        rows.itersize = TOLD_EVERY
        for row in rows.execute(everything(of)):
            digest.add(row)
            if digest.rows % TOLD_EVERY == 0:
                checked(TOLD_EVERY)
    checked(digest.rows % TOLD_EVERY)
    if (digest.rows, digest.hexadecimal) != (expected.rows, expected.digest):
        raise StoreRefused(
            f"table {of.name} holds {digest.rows} of {expected.rows} rows, or they are not as they "
            "were: nothing was copied"
        )


def _number_on(connection: Connection, of: Table) -> None:
    """New rows get keys after those that were copied."""
    if "key" in of.c:
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{of.name}', 'key'), max(key)) "  # noqa: S608 (our own names)
                f"FROM {of.name} HAVING max(key) IS NOT NULL"
            )
        )


def everything(of: Table) -> str:
    """A SELECT of every row, its values in the order of the model's columns."""
    return f'SELECT {_columns(of)} FROM "{of.name}"'  # noqa: S608 (our own names)


def _columns(of: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in of.columns)


def why_left_off(error: "psycopg.OperationalError") -> str:
    """In PostgreSQL's own words where it had any left: a full disk is not a server that is gone."""
    said = error.diag.message_primary
    return "PostgreSQL went away" if said is None else f"PostgreSQL did not go on ({said})"


def driver(connection: Connection) -> "psycopg.Connection[Any]":
    """The driver's own connection, which copies and reads by pieces."""
    found: Any = connection.connection.driver_connection
    return cast("psycopg.Connection[Any]", found)
